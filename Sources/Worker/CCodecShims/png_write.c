// SPDX-License-Identifier: Apache-2.0
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "png_deflate.h"
#include "png_form.h"
#include "png_private.h"
#include "png_rgba.h"

enum { HEADER_CHUNK = 13, FRONT = PNG_SIGNATURE_SIZE + PNG_CHUNK_FRAME + HEADER_CHUNK + 8, BACK = 4 + PNG_CHUNK_FRAME };
// Parts of a picture that stand for all of it: how many, and of how many rows at least, or of as many as make so many bytes.
enum { BANDS = 4, BAND_ROWS = 8, BAND_BYTES = 8 << 10 };

// A picture on its way into a file.
typedef struct {
    const pixel_view *view;
    png_colours colours;
    int level;
    size_t max_bytes;
    uint64_t deadline;
} writing;

// Rows that are compressed, in a buffer with room for what stands before and behind them in a file. free() `bytes`.
typedef struct {
    uint8_t *bytes;
    size_t deflated;
} stream;

static void put(uint8_t *at, uint32_t word) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(word >> (24 - 8 * i));
}

// Length, type and checksum around a content that is already in its place, 8 bytes after `at`.
static uint8_t *frame(uint8_t *at, const char *type, size_t length) {
    put(at, (uint32_t)length);
    memcpy(at + 4, type, 4);
    put(at + 8 + length, libdeflate_crc32(0, at + 4, length + 4));
    return at + PNG_CHUNK_FRAME + length;
}

static size_t front_of(const writing *w, const png_form *form) { return FRONT + png_palette_bytes(form, &w->colours); }

static codec_status compress(const writing *w, const png_form *form, int from, int count, stream *made) {
    size_t size = (size_t)count * png_row_bytes(form, w->view->width), room = png_deflate_room(size);
    if (room > w->max_bytes) room = w->max_bytes;
    // A chunk's length has 31 bits.
    if (room > INT32_MAX) room = INT32_MAX;
    uint8_t *rows = malloc(size);
    codec_status status =
        rows ? png_make_rows(w->view, &w->colours, form, from, count, w->deadline, rows) : CODEC_NO_MEMORY;
    size_t front = front_of(w, form);
    *made = (stream){0};
    if (status == CODEC_OK) made->bytes = malloc(front + room + BACK);
    if (status == CODEC_OK && !made->bytes) status = CODEC_NO_MEMORY;
    if (status == CODEC_OK)
        status = png_deflate(rows, size, w->level, w->deadline, made->bytes + front, room, &made->deflated);
    free(rows);
    return status;
}

// What the picture takes in a form, told from bands of its rows, or from all of them where these are few: then what they
// became is kept. SIZE_MAX when it cannot be told.
static size_t weigh(const writing *w, const png_form *form, int band_rows, stream *whole) {
    int height = w->view->height, is_whole = BANDS * band_rows >= height;
    int bands = is_whole ? 1 : BANDS, rows = is_whole ? height : band_rows;
    size_t total = 0;
    codec_status status = CODEC_OK;
    for (int i = 0; status == CODEC_OK && i < bands; i++) {
        status = compress(w, form, is_whole ? 0 : (int)((int64_t)i * (height - rows) / (BANDS - 1)), rows, whole);
        total += whole->deflated;
        if (is_whole && status == CODEC_OK) break;
        free(whole->bytes);
        *whole = (stream){0};
    }
    if (status != CODEC_OK) return SIZE_MAX;
    return (size_t)((double)total * height / (bands * rows)) + png_palette_bytes(form, &w->colours);
}

// Chooses a form; `whole` is the picture in it, if it came about.
static png_form choose(const writing *w, const png_form *forms, int count, stream *whole) {
    size_t row_bytes = png_row_bytes(&forms[0], w->view->width), least = SIZE_MAX;
    int band_rows = BAND_ROWS * row_bytes > BAND_BYTES ? BAND_ROWS : (int)(BAND_BYTES / row_bytes) + 1, best = 0;
    for (int i = 0; i < count; i++) {
        // Samples are no smaller but by what a palette takes.
        if (i == 2 && 4 * png_palette_bytes(&forms[0], &w->colours) < least) break;
        stream made = {0};
        size_t size = weigh(w, &forms[i], band_rows, &made);
        if (size < least) {
            stream other = *whole;
            *whole = made;
            made = other;
            least = size;
            best = i;
        }
        free(made.bytes);
    }
    return forms[best];
}

static uint8_t *put_palette(uint8_t *at, const png_colours *colours) {
    for (int i = 0; i < colours->count; i++)
        for (int c = 0; c < 3; c++) at[8 + 3 * i + c] = (uint8_t)(colours->colours[i] >> (8 * c));
    at = frame(at, "PLTE", 3 * (size_t)colours->count);
    if (colours->clear == 0) return at;
    for (int i = 0; i < colours->clear; i++) at[8 + i] = (uint8_t)(colours->colours[i] >> 24);
    return frame(at, "tRNS", (size_t)colours->clear);
}

codec_status png_rgba_encode(
    const pixel_view *view, int level, size_t max_bytes, uint64_t deadline, encoded_image *image) {
    *image = (encoded_image){0};
    writing w = {.view = view, .level = level, .max_bytes = max_bytes, .deadline = deadline};
    png_look_at_colours(view, &w.colours);
    png_form forms[PNG_FORMS];
    stream made = {0};
    int count = png_forms(&w.colours, forms);
    png_form form = count > 1 ? choose(&w, forms, count, &made) : forms[0];
    codec_status status = made.bytes ? CODEC_OK : compress(&w, &form, 0, view->height, &made);
    if (status == CODEC_OK && front_of(&w, &form) + made.deflated + BACK > max_bytes) status = CODEC_TOO_LARGE;
    uint8_t *bytes = made.bytes;
    if (status != CODEC_OK) {
        free(bytes);
        return status;
    }

    static const uint8_t signature[PNG_SIGNATURE_SIZE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    memcpy(bytes, signature, sizeof signature);
    uint8_t *at = bytes + sizeof signature, *header = at + 8;
    memset(header, 0, HEADER_CHUNK);
    put(header, (uint32_t)view->width);
    put(header + 4, (uint32_t)view->height);
    header[8] = (uint8_t)form.depth;
    header[9] = (uint8_t)form.type;
    at = frame(at, "IHDR", HEADER_CHUNK);
    if (form.type == PNG_INDEXED) at = put_palette(at, &w.colours);
    at = frame(at, "IDAT", made.deflated);
    at = frame(at, "IEND", 0);
    uint8_t *exact = realloc(bytes, (size_t)(at - bytes));
    *image = (encoded_image){.bytes = exact ? exact : bytes, .count = (size_t)(at - bytes)};
    return CODEC_OK;
}
