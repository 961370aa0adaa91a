// SPDX-License-Identifier: Apache-2.0
#include "png_rgba.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "png_private.h"

enum { MAX_PROFILE = 4 << 20 };

// A source that has the profile added to what another one reads.
typedef struct {
    pixel_source source;
    pixel_source *inner;
    uint8_t *icc;
} profiled;

static codec_status read_row(pixel_source *source, uint8_t *row) {
    profiled *p = (profiled *)source;
    return p->inner->read_row(p->inner, row);
}

static void close_profiled(pixel_source *source) {
    profiled *p = (profiled *)source;
    p->inner->close(p->inner);
    free(p->icc);
    free(p);
}

// iCCP: a name of up to 79 bytes, a zero, the method 0, a zlib stream. A profile that cannot be read is none.
static uint8_t *inflate_profile(png_bytes chunk, size_t *count) {
    const uint8_t *end = memchr(chunk.bytes, 0, chunk.count < 80 ? chunk.count : 80);
    if (!end || end == chunk.bytes) return NULL;
    size_t skip = (size_t)(end - chunk.bytes) + 2;
    if (skip >= chunk.count || end[1] != 0) return NULL;
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    uint8_t *profile = NULL;
    // Its size is not known: what does not fit is tried again with more.
    for (size_t size = 64 << 10; inflater && size <= MAX_PROFILE; size *= 8) {
        uint8_t *larger = realloc(profile, size);
        if (!larger) break;
        profile = larger;
        enum libdeflate_result result =
            libdeflate_zlib_decompress(inflater, chunk.bytes + skip, chunk.count - skip, profile, size, count);
        if (result == LIBDEFLATE_SUCCESS) {
            libdeflate_free_decompressor(inflater);
            return profile;
        }
        if (result != LIBDEFLATE_INSUFFICIENT_SPACE) break;
    }
    libdeflate_free_decompressor(inflater);
    free(profile);
    return NULL;
}

static pixel_source *with_profile(pixel_source *inner, png_bytes chunk) {
    size_t count = 0;
    uint8_t *icc = inflate_profile(chunk, &count);
    profiled *p = icc ? malloc(sizeof *p) : NULL;
    if (!p) {
        free(icc);
        return inner;
    }
    *p = (profiled){.source = *inner, .inner = inner, .icc = icc};
    p->source.icc = icc;
    p->source.icc_count = count;
    p->source.read_row = read_row;
    p->source.close = close_profiled;
    return &p->source;
}

// What is inflated, as it is stored.
static uint64_t stored(const png_skeleton *s) {
    return ((uint64_t)s->width * (uint64_t)(png_samples(s->colour) * s->depth) + 7) / 8 * s->height;
}

// Interlaced rows are spread over the picture pass by pass, which takes as long as unpacking them.
static uint64_t unpacked(const png_skeleton *s) {
    if (!s->is_interlaced) return stored(s);
    // All of it stands in memory, as what it is expanded to.
    uint64_t expanded = (uint64_t)s->width * s->height * (s->transparency.count ? 4 : s->colour == 3 ? 3 : 1);
    return 2 * (stored(s) > expanded ? stored(s) : expanded);
}

// What all of it takes: a byte of data holds up to eight codes, of which each takes 7 ns, where the bytes that
// they give take 3. Told as bytes of 4 ns.
static uint64_t work(const png_skeleton *s) {
    uint64_t all = stored(s) * 5 / 2, coded = 7 * (uint64_t)s->data_count;
    return unpacked(s) / 4 * 3 + (all < coded ? all : coded);
}

codec_status png_rgba_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **out) {
    *out = NULL;
    png_skeleton skeleton;
    codec_status status = png_read_skeleton(bytes, count, &skeleton);
    if (status != CODEC_OK) return status;
    if ((uint64_t)skeleton.width * skeleton.height > limits->max_pixels) return CODEC_TOO_MANY_PIXELS;
    if (unpacked(&skeleton) > limits->max_unpacked) return CODEC_TOO_MANY_PIXELS;
    if (work(&skeleton) > limits->max_work) return CODEC_TOO_MANY_PIXELS;
    if (skeleton.width > PNG_MAX_SIDE || skeleton.height > PNG_MAX_SIDE) return CODEC_TOO_MANY_PIXELS;
    status = png_fast_open(&skeleton, limits, out);
    if (status == CODEC_OK && !*out) status = png_slow_open(bytes, count, &skeleton, limits, out);
    if (status == CODEC_OK && skeleton.coding.count == 4) {
        // It comes before any profile.
        (*out)->primaries = skeleton.coding.bytes[0];
        (*out)->transfer = skeleton.coding.bytes[1];
    } else if (status == CODEC_OK && skeleton.profile.count > 0) *out = with_profile(*out, skeleton.profile);
    return status;
}
