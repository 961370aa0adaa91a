// SPDX-License-Identifier: Apache-2.0
#include "CResample.h"

#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 4 };

// Pixels, RGBA: one is `across` bytes from the one before it, and `down` bytes from the one above.
typedef struct {
    uint8_t *start;
    size_t across, down;
} pixels;

struct cr_frames {
    int width, height;  // of the canvas
    int is_down_first, transposes;
    cr_taps columns, rows;
    // Every pixel of the result is one of the canvas: nothing is resampled, only cut out or turned.
    int is_cut;
    // What has gone through one pass, of which later frames change but a part; and the result, maybe turned.
    pixels between, result;
    // A row of pixels.
    uint8_t *line;
    // CR_ROWS rows: as they are, taken apart, and what becomes of those.
    uint8_t *copies, *narrow;
    int16_t *wide;
    const uint8_t *inputs[CR_ROWS];
    int16_t *planes[CR_ROWS][CHANNELS - 1];
    void *scratch;
    // What one row of a pass down needs: its rows, and a ring of them weighed. Memory for that when it is first needed.
    const uint8_t **above;
    const int16_t **above_weighed;
    int16_t *ring;
};

void cr_frames_close(cr_frames *f) {
    if (!f) return;
    cr_taps_free(&f->columns);
    cr_taps_free(&f->rows);
    free(f->between.start);
    free(f->result.start);
    free(f->line);
    free(f->copies);
    free(f->narrow);
    free(f->wide);
    free(f->scratch);
    free(f->above);
    free(f->above_weighed);
    free(f->ring);
    free(f);
}

static int takes_one(const cr_taps *taps) {
    for (int i = 0; i < taps->count; i++)
        if (taps->length[i] != 1) return 0;
    return 1;
}

static pixels make_pixels(size_t width, size_t height) {
    return (pixels){calloc(width * height, CHANNELS), CHANNELS, CHANNELS * width};
}

// Of every row that goes down.
static size_t widest(const cr_frames *f) { return (size_t)(f->is_down_first ? f->width : f->columns.count); }

static int make_memory(cr_frames *f) {
    size_t columns = (size_t)f->columns.count, rows = (size_t)f->rows.count, width = (size_t)f->width;
    if (f->transposes) {
        f->result = make_pixels(rows, columns);
        f->result = (pixels){f->result.start, f->result.down, f->result.across};
    } else {
        f->result = make_pixels(columns, rows);
    }
    if (f->is_cut) return f->result.start ? 0 : -1;
    f->between = f->is_down_first ? make_pixels(width, rows) : make_pixels(columns, (size_t)f->height);
    size_t padded = width + ((size_t)f->columns.groups + 1) * CR_GROUP;
    f->line = malloc(CHANNELS * (width > columns ? width : columns));
    f->copies = calloc(CR_ROWS * padded, CHANNELS);
    f->narrow = malloc(CR_ROWS * columns * CHANNELS);
    f->wide = calloc(CR_ROWS * padded * (CHANNELS - 1), sizeof *f->wide);
    f->scratch = malloc(cr_alpha_scratch(&f->columns));
    f->above = malloc((size_t)f->rows.span * sizeof *f->above);
    f->above_weighed = malloc((size_t)f->rows.span * sizeof *f->above_weighed);
    if (!f->result.start || !f->between.start || !f->line || !f->copies || !f->narrow || !f->wide || !f->scratch ||
        !f->above || !f->above_weighed)
        return -1;
    for (size_t i = 0; i < CR_ROWS * (CHANNELS - 1); i++)
        f->planes[i / (CHANNELS - 1)][i % (CHANNELS - 1)] = f->wide + i * padded;
    return 0;
}

cr_frames *cr_frames_open(
    int width, int height, const cr_span *columns, const cr_span *rows, int is_down_first, int transposes) {
    cr_frames *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->width = width;
    f->height = height;
    f->is_down_first = is_down_first;
    f->transposes = transposes;
    cr_axis across = cr_axis_make(columns, 1, 1, width, 0), down = cr_axis_make(rows, 1, 1, height, 0);
    if (!cr_taps_make(&f->columns, &across) && !cr_taps_make(&f->rows, &down)) {
        f->is_cut = takes_one(&f->columns) && takes_one(&f->rows);
        if (!make_memory(f)) return f;
    }
    cr_frames_close(f);
    return NULL;
}

const uint8_t *cr_frames_pixels(const cr_frames *f) { return f->result.start; }

// Outputs that some input in [low, high) is part of; 0 when there are none.
static int outputs_of(const cr_taps *taps, int low, int high, int *first, int *last) {
    *first = -1;
    for (int i = 0; i < taps->count; i++) {
        if (taps->start[i] >= high || taps->start[i] + taps->length[i] <= low) continue;
        if (*first < 0) *first = i;
        *last = i;
    }
    return *first >= 0;
}

// Inputs of these outputs.
static void inputs_of(const cr_taps *taps, int first, int last, int *low, int *high) {
    *low = taps->start[first];
    *high = taps->start[first] + taps->length[first];
    for (int i = first; i <= last; i++) {
        if (taps->start[i] < *low) *low = taps->start[i];
        if (taps->start[i] + taps->length[i] > *high) *high = taps->start[i] + taps->length[i];
    }
}

static uint8_t *at(const pixels *p, int x, int y) { return p->start + p->across * (size_t)x + p->down * (size_t)y; }

// Of rows without gaps.
static int is_opaque(const pixels *p, int left, int right, int top, int bottom) {
    uint8_t all = 255;
    for (int y = top; y < bottom && all == 255; y++) {
        const uint8_t *row = at(p, 0, y);
        for (int x = left; x < right; x++) all &= row[CHANNELS * (size_t)x + 3];
    }
    return all == 255;
}

// Where a row can be made: in its place, unless that is a column.
static uint8_t *line_for(const cr_frames *f, const pixels *to, int x, int y) {
    return to->across == CHANNELS ? at(to, x, y) : f->line;
}

static void put(const cr_frames *f, const pixels *to, int x, int y, int count) {
    if (to->across != CHANNELS) cr_store_columns(f->line, 0, 1, CHANNELS, count, at(to, x, y), to->across);
}

// A part of a table.
static cr_taps part_of(const cr_taps *taps, int first, int count, int low, int high) {
    cr_taps part = *taps;
    part.count = count;
    part.start += first;
    part.length += first;
    part.weights += (size_t)first * (size_t)part.groups * CR_GROUP;
    part.low = low;
    part.high = high;
    return part;
}

// CR_ROWS rows, or fewer, none of which shows anything through.
static void opaque_across(cr_frames *f, const cr_taps *part, int count) {
    int16_t *rows[CR_ROWS];
    uint8_t *out[CR_ROWS];
    for (int i = 0; i < count; i++) cr_widen(CR_BEST, f->inputs[i], CHANNELS, part->low, part->high, f->planes[i]);
    for (int c = 0; c < CHANNELS - 1; c++) {
        for (int i = 0; i < count; i++) {
            rows[i] = f->planes[i][c];
            out[i] = f->narrow + (size_t)(i * CHANNELS + c) * (size_t)part->count;
        }
        cr_horizontal_rows(CR_BEST, (const int16_t *const *)rows, count, part, f->scratch, out);
    }
}

// Rows [top, bottom), `count` pixels from `first` on.
static void pass_across(
    cr_frames *f, const pixels *from, int height, const pixels *to, int top, int bottom, int first, int count) {
    int low, high;
    inputs_of(&f->columns, first, first + count - 1, &low, &high);
    int has_alpha = !is_opaque(from, low, high, top, bottom);
    cr_taps part = part_of(&f->columns, first, count, low, high);
    size_t size = (size_t)f->width * (size_t)height, length = (size_t)(high - low) * CHANNELS;
    for (int y = top; y < bottom; y += CR_ROWS) {
        int batch = bottom - y < CR_ROWS ? bottom - y : CR_ROWS;
        uint8_t *out[CR_ROWS];
        for (int i = 0; i < batch; i++) {
            f->inputs[i] = at(from, 0, y + i);
            out[i] = f->narrow + (size_t)i * (size_t)count * CHANNELS;
            // There are rows that cannot be read beyond their end.
            if (!has_alpha || (size_t)(y + i) * (size_t)f->width + (size_t)high + CR_GROUP <= size) continue;
            uint8_t *copy = f->copies + (size_t)i * ((size_t)f->width + CR_GROUP) * CHANNELS;
            memcpy(copy + CHANNELS * (size_t)low, f->inputs[i] + CHANNELS * (size_t)low, length);
            f->inputs[i] = copy;
        }
        if (has_alpha) cr_across_alpha(CR_BEST, f->inputs, batch, &part, f->scratch, out);
        else opaque_across(f, &part, batch);
        for (int i = 0; i < batch; i++) {
            uint8_t *line = line_for(f, to, first, y + i);
            const uint8_t *const planes[] = {out[i], out[i] + count, out[i] + 2 * (size_t)count};
            if (has_alpha) memcpy(line, out[i], CHANNELS * (size_t)count);
            else cr_join(CR_BEST, planes, count, CHANNELS, line);
            put(f, to, first, y + i, count);
        }
    }
}

// Rows top...bottom of the result, `count` pixels from `left` on. -1 without memory.
static int pass_down(cr_frames *f, const pixels *from, const pixels *to, int left, int count, int top, int bottom) {
    int low, high;
    inputs_of(&f->rows, top, bottom, &low, &high);
    int has_alpha = !is_opaque(from, left, left + count, low, high), span = f->rows.span;
    size_t stride = CHANNELS * (size_t)cr_alpha_stride(count);
    if (has_alpha && !f->ring) {
        f->ring = malloc((size_t)span * CHANNELS * (size_t)cr_alpha_stride((int)widest(f)) * sizeof *f->ring);
        if (!f->ring) return -1;
    }
    // In the order of the rows, so that each is weighed once.
    int is_reversed = f->rows.start[bottom] < f->rows.start[top], next = low;
    for (int n = 0; n <= bottom - top; n++) {
        int y = is_reversed ? bottom - n : top + n, start = f->rows.start[y], length = f->rows.length[y];
        const int16_t *weights = f->rows.weights + (size_t)y * (size_t)f->rows.groups * CR_GROUP;
        uint8_t *line = line_for(f, to, left, y);
        if (has_alpha) {
            for (; next < start + length; next++)
                cr_weigh(CR_BEST, at(from, left, next), count, f->ring + (size_t)(next % span) * stride);
            for (int k = 0; k < length; k++)
                f->above_weighed[k] = f->ring + (size_t)((start + k) % span) * stride;
            cr_down_alpha(CR_BEST, f->above_weighed, weights, length, count, CR_WHOLE, NULL, line);
        } else {
            for (int k = 0; k < length; k++) f->above[k] = at(from, left, start + k);
            cr_down(CR_BEST, f->above, weights, length, 0, CHANNELS * count, f->rows.bias, CR_WHOLE, NULL, line);
        }
        put(f, to, left, y, count);
    }
    return 0;
}

static void cut_row(const cr_frames *f, const pixels *canvas, int row, int first, int count) {
    for (int i = first; i < first + count; i++) {
        const uint8_t *pixel = at(canvas, f->columns.start[i], f->rows.start[row]);
        // What is clear has no colour.
        if (pixel[3]) memcpy(at(&f->result, i, row), pixel, CHANNELS);
        else memset(at(&f->result, i, row), 0, CHANNELS);
    }
}

static int larger(int a, int b) { return a > b ? a : b; }
static int smaller(int a, int b) { return a < b ? a : b; }

int cr_frames_update(cr_frames *f, const uint8_t *canvas, cr_area changed, cr_area *made) {
    int first, last, top, bottom;
    *made = (cr_area){0, 0, 0, 0};
    if (changed.width <= 0 || changed.height <= 0) return 0;
    if (!outputs_of(&f->columns, changed.x, changed.x + changed.width, &first, &last) ||
        !outputs_of(&f->rows, changed.y, changed.y + changed.height, &top, &bottom))
        return 0;

    // Nothing is written to it.
    const pixels all = {(uint8_t *)canvas, CHANNELS, CHANNELS * (size_t)f->width};
    int count = last - first + 1;
    if (f->is_cut) {
        for (int row = top; row <= bottom; row++) cut_row(f, &all, row, first, count);
    } else if (f->is_down_first) {
        int left = larger(changed.x, f->columns.low), right = smaller(changed.x + changed.width, f->columns.high);
        if (pass_down(f, &all, &f->between, left, right - left, top, bottom) < 0) return -1;
        pass_across(f, &f->between, f->rows.count, &f->result, top, bottom + 1, first, count);
    } else {
        int above = larger(changed.y, f->rows.low), below = smaller(changed.y + changed.height, f->rows.high);
        pass_across(f, &all, f->height, &f->between, above, below, first, count);
        if (pass_down(f, &f->between, &f->result, first, count, top, bottom) < 0) return -1;
    }
    *made = f->transposes ? (cr_area){top, first, bottom - top + 1, count}
                          : (cr_area){first, top, count, bottom - top + 1};
    return 0;
}
