// SPDX-License-Identifier: Apache-2.0
#include "jpeg_rgb.h"

#include <stdlib.h>
#include <string.h>

#include "colour_transform.h"
#include "jpeg_common.h"
#include "jpeg_fast_huffman.h"
#include "jpeg_fast_scans.h"
#include "jpeg_sink.h"

enum { DCT = 8, MAX_PROFILE = 65533, PRESSED = 16 };

typedef struct {
    pixel_source source;  // first, so that a pointer to it is one to this
    jpeg_guard guard;
    struct jpeg_decompress_struct in;
    uint8_t *ink;  // a row of CMYK
    int is_inverted;
    colour_transform *press;  // what the ink looks like, if the file says so
    JOCTET *icc;
    uint64_t max_pixels, max_work;
} reader;

static uint8_t product(unsigned a, unsigned b) {
    unsigned value = a * b + 128;
    return (uint8_t)((value + (value >> 8)) >> 8);
}

static void rgb_of_ink(const reader *r, uint8_t *row) {
    const uint8_t *ink = r->ink;
    unsigned flip = r->is_inverted ? 0 : 255;
    for (int x = 0; x < r->source.width; x++, ink += 4, row += 3)
        for (int c = 0; c < 3; c++) row[c] = product(ink[c] ^ flip, ink[3] ^ flip);
}

static codec_status read_row(pixel_source *source, uint8_t *row) {
    reader *r = (reader *)source;
    if (setjmp(r->guard.escape)) return r->guard.status;
    JSAMPROW rows[1] = {r->ink ? r->ink : row};
    if (jpeg_read_scanlines(&r->in, rows, 1) != 1) return CODEC_CORRUPT;
    if (r->press) colour_transform_row(r->press, r->ink, row, (size_t)source->width);
    else if (r->ink) rgb_of_ink(r, row);
    if (r->in.output_scanline == r->in.output_height && !jpeg_guard_is_whole(&r->guard, &r->in)) return CODEC_CORRUPT;
    return CODEC_OK;
}

static void close_reader(pixel_source *source) {
    reader *r = (reader *)source;
    jpeg_destroy_decompress(&r->in);
    colour_transform_close(r->press);
    free(r->ink);
    free(r->icc);
    free(r);
}

static codec_status start(reader *r, const uint8_t *bytes, size_t count, size_t max_memory, int scale) {
    if (setjmp(r->guard.escape)) return r->guard.status;
    struct jpeg_decompress_struct *in = &r->in;
    jpeg_create_decompress(in);
    jpeg_guard_source(&r->guard, in, bytes, count);
    in->mem->max_memory_to_use = (long)max_memory;
    jpeg_save_markers(in, JPEG_APP0 + 2, MAX_PROFILE);
    jpeg_read_header(in, TRUE);
    if ((uint64_t)in->image_width * in->image_height > r->max_pixels) return CODEC_TOO_MANY_PIXELS;
    switch (in->jpeg_color_space) {
    case JCS_GRAYSCALE: in->out_color_space = JCS_GRAYSCALE; break;
    case JCS_RGB:
    case JCS_YCbCr: in->out_color_space = JCS_RGB; break;
    case JCS_CMYK:
    case JCS_YCCK: in->out_color_space = JCS_CMYK; break;
    default: return CODEC_UNSUPPORTED;
    }
    unsigned icc_count = 0;
    if (jpeg_read_icc_profile(in, &r->icc, &icc_count)) {
        r->source.icc = r->icc;
        r->source.icc_count = icc_count;
    }
    in->scale_num = (unsigned)scale;
    in->scale_denom = DCT;
    // Guesses at what a progressive file that is not complete would look like.
    in->do_block_smoothing = FALSE;
    jpeg_fast_scans_start(in);
    jpeg_fast_huffman_start(in);
    r->source.width = (int)in->output_width;
    r->source.height = (int)in->output_height;
    r->source.channels = in->out_color_space == JCS_GRAYSCALE ? 1 : 3;
    if (in->out_color_space == JCS_CMYK) {
        r->is_inverted = in->saw_Adobe_marker;
        r->ink = malloc((size_t)in->output_width * 4);
        if (!r->ink) return CODEC_NO_MEMORY;
        r->press = colour_transform_open(r->icc, icc_count, r->is_inverted ? COLOUR_INVERTED_INK : COLOUR_INK);
        // A pixel that a profile converts takes 60 ns, told as bytes that decompression gives, of 4 ns each.
        uint64_t area = (uint64_t)in->output_width * in->output_height;
        if (r->press && PRESSED * area > r->max_work) return CODEC_TOO_MANY_PIXELS;
        r->source.icc = NULL;
    }
    return CODEC_OK;
}

codec_status jpeg_rgb_open(
    const uint8_t *bytes, size_t count, const source_limits *limits, int scale, pixel_source **out) {
    *out = NULL;
    reader *r = calloc(1, sizeof *r);
    if (!r) return CODEC_NO_MEMORY;
    r->source = (pixel_source){.orientation = 1, .read_row = read_row, .close = close_reader};
    r->max_pixels = limits->max_pixels;
    r->max_work = limits->max_work;
    r->in.err = jpeg_guard_init(&r->guard, limits->deadline);
    r->guard.max_work = limits->max_work;
    codec_status status = start(r, bytes, count, limits->max_memory, scale);
    if (status != CODEC_OK) close_reader(&r->source);
    else *out = &r->source;
    return status;
}

typedef struct {
    jpeg_guard guard;
    struct jpeg_compress_struct out;
    jpeg_sink sink;
    uint8_t *flat;  // a row on white
} writer;

static void flatten(const uint8_t *row, int width, uint8_t *flat) {
    for (int x = 0; x < width; x++, row += 4, flat += 3)
        for (int c = 0; c < 3; c++) flat[c] = (uint8_t)(product(row[c], row[3]) + (255 - row[3]));
}

static codec_status encode(
    writer *w, const pixel_view *view, int quality, jpeg_coding coding, size_t max_bytes) {
    if (setjmp(w->guard.escape)) return w->guard.status;
    struct jpeg_compress_struct *out = &w->out;
    jpeg_create_compress(out);
    out->progress = &w->guard.progress;
    jpeg_sink_attach(&w->sink, out, max_bytes);
    out->image_width = (JDIMENSION)view->width;
    out->image_height = (JDIMENSION)view->height;
    out->input_components = view->channels == 1 ? 1 : 3;
    out->in_color_space = view->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(out);
    jpeg_set_quality(out, quality, TRUE);
    jpeg_set_coding(out, coding);
    jpeg_start_compress(out, TRUE);
    while (out->next_scanline < out->image_height) {
        const uint8_t *row = view->pixels + (size_t)out->next_scanline * view->stride;
        if (w->flat) flatten(row, view->width, w->flat);
        JSAMPROW rows[1] = {w->flat ? w->flat : (JSAMPROW)row};
        jpeg_write_scanlines(out, rows, 1);
    }
    jpeg_finish_compress(out);
    return CODEC_OK;
}

codec_status jpeg_rgb_encode(
    const pixel_view *view, int quality, jpeg_coding coding, size_t max_bytes, uint64_t deadline, encoded_image *out) {
    *out = (encoded_image){0};
    if (view->width > JPEG_MAX_SIDE || view->height > JPEG_MAX_SIDE) return CODEC_TOO_LARGE;
    writer *w = calloc(1, sizeof *w);
    if (!w) return CODEC_NO_MEMORY;
    w->out.err = jpeg_guard_init(&w->guard, deadline);
    codec_status status = CODEC_OK;
    if (view->channels == 4 && !(w->flat = malloc((size_t)view->width * 3))) status = CODEC_NO_MEMORY;
    if (status == CODEC_OK) status = encode(w, view, quality, coding, max_bytes);
    if (status == CODEC_OK) *out = jpeg_sink_take(&w->sink);
    jpeg_destroy_compress(&w->out);
    jpeg_sink_free(&w->sink);
    free(w->flat);
    free(w);
    return status;
}
