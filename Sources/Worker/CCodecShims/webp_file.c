// SPDX-License-Identifier: Apache-2.0
#include "webp_file.h"

#include <limits.h>

codec_status webp_file_open(const uint8_t *bytes, size_t count, uint64_t max_pixels, WebPDemuxer **demuxer) {
    WebPData data = {bytes, count};
    // Answers nothing when a single byte is missing.
    *demuxer = WebPDemux(&data);
    if (!*demuxer) return CODEC_CORRUPT;
    uint64_t width = WebPDemuxGetI(*demuxer, WEBP_FF_CANVAS_WIDTH);
    uint64_t height = WebPDemuxGetI(*demuxer, WEBP_FF_CANVAS_HEIGHT);
    codec_status status = CODEC_OK;
    if (width == 0 || height == 0 || WebPDemuxGetI(*demuxer, WEBP_FF_FRAME_COUNT) == 0) {
        status = CODEC_CORRUPT;
    } else if (width * height > max_pixels || width > INT_MAX / 4 || height > INT_MAX / 4) {
        status = CODEC_TOO_MANY_PIXELS;
    }
    if (status == CODEC_OK) return CODEC_OK;
    WebPDemuxDelete(*demuxer);
    *demuxer = NULL;
    return status;
}

const uint8_t *webp_file_chunk(const WebPDemuxer *demuxer, const char name[4], size_t *count) {
    WebPChunkIterator chunk;
    const uint8_t *bytes = NULL;
    *count = 0;
    if (WebPDemuxGetChunk(demuxer, name, 1, &chunk) && chunk.chunk.size > 0) {
        bytes = chunk.chunk.bytes;
        *count = chunk.chunk.size;
    }
    WebPDemuxReleaseChunkIterator(&chunk);
    return bytes;
}

uint64_t webp_file_cost(const WebPBitstreamFeatures *features) {
    enum { LOSSLESS = 2 };
    uint64_t area = (uint64_t)features->width * (uint64_t)features->height;
    // A lossless picture stands in memory as a whole, and so does the alpha of a lossy one; of the rest some rows.
    uint64_t rows = (uint64_t)features->width * 256;
    return rows + (features->format == LOSSLESS ? 4 * area : features->has_alpha ? area : 0);
}

uint64_t webp_file_work(const WebPBitstreamFeatures *features, size_t bytes) {
    enum { LOSSLESS = 2 };
    // A pixel takes 13 ns, and as much again for each bit of one that is lossy.
    uint64_t area = (uint64_t)features->width * (uint64_t)features->height;
    return 3 * area + (features->format == LOSSLESS ? 4 : 16) * (uint64_t)bytes;
}

static codec_status status_of(VP8StatusCode code) {
    switch (code) {
    case VP8_STATUS_OK: return CODEC_OK;
    case VP8_STATUS_OUT_OF_MEMORY: return CODEC_NO_MEMORY;
    // More bytes are wanted, and there are none.
    default: return CODEC_CORRUPT;
    }
}

codec_status webp_file_decode_into(
    const WebPData *bitstream, int width, int height, const WebPDecBuffer *output, uint64_t deadline) {
    enum { STEP = 64 << 10 };
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return CODEC_NO_MEMORY;
    if (WebPGetFeatures(bitstream->bytes, bitstream->size, &config.input) != VP8_STATUS_OK) return CODEC_CORRUPT;
    if (config.input.width != width || config.input.height != height || config.input.has_animation)
        return CODEC_CORRUPT;
    config.output = *output;
    config.output.is_external_memory = 1;

    // By and by, so that a deadline can end it. Until the first row is there the decoder starts over at each step, so
    // those grow.
    WebPIDecoder *decoder = WebPIDecode(NULL, 0, &config);
    if (!decoder) return CODEC_NO_MEMORY;
    VP8StatusCode code = VP8_STATUS_SUSPENDED;
    int row = 0;
    for (size_t offered = 0; code == VP8_STATUS_SUSPENDED && offered < bitstream->size;) {
        if (deadline && codec_now() > deadline) {
            WebPIDelete(decoder);
            return CODEC_DEADLINE;
        }
        size_t step = row > 0 || offered < STEP ? STEP : offered;
        offered = step < bitstream->size - offered ? offered + step : bitstream->size;
        code = WebPIUpdate(decoder, bitstream->bytes, offered);
        WebPIDecodedArea(decoder, NULL, NULL, NULL, &row);
    }
    WebPIDelete(decoder);
    return status_of(code);
}

codec_status webp_file_decode(
    const WebPData *bitstream, int width, int height, int channels, uint8_t *pixels, size_t stride, uint64_t deadline) {
    if (stride > INT_MAX) return CODEC_NO_MEMORY;
    WebPDecBuffer output;
    if (!WebPInitDecBuffer(&output)) return CODEC_NO_MEMORY;
    output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    output.u.RGBA.rgba = pixels;
    output.u.RGBA.stride = (int)stride;
    output.u.RGBA.size = stride * (size_t)(height - 1) + (size_t)width * (size_t)channels;
    return webp_file_decode_into(bitstream, width, height, &output, deadline);
}
