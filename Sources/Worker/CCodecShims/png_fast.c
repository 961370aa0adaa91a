// SPDX-License-Identifier: Apache-2.0
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "CResample.h"
#include "png_private.h"

// libdeflate inflates at once or not at all: pictures with more than this are left to libpng, which streams.
enum { MAX_INFLATED = 32 << 20 };

typedef struct {
    pixel_source source;  // first, so that a pointer to it is one to this
    uint8_t *inflated;    // rows with their filter bytes, unfiltered when their turn comes
    uint8_t *zeros;       // stands above the first row
    const uint8_t *above;
    size_t stride;
    int samples, next;
    int ahead;            // rows from the next one on that are unfiltered already
    uint8_t palette[256][4];
    int has_palette, has_key;
    uint8_t key[3];  // the colour that is transparent
    uint64_t deadline;
} reader;

static void expand(const reader *r, const uint8_t *in, uint8_t *out) {
    int width = r->source.width;
    if (r->has_palette) {
        if (r->source.channels == 4)
            for (int x = 0; x < width; x++) memcpy(out + 4 * x, r->palette[in[x]], 4);
        else
            for (int x = 0; x < width; x++) memcpy(out + 3 * x, r->palette[in[x]], 3);
    } else if (r->samples == r->source.channels) {
        memcpy(out, in, r->stride);
    } else if (r->samples == 2) {
        for (int x = 0; x < width; x++, in += 2, out += 4) {
            out[0] = out[1] = out[2] = in[0];
            out[3] = in[1];
        }
    } else {
        // Gray or RGB where one value is transparent.
        int step = r->samples == 3;
        for (int x = 0; x < width; x++, in += r->samples, out += 4) {
            for (int c = 0; c < 3; c++) out[c] = in[c * step];
            out[3] = out[0] == r->key[0] && out[1] == r->key[1] && out[2] == r->key[2] ? 0 : 255;
        }
    }
}

static codec_status read_row(pixel_source *source, uint8_t *row) {
    reader *r = (reader *)source;
    if (r->deadline && codec_now() > r->deadline) return CODEC_DEADLINE;
    uint8_t *at = r->inflated + (size_t)r->next * (r->stride + 1);
    if (r->ahead == 0) r->ahead = png_unfilter(at + 1, source->height - r->next, r->above, r->stride, r->samples);
    if (r->ahead == 0) return CODEC_CORRUPT;
    r->ahead--;
    r->next++;
    r->above = at + 1;
    expand(r, at + 1, row);
    return CODEC_OK;
}

static void close_reader(pixel_source *source) {
    reader *r = (reader *)source;
    free(r->inflated);
    free(r->zeros);
    free(r);
}

// Memory that will be written, if there is as much data as its size lets expect.
static void provide(uint8_t *memory, size_t size, size_t data_count) {
    enum { STEP = 4 << 20, MOST_OF_ONE = 8 };
    if (!memory || size / MOST_OF_ONE > data_count) return;
    for (size_t at = 0; at < size; at += STEP) cr_provide(memory + at, size - at < STEP ? size - at : STEP);
}

static int inflate(reader *r, const png_skeleton *s, size_t size) {
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    uint8_t *joined = NULL;
    const uint8_t *data = s->data + 8;
    if (s->data_chunks > 1 && (joined = malloc(s->data_count))) {
        provide(joined, s->data_count, s->data_count);
        const uint8_t *chunk = s->data;
        size_t filled = 0;
        for (int i = 0; i < s->data_chunks; i++) {
            size_t length = png_word(chunk);
            memcpy(joined + filled, chunk + 8, length);
            filled += length;
            chunk += PNG_CHUNK_FRAME + length;
        }
        data = joined;
    }
    int done = 0;
    if (inflater && (s->data_chunks == 1 || joined))
        done = libdeflate_zlib_decompress(inflater, data, s->data_count, r->inflated, size, NULL) == LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(inflater);
    free(joined);
    return done;
}

// The palette in full: an index beyond it is opaque black, as in libpng.
static void make_palette(reader *r, const png_skeleton *s) {
    for (size_t i = 0; i < 256; i++) r->palette[i][3] = 255;
    for (size_t i = 0; 3 * i < s->palette.count; i++) memcpy(r->palette[i], s->palette.bytes + 3 * i, 3);
    for (size_t i = 0; i < s->transparency.count && i < 256; i++) r->palette[i][3] = s->transparency.bytes[i];
}

static int set_up(reader *r, const png_skeleton *s, size_t size) {
    r->samples = png_samples(s->colour);
    r->has_palette = s->colour == 3;
    r->has_key = s->transparency.count > 0 && (s->colour == 0 || s->colour == 2);
    if (r->has_palette) make_palette(r, s);
    if (r->has_key) {
        // Two bytes for each sample, of which eight bits matter.
        if (s->transparency.count != 2 * (size_t)r->samples) return 0;
        for (int c = 0; c < 3; c++) r->key[c] = s->transparency.bytes[r->samples == 3 ? 2 * c + 1 : 1];
    }
    int has_alpha = s->colour >= 4 || s->transparency.count > 0;
    r->source.width = (int)s->width;
    r->source.height = (int)s->height;
    r->source.channels = has_alpha ? 4 : s->colour == 0 ? 1 : 3;
    r->stride = (size_t)s->width * (size_t)r->samples;
    r->inflated = malloc(size);
    provide(r->inflated, size, s->data_count);
    r->zeros = calloc(r->stride, 1);
    r->above = r->zeros;
    return r->inflated && r->zeros && inflate(r, s, size);
}

codec_status png_fast_open(const png_skeleton *s, const source_limits *limits, pixel_source **out) {
    uint64_t size = (uint64_t)s->height * ((uint64_t)s->width * (unsigned)png_samples(s->colour) + 1);
    // Data that is longer than what it stands for is not the common case either.
    if (s->depth != 8 || s->is_interlaced || size > MAX_INFLATED || s->data_count > size + (1 << 20)) return CODEC_OK;
    reader *r = calloc(1, sizeof *r);
    if (!r) return CODEC_NO_MEMORY;
    r->source = (pixel_source){.orientation = 1, .read_row = read_row, .close = close_reader};
    r->deadline = limits->deadline;
    if (set_up(r, s, size)) *out = &r->source;
    else close_reader(&r->source);
    return CODEC_OK;
}
