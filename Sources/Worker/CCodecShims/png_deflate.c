// SPDX-License-Identifier: Apache-2.0
#include "png_deflate.h"

#include <libdeflate.h>

enum { SAMPLES = 4, SAMPLE = 16 << 10 };

// libdeflate's own bound is five bytes for each 10,000, ours six for each 8,192.
size_t png_deflate_room(size_t count) { return count + count / 1024 + 64; }

codec_status png_deflate(
    const uint8_t *data, size_t count, int level, uint64_t deadline, uint8_t *out, size_t room, size_t *deflated) {
    struct libdeflate_compressor *deflater = libdeflate_alloc_compressor(level);
    if (!deflater) return CODEC_NO_MEMORY;
    // Pieces from all over the data are compressed, or all of it where that is little. It is noise where looking for what
    // repeats saves nothing: in the whole, which has more to look at, that may save a hundredth more. Where pieces become
    // very small they say nothing of those between them, and libdeflate takes little time.
    int is_sampled = count > SAMPLES * SAMPLE;
    size_t size = is_sampled ? SAMPLE : count, step = is_sampled ? (count - SAMPLE) / (SAMPLES - 1) : 0;
    size_t samples = is_sampled ? SAMPLES : 1, as_noise = 0, otherwise = 0, filled = 0;
    for (size_t i = 0; i < samples; i++) {
        filled = libdeflate_zlib_compress(deflater, data + i * step, size, out, room);
        otherwise += filled > 0 ? filled : size;
        as_noise += png_size_as_noise(data + i * step, size);
    }
    int is_noise = 100 * as_noise <= 99 * otherwise && 6 * as_noise > samples * size;
    if (is_sampled && !is_noise) filled = libdeflate_zlib_compress(deflater, data, count, out, room);
    libdeflate_free_compressor(deflater);
    if (is_noise) return png_deflate_noise(data, count, deadline, out, room, deflated);
    *deflated = filled;
    return filled > 0 ? CODEC_OK : CODEC_TOO_LARGE;
}
