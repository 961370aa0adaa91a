// SPDX-License-Identifier: Apache-2.0
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "png_private.h"

typedef struct {
    pixel_source source;  // first, so that a pointer to it is one to this
    png_structp png;
    png_infop info;
    jmp_buf escape;
    codec_status status;
    const uint8_t *bytes;
    size_t left;
    uint64_t deadline;
    int next;         // row
    uint8_t *whole;   // of an interlaced picture, all rows
    uint8_t **rows;
} reader;

static void on_error(png_structp png, png_const_charp text) {
    (void)text;
    reader *r = png_get_error_ptr(png);
    longjmp(r->escape, 1);
}

// At the end of the pixels' data libpng only warns. What follows there harms nobody; a checksum that is wrong does.
static void on_warning(png_structp png, png_const_charp text) {
    static const char of_data[] = "IDAT: ";
    if (strncmp(text, of_data, sizeof of_data - 1)) return;
    text += sizeof of_data - 1;
    if (strcmp(text, "Extra compressed data") && strcmp(text, "Too much image data")) on_error(png, text);
}

static void on_read(png_structp png, png_bytep out, png_size_t count) {
    reader *r = png_get_io_ptr(png);
    if (count > r->left) png_error(png, "");
    memcpy(out, r->bytes, count);
    r->bytes += count;
    r->left -= count;
}

static void give_up(reader *r, codec_status status) {
    r->status = status;
    longjmp(r->escape, 1);
}

static void check_time(reader *r) {
    if (r->deadline && codec_now() > r->deadline) give_up(r, CODEC_DEADLINE);
}

static void read_whole(reader *r) {
    size_t stride = png_get_rowbytes(r->png, r->info), height = (size_t)r->source.height;
    r->whole = malloc(stride * height);
    r->rows = malloc(height * sizeof *r->rows);
    if (!r->whole || !r->rows) give_up(r, CODEC_NO_MEMORY);
    for (size_t y = 0; y < height; y++) r->rows[y] = r->whole + y * stride;
    for (int pass = 0; pass < 7; pass++)
        for (size_t y = 0; y < height; y++) {
            if (y % 64 == 0) check_time(r);
            png_read_row(r->png, r->rows[y], NULL);
        }
}

static codec_status read_row(pixel_source *source, uint8_t *row) {
    reader *r = (reader *)source;
    if (setjmp(r->escape)) return r->status;
    check_time(r);
    if (r->rows) {
        memcpy(row, r->rows[r->next], png_get_rowbytes(r->png, r->info));
    } else {
        png_read_row(r->png, row, NULL);
    }
    // The end has checksums of its own.
    if (++r->next == r->source.height) png_read_end(r->png, NULL);
    return CODEC_OK;
}

static void close_reader(pixel_source *source) {
    reader *r = (reader *)source;
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->whole);
    free(r->rows);
    free(r);
}

// Only what changes the pixels is looked at.
static void ignore_the_rest(png_structp png) {
    static const uint8_t names[] =
        "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0zTXt";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names, (int)(sizeof names / 5));
}

static codec_status start(reader *r, const png_skeleton *s, const source_limits *limits) {
    if (setjmp(r->escape)) return r->status;
    png_structp png = r->png;
    png_set_read_fn(png, r, on_read);
    png_set_user_limits(png, PNG_MAX_SIDE, PNG_MAX_SIDE);
    png_set_chunk_cache_max(png, 16);
    png_set_chunk_malloc_max(png, 1 << 20);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    ignore_the_rest(png);
    png_read_info(png, r->info);
    int colour = png_get_color_type(png, r->info);
    int has_alpha = colour & PNG_COLOR_MASK_ALPHA || png_get_valid(png, r->info, PNG_INFO_tRNS);
    png_set_expand(png);
    png_set_scale_16(png);
    // Gray with alpha becomes RGBA, gray alone stays.
    if (has_alpha) png_set_gray_to_rgb(png);
    if (s->is_interlaced) png_set_interlace_handling(png);
    png_read_update_info(png, r->info);
    r->source.width = (int)png_get_image_width(png, r->info);
    r->source.height = (int)png_get_image_height(png, r->info);
    r->source.channels = png_get_channels(png, r->info);
    int is_expected = r->source.channels == 1 || r->source.channels == 3 || r->source.channels == 4;
    if (!is_expected || png_get_bit_depth(png, r->info) != 8) return CODEC_UNSUPPORTED;
    if (s->is_interlaced) {
        uint64_t size = png_get_rowbytes(png, r->info) * (uint64_t)r->source.height;
        if (size > limits->max_memory) return CODEC_TOO_MANY_PIXELS;
        read_whole(r);
    }
    return CODEC_OK;
}

codec_status png_slow_open(
    const uint8_t *bytes, size_t count, const png_skeleton *skeleton, const source_limits *limits, pixel_source **out) {
    reader *r = calloc(1, sizeof *r);
    if (!r) return CODEC_NO_MEMORY;
    r->source = (pixel_source){.orientation = 1, .read_row = read_row, .close = close_reader};
    r->status = CODEC_CORRUPT;
    r->bytes = bytes;
    r->left = count;
    r->deadline = limits->deadline;
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    codec_status status = r->info ? start(r, skeleton, limits) : CODEC_NO_MEMORY;
    if (status != CODEC_OK) close_reader(&r->source);
    else *out = &r->source;
    return status;
}
