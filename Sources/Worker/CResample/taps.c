// SPDX-License-Identifier: Apache-2.0
#include "CResample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOBES = 3, CUBIC_LOBES = 2, STEPS = 1024, ROUNDER = 3 << 22, MEMORY = 32 };

// Lanczos-3 and the cubic spline of Catmull and Rom at multiples of 1/STEPS, made on first use: before any fork, where they
// are then shared. Nothing here runs on two threads.
static float lanczos[LOBES * STEPS + 2], cubic[CUBIC_LOBES * STEPS + 2];

static void make_kernels(void) {
    if (lanczos[0] == 1) return;
    for (int i = 1; i < LOBES * STEPS; i++) {
        double x = M_PI * i / STEPS;
        lanczos[i] = (float)(LOBES * sin(x) * sin(x / LOBES) / (x * x));
    }
    for (int i = 1; i < CUBIC_LOBES * STEPS; i++) {
        double x = (double)i / STEPS;
        cubic[i] = (float)(i < STEPS ? (1.5 * x - 2.5) * x * x + 1 : ((2.5 - 0.5 * x) * x - 4) * x + 2);
    }
    // Exactly zero at whole numbers, so that a resize by nothing is exactly nothing.
    for (int i = 1; i <= LOBES; i++) lanczos[i * STEPS] = 0;
    for (int i = 1; i <= CUBIC_LOBES; i++) cubic[i * STEPS] = 0;
    lanczos[0] = cubic[0] = 1;
}

// Between the steps by a straight line; `x` is their number, not negative.
static inline float weight(const float *kernel, int lobes, float x) {
    float end = (float)(lobes * STEPS);
    x = x < end ? x : end;
    int index = (int)x;
    float rest = x - (float)index;
    return kernel[index] + rest * (kernel[index + 1] - kernel[index]);
}

static int lobes_of(const cr_axis *axis) { return axis->is_cubic ? CUBIC_LOBES : LOBES; }

static int imax(int a, int b) { return a > b ? a : b; }
static int imin(int a, int b) { return a < b ? a : b; }

// What one output is made of.
typedef struct {
    int low, count;   // inputs; a count of 0 when the output lies outside of them, by less than a sample
    float at;         // how far the first of them lies from the output's centre, in steps of the kernel
} reach;

static reach reach_of(double centre, const cr_axis *axis, double scale) {
    double half = lobes_of(axis) * scale;
    int extra = axis->sharpening > 0;
    // Input k has its centre at k + 1/2.
    int low = imax(axis->low, (int)ceil(centre - half - 0.5) - extra);
    int high = imin(axis->high, (int)floor(centre + half - 0.5) + 1 + extra);
    return (reach){low, imax(high - low, 0), (float)((low + 0.5 - centre) * (STEPS / scale))};
}

// The weights of one output, as fractions, normalised.
static void weigh(const reach *of, float step, const cr_axis *axis, float *weights, float *scratch) {
    int count = of->count;
    if (axis->is_cubic)
        for (int k = 0; k < count; k++) weights[k] = weight(cubic, CUBIC_LOBES, fabsf(of->at + (float)k * step));
    else
        for (int k = 0; k < count; k++) weights[k] = weight(lanczos, LOBES, fabsf(of->at + (float)k * step));
    if (axis->sharpening > 0) {
        float a = (float)axis->sharpening;
        memcpy(scratch, weights, (size_t)count * sizeof *weights);
        for (int k = 0; k < count; k++)
            weights[k] = (1 + 2 * a) * scratch[k] -
                         a * ((k > 0 ? scratch[k - 1] : 0) + (k + 1 < count ? scratch[k + 1] : 0));
    }
    float sum = 0;
    for (int k = 0; k < count; k++) sum += weights[k];
    // A sum near zero cannot happen: the kernel's main lobe covers at least one input within [low, high).
    float norm = fabsf(sum) > 1e-6f ? 1 / sum : 1;
    for (int k = 0; k < count; k++) weights[k] *= norm;
}

// Rounds to fixed point so that the weights add up to exactly one, and drops zeros at both ends.
static int quantise(const float *weights, int count, int16_t *out, int *first) {
    int sum = 0, most = INT16_MIN, largest = 0;
    for (int k = 0; k < count; k++) {
        // The nearest whole number, by what a float of this size has no room for: libm's way is a call.
        float value = weights[k] * (1 << CR_TAP_BITS) + ROUNDER - ROUNDER;
        out[k] = (int16_t)(value < -32768 ? -32768 : value > 32767 ? 32767 : value);
    }
    // Loops of their own, each of which the compiler does many at a time.
    for (int k = 0; k < count; k++) sum += out[k];
    for (int k = 0; k < count; k++) most = imax(most, out[k]);
    while (out[largest] != most) largest++;
    out[largest] = (int16_t)(out[largest] + (1 << CR_TAP_BITS) - sum);
    int skip = 0;
    while (skip < count - 1 && out[skip] == 0) skip++;
    while (count > skip + 1 && out[count - 1] == 0) count--;
    if (skip > 0) memmove(out, out + skip, (size_t)(count - skip) * sizeof *out);
    *first += skip;
    return count - skip;
}

// An output that lies exactly on an input needs far less than its neighbours: all but one of its weights are zero. What
// it needs is widened again so that nothing begins or ends before what comes earlier; whoever keeps rows relies on it.
static void put_in_order(cr_taps *taps, size_t row) {
    int32_t end = 0;
    for (int i = 0; i < taps->count; i++) {
        end = imax(end, taps->start[i] + taps->length[i]);
        taps->length[i] = end - taps->start[i];
    }
    int32_t start = INT32_MAX;
    for (int i = taps->count - 1; i >= 0; i--) {
        start = imin(start, taps->start[i]);
        size_t shift = (size_t)(taps->start[i] - start);
        if (shift == 0) continue;
        int16_t *weights = taps->weights + (size_t)i * row;
        memmove(weights + shift, weights, (size_t)taps->length[i] * sizeof *weights);
        memset(weights, 0, shift * sizeof *weights);
        taps->start[i] = start;
        taps->length[i] += (int32_t)shift;
    }
}

// The table of an axis whose inputs are counted from the other end is made as if they were not.
static void mirror(cr_taps *taps, int inputs, size_t row) {
    for (int i = 0; i < taps->count; i++) {
        int16_t *weights = taps->weights + (size_t)i * row;
        int length = taps->length[i];
        for (int k = 0; k < length / 2; k++) {
            int16_t weight = weights[k];
            weights[k] = weights[length - 1 - k];
            weights[length - 1 - k] = weight;
        }
        taps->start[i] = inputs - taps->start[i] - length;
    }
}

static void swap(void *a, void *b, size_t count) {
    uint8_t *one = a, *other = b;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = one[i];
        one[i] = other[i];
        other[i] = byte;
    }
}

static void reverse(cr_taps *taps, size_t row) {
    for (int i = 0, j = taps->count - 1; i < j; i++, j--) {
        swap(taps->start + i, taps->start + j, sizeof *taps->start);
        swap(taps->length + i, taps->length + j, sizeof *taps->length);
        swap(taps->weights + (size_t)i * row, taps->weights + (size_t)j * row, row * sizeof *taps->weights);
    }
}

// After how many outputs they lie between their inputs as before; MEMORY when there are more.
static int period_of(double step) {
    for (int period = 1; period < MEMORY; period++)
        if (fabs(period * step - nearbyint(period * step)) < 1e-9) return period;
    return MEMORY;
}

int cr_taps_make(cr_taps *taps, const cr_axis *axis) {
    make_kernels();
    memset(taps, 0, sizeof *taps);
    double scale = axis->step > 1 ? axis->step : 1;
    // The widest that any output can be, bounded by the inputs there are.
    int widest = imin((int)fmin(2 * LOBES * scale + 5, 1e9), axis->high - axis->low);
    widest = imax(widest, 1);
    int groups = widest / CR_GROUP + 1;
    size_t row = (size_t)groups * CR_GROUP, count = (size_t)axis->count;
    float *scratch = malloc(2 * (size_t)(widest + 4) * sizeof *scratch);
    taps->start = malloc(count * sizeof *taps->start);
    taps->length = malloc(count * sizeof *taps->length);
    taps->weights = calloc(count * row, sizeof *taps->weights);
    if (!scratch || !taps->start || !taps->length || !taps->weights) {
        free(scratch);
        cr_taps_free(taps);
        return -1;
    }
    taps->count = axis->count;
    taps->bias = 1 << (CR_TAP_BITS + CR_ROW_BITS - 1);
    taps->span = widest;
    taps->groups = groups;
    taps->low = axis->high;
    taps->high = axis->low;
    // Most sizes have few outputs that differ: what lies between its inputs as one before it did has the same weights.
    reach earlier[MEMORY];
    int period = period_of(axis->step);
    for (int i = 0; i < axis->count; i++) {
        int index = axis->cell ? i / 3 * axis->cell + i % 3 - 1 : i;
        double centre = axis->first + axis->step * index;
        reach of = reach_of(centre, axis, scale);
        int16_t *weights = taps->weights + (size_t)i * row;
        reach *before = &earlier[i % period];
        if (i >= period && of.count > 0 && of.count == before->count && of.at == before->at) {
            taps->start[i] = taps->start[i - period] + of.low - before->low;
            taps->length[i] = taps->length[i - period];
            memcpy(weights, weights - (size_t)period * row, row * sizeof *weights);
            *before = of;
            continue;
        }
        *before = of;
        int first = of.low;
        if (of.count > 0) {
            weigh(&of, (float)(STEPS / scale), axis, scratch, scratch + widest + 4);
        } else {
            // The nearest one it is.
            first = imin(imax((int)floor(centre), axis->low), axis->high - 1);
            scratch[0] = 1;
        }
        int length = quantise(scratch, imax(of.count, 1), weights, &first);
        memset(weights + length, 0, (row - (size_t)length) * sizeof *weights);
        taps->start[i] = first;
        taps->length[i] = length;
    }
    free(scratch);
    put_in_order(taps, row);
    if (axis->mirrored) mirror(taps, axis->mirrored, row);
    if (axis->is_reversed) reverse(taps, row);
    int needed = 1;
    for (int i = 0; i < axis->count; i++) {
        taps->low = imin(taps->low, taps->start[i]);
        taps->high = imax(taps->high, taps->start[i] + taps->length[i]);
        needed = imax(needed, taps->length[i]);
    }

    // Trimmed zeros can make a whole group superfluous; the horizontal pass should not multiply by them.
    int used = needed / CR_GROUP + 1;
    if (used < groups) {
        size_t narrow = (size_t)used * CR_GROUP;
        for (size_t i = 1; i < count; i++)
            memmove(taps->weights + i * narrow, taps->weights + i * row, narrow * sizeof *taps->weights);
        taps->groups = used;
    }
    return 0;
}

void cr_taps_change(cr_taps *taps, double gain, double offset) {
    int32_t whole = (int32_t)lrint(gain * (1 << CR_TAP_BITS));
    for (int i = 0; i < taps->count; i++) {
        int16_t *weights = taps->weights + (size_t)i * (size_t)taps->groups * CR_GROUP;
        int32_t sum = 0;
        int largest = 0;
        for (int k = 0; k < taps->length[i]; k++) {
            long value = lrint(gain * weights[k]);
            weights[k] = (int16_t)(value < -32768 ? -32768 : value > 32767 ? 32767 : value);
            sum += weights[k];
            if (weights[k] > weights[largest]) largest = k;
        }
        weights[largest] = (int16_t)(weights[largest] + whole - sum);
    }
    taps->bias += (int32_t)lrint(offset * (1 << (CR_TAP_BITS + CR_ROW_BITS)));
}

void cr_taps_free(cr_taps *taps) {
    free(taps->start);
    free(taps->length);
    free(taps->weights);
    memset(taps, 0, sizeof *taps);
}

cr_axis cr_axis_make(const cr_span *span, double density, int unit, int samples, double sharpening) {
    double scale = (double)span->length / span->resampled;  // pixels of the source to one of the result
    double begin = span->from * density, end = (span->from + (double)span->length) * density;
    int window = span->window;
    // Counted from the other end, in samples: so that weights do not depend on which end that is.
    if (span->is_mirrored_first) {
        double before = begin;
        begin = samples - end;
        end = samples - before;
        window = span->resampled - window - span->kept;
    }
    int count = (span->kept + unit - 1) / unit, is_reversed = span->is_mirrored != span->is_mirrored_first;
    // Centre of the first output sample, in pixels of the resampled picture. When the last ones come first, it is these
    // that are whole.
    double first = window + unit / 2.0 + (is_reversed ? span->kept - unit * count : 0);
    int low = (int)floor(begin + 1e-9), high = (int)ceil(end - 1e-9);
    // What is resampled may be said to reach beyond the picture, where there is nothing.
    if (low < 0) low = 0;
    if (high > samples) high = samples;
    if (low >= high) low = high - 1;
    return (cr_axis){
        .count = count,
        .first = begin + first * scale * density,
        .step = unit * scale * density,
        .low = low,
        .high = high,
        .mirrored = span->is_mirrored_first ? samples : 0,
        .is_reversed = is_reversed,
        .sharpening = sharpening,
    };
}

void cr_axis_sample(cr_axis *axis, int cell) {
    axis->cell = cell;
    axis->count = axis->count / cell * 3;
}
