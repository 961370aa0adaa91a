// SPDX-License-Identifier: Apache-2.0
#include "CResample.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { CHANNELS = 4 };

struct cr_frames {
    int width, height;  // of the canvas
    int transposes;
    cr_taps columns, rows;
    // Every pixel of the result is one of the canvas: nothing is resampled, only cut out or turned.
    int is_cut;
    uint8_t *result;
    const uint8_t **inputs;
    // A row of pixels, then CR_ROWS of each channel, and what becomes of those.
    int16_t *mixed, *planes[CHANNELS][CR_ROWS];
    uint8_t *results[CHANNELS][CR_ROWS];
    int16_t *wide;
    uint8_t *narrow;
    void *scratch;
    // Colours multiplied by alpha, from the first time on that this makes a difference. A canvas whose clear pixels are
    // all zeros and whose others are opaque is the same either way.
    uint8_t *weighed;
};

void cr_frames_close(cr_frames *f) {
    if (!f) return;
    cr_taps_free(&f->columns);
    cr_taps_free(&f->rows);
    free(f->result);
    free(f->inputs);
    free(f->mixed);
    free(f->wide);
    free(f->narrow);
    free(f->scratch);
    free(f->weighed);
    free(f);
}

static int takes_one(const cr_taps *taps) {
    for (int i = 0; i < taps->count; i++)
        if (taps->length[i] != 1) return 0;
    return 1;
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
        f->wide = calloc(padded * CHANNELS * CR_ROWS, sizeof *f->wide);
        f->narrow = malloc((size_t)f->columns.count * CHANNELS * CR_ROWS);
        f->scratch = malloc(cr_rows_scratch(&f->columns));
        f->is_cut = takes_one(&f->columns) && takes_one(&f->rows);
        is_made = f->result && f->inputs && f->mixed && f->wide && f->narrow && f->scratch;
        for (size_t i = 0; is_made && i < CHANNELS * CR_ROWS; i++) {
            f->planes[i / CR_ROWS][i % CR_ROWS] = f->wide + i * padded;
            f->results[i / CR_ROWS][i % CR_ROWS] = f->narrow + i * (size_t)f->columns.count;
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

void cr_split(cr_kernel kernel, const int16_t *row, int low, int high, int16_t *const *planes) {
    int x = low;
#if defined(__SSE2__)
    int16_t *r = planes[0], *g = planes[1], *b = planes[2], *a = planes[3];
    for (; kernel != CR_SCALAR && x + 8 <= high; x += 8) {
        const __m128i *in = (const void *)(row + CHANNELS * (size_t)x);
        __m128i s = _mm_loadu_si128(in), t = _mm_loadu_si128(in + 1);
        __m128i u = _mm_loadu_si128(in + 2), v = _mm_loadu_si128(in + 3);
        __m128i even = _mm_unpacklo_epi16(s, t), odd = _mm_unpackhi_epi16(s, t);
        __m128i later_even = _mm_unpacklo_epi16(u, v), later_odd = _mm_unpackhi_epi16(u, v);
        __m128i rg = _mm_unpacklo_epi16(even, odd), ba = _mm_unpackhi_epi16(even, odd);
        __m128i later_rg = _mm_unpacklo_epi16(later_even, later_odd);
        __m128i later_ba = _mm_unpackhi_epi16(later_even, later_odd);
        _mm_storeu_si128((void *)(r + x), _mm_unpacklo_epi64(rg, later_rg));
        _mm_storeu_si128((void *)(g + x), _mm_unpackhi_epi64(rg, later_rg));
        _mm_storeu_si128((void *)(b + x), _mm_unpacklo_epi64(ba, later_ba));
        _mm_storeu_si128((void *)(a + x), _mm_unpackhi_epi64(ba, later_ba));
    }
#endif
    (void)kernel;
    for (const int16_t *in = row + CHANNELS * (size_t)x; x < high; x++, in += CHANNELS)
        for (int c = 0; c < CHANNELS; c++) planes[c][x] = in[c];
}

void cr_join(cr_kernel kernel, const uint8_t *const *planes, int count, uint8_t *out) {
    const uint8_t *r = planes[0], *g = planes[1], *b = planes[2];
    int i = 0;
#if defined(__SSE2__)
    const __m128i opaque = _mm_set1_epi8(-1);
    for (; kernel != CR_SCALAR && i + 16 <= count; i += 16) {
        __m128i *to = (void *)(out + CHANNELS * (size_t)i);
        __m128i red = _mm_loadu_si128((const void *)(r + i)), green = _mm_loadu_si128((const void *)(g + i));
        __m128i blue = _mm_loadu_si128((const void *)(b + i));
        __m128i rg = _mm_unpacklo_epi8(red, green), ba = _mm_unpacklo_epi8(blue, opaque);
        _mm_storeu_si128(to, _mm_unpacklo_epi16(rg, ba));
        _mm_storeu_si128(to + 1, _mm_unpackhi_epi16(rg, ba));
        rg = _mm_unpackhi_epi8(red, green);
        ba = _mm_unpackhi_epi8(blue, opaque);
        _mm_storeu_si128(to + 2, _mm_unpacklo_epi16(rg, ba));
        _mm_storeu_si128(to + 3, _mm_unpackhi_epi16(rg, ba));
    }
#endif
    (void)kernel;
    for (; i < count; i++) {
        const uint8_t pixel[CHANNELS] = {r[i], g[i], b[i], 255};
        memcpy(out + CHANNELS * (size_t)i, pixel, CHANNELS);
    }
}

static uint8_t divided(unsigned value, unsigned alpha) {
    unsigned quotient = (value * 255 + alpha / 2) / alpha;
    return (uint8_t)(quotient > 255 ? 255 : quotient);
}

// Where a pixel of the result is, and how far from it the next one of its row.
static uint8_t *place(const cr_frames *f, int row, int column, size_t *stride) {
    *stride = CHANNELS * (f->transposes ? (size_t)f->rows.count : 1);
    size_t across = f->transposes ? (size_t)row : (size_t)column, down = f->transposes ? (size_t)column : (size_t)row;
    size_t width = f->transposes ? (size_t)f->rows.count : (size_t)f->columns.count;
    return f->result + CHANNELS * (width * down + across);
}

// The pixels of one row of the result from `first` on, from row number `at` of those that have been made.
static void store(cr_frames *f, int at, int row, int first, int count, int has_alpha) {
    const uint8_t *r = f->results[0][at], *g = f->results[1][at], *b = f->results[2][at], *a = f->results[3][at];
    size_t stride;
    uint8_t *out = place(f, row, first, &stride);
    if (!has_alpha && !f->transposes) {
        const uint8_t *const planes[] = {r, g, b};
        cr_join(CR_BEST, planes, count, out);
        return;
    }
    for (int i = 0; i < count; i++, out += stride) {
        unsigned alpha = has_alpha ? a[i] : 255;
        const uint8_t values[3] = {r[i], g[i], b[i]};
        for (int c = 0; c < 3; c++)
            out[c] = alpha == 255 ? values[c] : alpha == 0 ? 0 : divided(values[c], alpha);
        out[3] = (uint8_t)alpha;
    }
}

static void cut_row(cr_frames *f, const uint8_t *canvas, int row, int first, int count) {
    const uint8_t *in = canvas + CHANNELS * (size_t)f->width * (size_t)f->rows.start[row];
    size_t stride;
    uint8_t *out = place(f, row, first, &stride);
    for (int i = first; i < first + count; i++, out += stride) {
        const uint8_t *pixel = in + CHANNELS * (size_t)f->columns.start[i];
        // What is clear has no colour.
        if (pixel[3]) memcpy(out, pixel, CHANNELS);
        else memset(out, 0, CHANNELS);
    }
}

// Rows top...bottom of the result, `count` pixels from `first` on.
static void resample(cr_frames *f, const uint8_t *source, int first, int count, int top, int bottom) {
    int low, high, above, below;
    inputs_of(&f->columns, first, first + count - 1, &low, &high);
    inputs_of(&f->rows, top, bottom, &above, &below);
    int has_alpha = !is_opaque(f, source, low, high, above, below);
    cr_taps part = f->columns;
    part.count = count;
    part.start += first;
    part.length += first;
    part.weights += (size_t)first * (size_t)part.groups * CR_GROUP;
    part.low = low;
    part.high = high;
    for (int row = top; row <= bottom; row += CR_ROWS) {
        int batch = bottom - row < CR_ROWS ? bottom - row + 1 : CR_ROWS;
        for (int i = 0; i < batch; i++) {
            int start = f->rows.start[row + i], length = f->rows.length[row + i];
            for (int k = 0; k < length; k++)
                f->inputs[k] = source + CHANNELS * (size_t)f->width * (size_t)(start + k);
            const int16_t *weights = f->rows.weights + (size_t)(row + i) * (size_t)f->rows.groups * CR_GROUP;
            cr_vertical(CR_BEST, f->inputs, weights, length, CHANNELS * low, CHANNELS * high, f->mixed);
            int16_t *const planes[] = {f->planes[0][i], f->planes[1][i], f->planes[2][i], f->planes[3][i]};
            cr_split(CR_BEST, f->mixed, low, high, planes);
        }
        for (int c = 0; c < 3 + has_alpha; c++)
            cr_horizontal_rows(
                CR_BEST, (const int16_t *const *)f->planes[c], batch, &part, f->scratch, f->results[c]);
        for (int i = 0; i < batch; i++) store(f, i, row + i, first, count, has_alpha);
    }
}

int cr_frames_update(cr_frames *f, const uint8_t *canvas, cr_area changed, cr_area *made) {
    int first, last, top, bottom;
    *made = (cr_area){0, 0, 0, 0};
    if (changed.width <= 0 || changed.height <= 0) return 0;
    if (f->is_cut) {
        // Nothing is mixed that would have to be weighed.
    } else if (!f->weighed && needs_weighing(f, canvas, changed)) {
        f->weighed = malloc(CHANNELS * (size_t)f->width * (size_t)f->height);
        if (!f->weighed) return -1;
        weigh(f, canvas, (cr_area){0, 0, f->width, f->height});
    } else if (f->weighed) {
        weigh(f, canvas, changed);
    }
    if (!outputs_of(&f->columns, changed.x, changed.x + changed.width, &first, &last) ||
        !outputs_of(&f->rows, changed.y, changed.y + changed.height, &top, &bottom))
        return 0;

    int count = last - first + 1;
    if (f->is_cut) for (int row = top; row <= bottom; row++) cut_row(f, canvas, row, first, count);
    else resample(f, f->weighed ? f->weighed : canvas, first, count, top, bottom);
    *made = f->transposes ? (cr_area){top, first, bottom - top + 1, count}
                          : (cr_area){first, top, count, bottom - top + 1};
    return 0;
}
