// SPDX-License-Identifier: Apache-2.0
#include "png_form.h"

#include <stdlib.h>
#include <string.h>

#include "png_private.h"

static int depth_for(int colours) { return colours <= 2 ? 1 : colours <= 4 ? 2 : colours <= 16 ? 4 : 8; }

// Whether samples of so many bits can tell these shades.
static int has_even_steps(const png_colours *colours, int depth) {
    for (int i = 0; i < colours->count; i++)
        if ((colours->colours[i] & 255) % (255u / ((1u << depth) - 1)) != 0) return 0;
    return 1;
}

static int is_plain_gray(const png_colours *colours) { return colours->is_gray && colours->is_opaque; }

int png_forms(const png_colours *colours, png_form forms[PNG_FORMS]) {
    int type = (colours->is_gray ? PNG_GRAY : PNG_RGB) + (colours->is_opaque ? 0 : PNG_GRAY_ALPHA);
    const png_form samples = {type, 8, 0}, filtered = {type, 8, 1};
    int depth = depth_for(colours->count);
    // Bytes of gray are as short as places in a palette.
    if (colours->count == 0 || (is_plain_gray(colours) && depth == 8)) {
        forms[0] = filtered;
        forms[1] = samples;
        return colours->is_drawing ? 2 : 1;
    }
    forms[0] = (png_form){PNG_INDEXED, depth, 0};
    for (; is_plain_gray(colours) && depth < 8 && forms[0].type == PNG_INDEXED; depth *= 2)
        if (has_even_steps(colours, depth)) forms[0] = (png_form){PNG_GRAY, depth, 0};
    forms[1] = forms[0];
    forms[1].is_filtered = 1;
    forms[2] = samples;
    forms[3] = filtered;
    return 4;
}

size_t png_row_bytes(const png_form *form, int width) {
    return 1 + ((size_t)width * (size_t)(png_samples(form->type) * form->depth) + 7) / 8;
}

size_t png_palette_bytes(const png_form *form, const png_colours *colours) {
    if (form->type != PNG_INDEXED) return 0;
    size_t clear = (size_t)colours->clear;
    return PNG_CHUNK_FRAME + 3 * (size_t)colours->count + (clear ? PNG_CHUNK_FRAME + clear : 0);
}

// Some channels of each pixel.
static inline __attribute__((always_inline)) void pick(
    const uint8_t *in, int width, int channels, int kept, uint8_t *out) {
    for (int x = 0; x < width; x++, in += channels, out += kept) {
        if (kept == 2) {
            out[0] = in[0];
            out[1] = in[3];
        } else memcpy(out, in, (size_t)kept);
    }
}

// In place; the highest bits come first.
static void pack(uint8_t *samples, int width, int depth) {
    int each = 8 / depth;
    for (int x = 0; x < width; x += each) {
        int byte = 0;
        for (int i = 0; i < each; i++) byte = byte << depth | (x + i < width ? samples[x + i] : 0);
        samples[x / each] = (uint8_t)byte;
    }
}

// `out` has room for a byte of each pixel at least.
static void make_row(
    const pixel_view *view, const png_colours *colours, const png_form *form, int y, uint8_t *out) {
    const uint8_t *in = view->pixels + view->stride * (size_t)y;
    int width = view->width, kept = png_samples(form->type);
    if (form->type == PNG_INDEXED) png_find_colours(colours, in, width, view->channels, out);
    else if (kept == view->channels) memcpy(out, in, (size_t)width * (size_t)kept);
    else if (kept == 3) pick(in, width, 4, 3, out);
    else if (kept == 2) pick(in, width, 4, 2, out);
    else if (view->channels == 3) pick(in, width, 3, 1, out);
    else pick(in, width, 4, 1, out);
    if (form->depth == 8) return;
    if (form->type == PNG_GRAY)
        for (int x = 0; x < width; x++) out[x] = (uint8_t)(out[x] >> (8 - form->depth));
    pack(out, width, form->depth);
}

codec_status png_make_rows(
    const pixel_view *view, const png_colours *colours, const png_form *form, int from, int count, uint64_t deadline,
    uint8_t *out) {
    size_t row_bytes = png_row_bytes(form, view->width) - 1;
    size_t room = (row_bytes > (size_t)view->width ? row_bytes : (size_t)view->width) + 4;
    // Two rows with room for the pixel before the first; they swap roles.
    uint8_t *rows = calloc(2, room);
    if (!rows) return CODEC_NO_MEMORY;
    codec_status status = CODEC_OK;
    if (form->is_filtered && from > 0) make_row(view, colours, form, from - 1, rows + 4 + (size_t)(~from & 1) * room);
    for (int y = from; status == CODEC_OK && y < from + count; y++, out += row_bytes + 1) {
        uint8_t *row = rows + 4 + (size_t)(y & 1) * room, *above = rows + 4 + (size_t)(~y & 1) * room;
        make_row(view, colours, form, y, row);
        if (form->is_filtered) {
            png_filter(row, above, row_bytes, png_samples(form->type), out);
        } else {
            out[0] = 0;
            memcpy(out + 1, row, row_bytes);
        }
        if (y % 64 == 0 && deadline && codec_now() > deadline) status = CODEC_DEADLINE;
    }
    free(rows);
    return status;
}
