// SPDX-License-Identifier: Apache-2.0
//
// Separable resampling of 8-bit samples in fixed point. Planes go through the vertical pass first, into 16-bit rows
// with 6 fractional bits, then through the horizontal one; pixels are rounded to 8 bits between the passes, whichever
// is first. Kernels for AVX2 and SSE2 are chosen at run time; the scalar ones are the reference and what other machines
// use. All give the same bits.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Bits after the point: of a tap, and of a sample between the two passes.
enum { CR_TAP_BITS = 14, CR_ROW_BITS = 6 };
// Taps come in groups of this many, the rest zero, at least one; 16-bit rows are readable for as many samples past their end.
enum { CR_GROUP = 16 };

typedef enum { CR_BEST, CR_SCALAR, CR_SSE2, CR_AVX2 } cr_kernel;

// For each output sample: which inputs, with which weights. In the order of the inputs (last to first when the axis is
// mirrored on the whole) nothing that an output needs begins or ends before what the one before it needs. Free with
// cr_taps_free.
typedef struct {
    int count;          // of output samples
    int groups;         // of taps of each sample, in units of CR_GROUP
    int32_t *start;     // first input sample
    int32_t *length;    // inputs that count; the rest of the group has weight 0
    int16_t *weights;   // count * groups * CR_GROUP, at least one zero after those of each sample
    int low, high;      // all inputs that any output needs
    int span;           // inputs that one output can reach, those with weight 0 included
    int32_t bias;       // what is added to a sum of 16-bit samples before its fraction is cut off; at first half a step
} cr_taps;

// What is sampled, along one axis. Input sample k covers [k, k + 1).
typedef struct {
    int count;            // output samples
    double first;         // centre of the first one in input coordinates
    double step;          // from one centre to the next
    int low, high;        // inputs that may be used: the others are not part of the picture
    int mirrored;         // not 0: so many inputs, counted from the other end in all of the above
    int is_reversed;      // the outputs come last to first
    double sharpening;    // undoes the droop of a box filter that has been applied before; 0 = none
    int cell;             // see cr_axis_sample; 0 = all of them
    int is_cubic;         // by a cubic spline instead of Lanczos
} cr_axis;

// Lanczos with three lobes, or the spline of Catmull and Rom, widened when it shrinks; weights are renormalised at the edges.
// 0, or -1 without memory.
int cr_taps_make(cr_taps *taps, const cr_axis *axis);
void cr_taps_free(cr_taps *taps);
// Has the horizontal passes give `gain`, below two, times a value, plus `offset`.
void cr_taps_change(cr_taps *taps, double gain, double offset);

// One 16-bit row from `count` rows: columns [low, high), stored from out[low] on.
void cr_vertical(
    cr_kernel kernel, const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, int16_t *out);
// One row of output from a 16-bit row.
void cr_horizontal(cr_kernel kernel, const int16_t *row, const cr_taps *taps, uint8_t *out);
// The same of `count` rows, 1...CR_ROWS: many together take a third of the time. `scratch` has cr_rows_scratch(taps) bytes.
enum { CR_ROWS = 16 };
size_t cr_rows_scratch(const cr_taps *taps);
void cr_horizontal_rows(
    cr_kernel kernel, const int16_t *const *rows, int count, const cr_taps *taps, void *scratch, uint8_t *const *out);

// The axis of a plane with `density` samples to a pixel of a picture of which `length` pixels from `from` on become
// `resampled` ones, and of those `kept` from `window` on are made, `unit` of them to a sample, maybe in reverse. What
// is mirrored first is so before it is resampled: its samples get the very weights that they would have the other way
// round.
//
// A whole picture of `whole` pixels is `density * whole` samples, which can be a fraction: the last sample may stand for
// less than the others. Planes are centre-sited, so their edges coincide and each maps by its own fraction.
typedef struct {
    int from, length, resampled, window, kept, is_mirrored, is_mirrored_first;
} cr_span;
cr_axis cr_axis_make(const cr_span *span, double density, int unit, int samples, double sharpening);
// Leaves only the first output sample of each whole `cell` of them, and the ones before and after it: samples of a picture
// with just the neighbours that an edge detector wants. Before the very first one there is nothing worth a look.
void cr_axis_sample(cr_axis *axis, int cell);

// Of the inputs that one output of a vertical pass needs, some may come later: where they begin and where they end sums
// are not carried over, but begun, or made bytes.
typedef enum { CR_MIDDLE = 0, CR_BEGINS = 1, CR_ENDS = 2, CR_WHOLE = CR_BEGINS | CR_ENDS } cr_part;

// Columns [low, high) of `count` rows are added up; where that ends, they become a row of bytes, out[low...]. `bias` is
// a table's. `sums`: of `high` columns, in an order of their own; not needed for a whole.
void cr_down(
    cr_kernel kernel, const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, int32_t bias,
    cr_part part, int32_t *sums, uint8_t *out);
// An opaque row of pixels becomes 16-bit rows, one for each channel but alpha, for the horizontal pass …
void cr_widen(cr_kernel kernel, const uint8_t *row, int channels, int low, int high, int16_t *const *planes);
// … and planes of `count` bytes each, one or three, become a row again, or three of them one of RGBA.
void cr_join(cr_kernel kernel, const uint8_t *const *planes, int count, int channels, uint8_t *row);

// RGBA goes through both passes weighed: colours multiplied by alpha, and 255 by it, each 32768 less. A weighed row has
// those of each channel one after the other, cr_alpha_stride(count) apart, and nothing that counts beyond `count`.
int cr_alpha_stride(int count);
void cr_weigh(cr_kernel kernel, const uint8_t *row, int count, int16_t *out);
// The horizontal pass takes `count` rows at once, 1...CR_ROWS, readable CR_GROUP pixels beyond the last one that is
// needed, and rounds to 8 bits without weights: these are what it makes, or it weighs them again. `scratch` has
// cr_alpha_scratch(taps) bytes.
size_t cr_alpha_scratch(const cr_taps *taps);
void cr_across_alpha(
    cr_kernel kernel, const uint8_t *const *rows, int count, const cr_taps *taps, void *scratch, uint8_t *const *out);
void cr_across_weighed(
    cr_kernel kernel, const uint8_t *const *rows, int count, const cr_taps *taps, void *scratch, int16_t *const *out);
// As cr_down; the weights add up to one. `sums`: of 4 * cr_alpha_stride(width).
void cr_down_alpha(
    cr_kernel kernel, const int16_t *const *rows, const int16_t *weights, int count, int width, cr_part part,
    int32_t *sums, uint8_t *out);

// Rows that are not resampled, only moved.
// These become columns side by side; they are `row_stride` apart. A step of `stride` leads to other memory each time, and is
// taken once for all of them. 1, 3 or 4 channels.
void cr_store_columns(
    const uint8_t *rows, ptrdiff_t row_stride, int row_count, int channels, int count, uint8_t *out, size_t stride);
void cr_reverse(const uint8_t *row, int channels, int count, uint8_t *out);
// RGBA on an opaque colour (red, green, blue). `out` may be `row`.
void cr_flatten(const uint8_t *row, int count, const uint8_t *colour, uint8_t *out);
// The first and last pixel that is not of this colour; 0 when there is none.
int cr_differing(const uint8_t *row, int channels, int count, const uint8_t *colour, int *first, int *last);

// 1 when this machine can run the kernel.
int cr_supports(cr_kernel kernel);

#include "frames.h"
#include "memory.h"
