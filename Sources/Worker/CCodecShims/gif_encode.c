// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "few_colours.h"
#include "gif_codec.h"
#include "gif_writer.h"
#include "quantiser.h"

// Everything a still needs, in one allocation.
typedef struct {
    colour_map map;
    few_colours few;
    histogram histogram;
} workspace;

static const uint8_t *row_of(const pixel_view *view, int y) { return view->pixels + view->stride * (size_t)y; }

static int is_clear(const pixel_view *view, const uint8_t *pixel) { return view->channels == 4 && pixel[3] < 128; }

static int has_clear_pixels(const pixel_view *view) {
    if (view->channels != 4) return 0;
    for (int y = 0; y < view->height; y++)
        for (int x = 0; x < view->width; x++)
            if (is_clear(view, row_of(view, y) + 4 * (size_t)x)) return 1;
    return 0;
}

static int has_few_colours(const pixel_view *view, few_colours *few) {
    for (int y = 0; y < view->height; y++) {
        const uint8_t *pixel = row_of(view, y);
        for (int x = 0; x < view->width; x++, pixel += view->channels)
            if (!is_clear(view, pixel) && !few_colours_add(few, pixel)) return 0;
    }
    return 1;
}

static codec_status choose_colours(const pixel_view *view, int most, workspace *work, int *is_exact) {
    few_colours_init(&work->few, most);
    *is_exact = has_few_colours(view, &work->few);
    if (*is_exact) {
        // A picture of nothing but clear pixels has a colour all the same.
        colour_map_set(&work->map, work->few.table.colours, work->few.table.count ? work->few.table.count : 1);
        return CODEC_OK;
    }
    memset(&work->histogram, 0, sizeof work->histogram);
    uint64_t area = (uint64_t)view->width * (uint64_t)view->height;
    int step = (int)(area / HISTOGRAM_PIXELS) + 1;
    for (int y = 0; y < view->height; y += step) {
        const uint8_t *pixel = row_of(view, y);
        for (int x = 0; x < view->width; x++, pixel += view->channels)
            if (!is_clear(view, pixel)) histogram_add(&work->histogram, pixel);
    }
    return quantise(&work->histogram, most, &work->map);
}

static int clamped(int value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

// Floyd and Steinberg's dithering, to and fro, with three quarters of the error: the whole of it is grainier than what
// the steps between so many colours ask for. `errors` are two rows of three channels with a pixel more at either end.
static void dither_row(
    const pixel_view *view, int y, colour_map *map, int transparent, int16_t *now, int16_t *next, uint8_t *indices) {
    int step = y % 2 ? -1 : 1;
    memset(next, 0, 3 * (size_t)(view->width + 2) * sizeof *next);
    for (int i = 0, x = step > 0 ? 0 : view->width - 1; i < view->width; i++, x += step) {
        const uint8_t *pixel = row_of(view, y) + (size_t)view->channels * (size_t)x;
        if (is_clear(view, pixel)) {
            indices[x] = (uint8_t)transparent;
            continue;
        }
        int16_t *here = now + 3 * (x + 1), *under = next + 3 * (x + 1);
        int wanted[3];
        for (int c = 0; c < 3; c++) wanted[c] = clamped(pixel[c] + (here[c] + 8) / 16);
        int index = colour_map_find(map, (unsigned)wanted[0], (unsigned)wanted[1], (unsigned)wanted[2]);
        indices[x] = (uint8_t)index;
        for (int c = 0; c < 3; c++) {
            int error = (wanted[c] - map->colours[index][c]) * 3 / 4;
            here[3 * step + c] = (int16_t)(here[3 * step + c] + 7 * error);
            under[-3 * step + c] = (int16_t)(under[-3 * step + c] + 3 * error);
            under[c] = (int16_t)(under[c] + 5 * error);
            under[3 * step + c] = (int16_t)(under[3 * step + c] + error);
        }
    }
}

static codec_status map_pixels(
    const pixel_view *view, workspace *work, int is_exact, int transparent, uint64_t deadline, uint8_t *indices) {
    size_t row_errors = 3 * (size_t)(view->width + 2);
    int16_t *errors = calloc(2 * row_errors, sizeof *errors);
    if (!errors) return CODEC_NO_MEMORY;
    codec_status status = CODEC_OK;
    for (int y = 0; y < view->height; y++, indices += view->width) {
        if (deadline && codec_now() > deadline) {
            status = CODEC_DEADLINE;
            break;
        }
        int16_t *now = errors + (y % 2 ? row_errors : 0), *next = errors + (y % 2 ? 0 : row_errors);
        if (!is_exact) {
            dither_row(view, y, &work->map, transparent, now, next, indices);
            continue;
        }
        const uint8_t *pixel = row_of(view, y);
        for (int x = 0; x < view->width; x++, pixel += view->channels)
            indices[x] = (uint8_t)(is_clear(view, pixel)
                                       ? transparent
                                       : colour_map_find(&work->map, pixel[0], pixel[1], pixel[2]));
    }
    free(errors);
    return status;
}

static void write_file(
    const pixel_view *view, const uint8_t *indices, const colour_table *table, int transparent, byte_sink *sink) {
    int bits = gif_bits_for(table->count + (transparent >= 0));
    gif_put_header(sink, view->width, view->height, table, bits);
    gif_frame frame = {
        .area = {0, 0, view->width, view->height},
        .indices = indices,
        .stride = (size_t)view->width,
        .table = table,
        .uses_global_table = 1,
        .transparent = transparent,
    };
    gif_put_frame(sink, &frame, bits);
    gif_put_end(sink);
}

static codec_status encode_colours(const pixel_view *view, byte_sink *sink, uint64_t deadline) {
    workspace *work = malloc(sizeof *work);
    uint8_t *indices = malloc((size_t)view->width * (size_t)view->height);
    codec_status status = CODEC_NO_MEMORY;
    if (work && indices) {
        int has_clear = has_clear_pixels(view), is_exact;
        status = choose_colours(view, has_clear ? 255 : 256, work, &is_exact);
        int transparent = has_clear ? work->map.count : -1;
        if (status == CODEC_OK) status = map_pixels(view, work, is_exact, transparent, deadline, indices);
        if (status == CODEC_OK) {
            colour_table table = {.count = work->map.count};
            memcpy(table.colours, work->map.colours, sizeof table.colours);
            write_file(view, indices, &table, transparent, sink);
        }
    }
    free(work);
    free(indices);
    return status;
}

// Gray is its own index.
static void encode_gray(const pixel_view *view, byte_sink *sink) {
    colour_table table = {.count = 256};
    for (int i = 0; i < 256; i++) memset(table.colours[i], i, 3);
    gif_put_header(sink, view->width, view->height, &table, 8);
    gif_frame frame = {
        .area = {0, 0, view->width, view->height},
        .indices = view->pixels,
        .stride = view->stride,
        .table = &table,
        .uses_global_table = 1,
        .transparent = -1,
    };
    gif_put_frame(sink, &frame, 8);
    gif_put_end(sink);
}

codec_status gif_encode(const pixel_view *view, size_t max_bytes, uint64_t deadline, encoded_image *out) {
    if (view->width > 0xFFFF || view->height > 0xFFFF) return CODEC_TOO_LARGE;
    byte_sink sink = sink_make(max_bytes);
    if (view->channels == 1) {
        encode_gray(view, &sink);
    } else {
        codec_status status = encode_colours(view, &sink, deadline);
        if (status != CODEC_OK) sink.status = status;
    }
    return sink_finish(&sink, out);
}
