// SPDX-License-Identifier: Apache-2.0
#include "frames.h"

#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 4 };

struct cr_frames {
    int width, height;  // of the canvas
    int transposes;
    cr_taps columns, rows;
    uint8_t *result;
    const uint8_t **inputs;
    int16_t *mixed, *planes[CHANNELS];
    uint8_t *results[CHANNELS];
    // Colours multiplied by alpha, from the first time on that this makes a difference. A canvas whose clear pixels are
    // all zeros and whose others are opaque is the same either way.
    uint8_t *weighed;
};

void cr_frames_close(cr_frames *f) {
    if (!f) return;
    cr_taps_free(&f->columns);
    cr_taps_free(&f->rows);
    for (int c = 0; c < CHANNELS; c++) {
        free(f->planes[c]);
        free(f->results[c]);
    }
    free(f->result);
    free(f->inputs);
    free(f->mixed);
    free(f->weighed);
    free(f);
}

cr_frames *cr_frames_open(int width, int height, const cr_span *columns, const cr_span *rows, int transposes) {
    cr_frames *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->width = width;
    f->height = height;
    f->transposes = transposes;
    cr_axis across = cr_axis_make(columns, 1, 1, width, 0), down = cr_axis_make(rows, 1, 1, height, 0);
    int is_made = !cr_taps_make(&f->columns, &across) && !cr_taps_make(&f->rows, &down);
    if (is_made) {
        size_t padded = (size_t)width + ((size_t)f->columns.groups + 1) * CR_GROUP;
        f->result = calloc((size_t)f->columns.count * (size_t)f->rows.count, CHANNELS);
        f->inputs = malloc((size_t)f->rows.span * sizeof *f->inputs);
        f->mixed = calloc(padded * CHANNELS, sizeof *f->mixed);
        is_made = f->result && f->inputs && f->mixed;
        for (int c = 0; c < CHANNELS; c++) {
            f->planes[c] = calloc(padded, sizeof *f->planes[c]);
            f->results[c] = malloc((size_t)f->columns.count);
            is_made = is_made && f->planes[c] && f->results[c];
        }
    }
    if (is_made) return f;
    cr_frames_close(f);
    return NULL;
}

const uint8_t *cr_frames_pixels(const cr_frames *f) { return f->result; }

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

static int is_opaque(const cr_frames *f, const uint8_t *canvas, int left, int right, int top, int bottom) {
    uint8_t all = 255;
    for (int y = top; y < bottom && all == 255; y++) {
        const uint8_t *row = canvas + CHANNELS * (size_t)f->width * (size_t)y;
        for (int x = left; x < right; x++) all &= row[CHANNELS * (size_t)x + 3];
    }
    return all == 255;
}

static uint8_t product(unsigned value, unsigned alpha) {
    unsigned sum = value * alpha + 128;
    return (uint8_t)((sum + (sum >> 8)) >> 8);
}

// Whether some colour of the area would be another one when multiplied by its alpha.
static int needs_weighing(const cr_frames *f, const uint8_t *canvas, cr_area area) {
    for (int y = area.y; y < area.y + area.height; y++) {
        const uint8_t *pixel = canvas + CHANNELS * ((size_t)f->width * (size_t)y + (size_t)area.x);
        for (int x = 0; x < area.width; x++, pixel += CHANNELS)
            if (pixel[3] != 255 && (pixel[0] | pixel[1] | pixel[2])) return 1;
    }
    return 0;
}

static void weigh(cr_frames *f, const uint8_t *canvas, cr_area area) {
    for (int y = area.y; y < area.y + area.height; y++) {
        size_t at = CHANNELS * ((size_t)f->width * (size_t)y + (size_t)area.x);
        for (int x = 0; x < area.width; x++, at += CHANNELS) {
            for (int c = 0; c < 3; c++) f->weighed[at + (size_t)c] = product(canvas[at + (size_t)c], canvas[at + 3]);
            f->weighed[at + 3] = canvas[at + 3];
        }
    }
}

static void split(const int16_t *row, int low, int high, int16_t *const *planes) {
    const int16_t *in = row + CHANNELS * (size_t)low;
    int16_t *r = planes[0], *g = planes[1], *b = planes[2], *a = planes[3];
    for (int x = low; x < high; x++, in += CHANNELS) {
        r[x] = in[0];
        g[x] = in[1];
        b[x] = in[2];
        a[x] = in[3];
    }
}

static uint8_t divided(unsigned value, unsigned alpha) {
    unsigned quotient = (value * 255 + alpha / 2) / alpha;
    return (uint8_t)(quotient > 255 ? 255 : quotient);
}

// The pixels of one row of the result from `first` on.
static void store(cr_frames *f, int row, int first, int count, int has_alpha) {
    size_t stride = CHANNELS, at = CHANNELS * ((size_t)f->columns.count * (size_t)row + (size_t)first);
    if (f->transposes) {
        stride = CHANNELS * (size_t)f->rows.count;
        at = stride * (size_t)first + CHANNELS * (size_t)row;
    }
    uint8_t *out = f->result + at;
    for (int i = 0; i < count; i++, out += stride) {
        unsigned alpha = has_alpha ? f->results[3][i] : 255;
        for (int c = 0; c < 3; c++) {
            uint8_t value = f->results[c][i];
            out[c] = alpha == 255 ? value : alpha == 0 ? 0 : divided(value, alpha);
        }
        out[3] = (uint8_t)alpha;
    }
}

int cr_frames_update(cr_frames *f, const uint8_t *canvas, cr_area changed, cr_area *made) {
    int first, last, top, bottom;
    *made = (cr_area){0, 0, 0, 0};
    if (changed.width <= 0 || changed.height <= 0) return 0;
    if (!f->weighed && needs_weighing(f, canvas, changed)) {
        f->weighed = malloc(CHANNELS * (size_t)f->width * (size_t)f->height);
        if (!f->weighed) return -1;
        weigh(f, canvas, (cr_area){0, 0, f->width, f->height});
    } else if (f->weighed) {
        weigh(f, canvas, changed);
    }
    if (!outputs_of(&f->columns, changed.x, changed.x + changed.width, &first, &last) ||
        !outputs_of(&f->rows, changed.y, changed.y + changed.height, &top, &bottom))
        return 0;

    const uint8_t *source = f->weighed ? f->weighed : canvas;
    int low, high, above, below, count = last - first + 1;
    inputs_of(&f->columns, first, last, &low, &high);
    inputs_of(&f->rows, top, bottom, &above, &below);
    int has_alpha = !is_opaque(f, source, low, high, above, below);
    cr_taps part = f->columns;
    part.count = count;
    part.start += first;
    part.length += first;
    part.weights += (size_t)first * (size_t)part.groups * CR_GROUP;
    for (int row = top; row <= bottom; row++) {
        for (int k = 0; k < f->rows.length[row]; k++)
            f->inputs[k] = source + CHANNELS * (size_t)f->width * (size_t)(f->rows.start[row] + k);
        const int16_t *weights = f->rows.weights + (size_t)row * (size_t)f->rows.groups * CR_GROUP;
        cr_vertical(CR_BEST, f->inputs, weights, f->rows.length[row], CHANNELS * low, CHANNELS * high, f->mixed);
        split(f->mixed, low, high, f->planes);
        for (int c = 0; c < 3 + has_alpha; c++) cr_horizontal(CR_BEST, f->planes[c], &part, f->results[c]);
        store(f, row, first, count, has_alpha);
    }
    *made = f->transposes ? (cr_area){top, first, bottom - top + 1, count}
                          : (cr_area){first, top, count, bottom - top + 1};
    return 0;
}
