// SPDX-License-Identifier: Apache-2.0
//
// RGBA in floats. Every kernel adds in the same order, even and odd taps apart, and none fuses a multiplication with an
// addition: so all give the same bits.
#include "CResample.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Four floats: a pixel. The compiler has registers for them on every machine that matters.
typedef float pixel __attribute__((vector_size(16), aligned(4)));

typedef int32_t whole __attribute__((vector_size(16)));
typedef uint8_t bytes __attribute__((vector_size(4)));

static inline pixel all(float value) { return (pixel){value, value, value, value}; }

// `yes` where the mask is set, else 0.
static inline pixel where(whole mask, pixel yes) { return (pixel)(mask & (whole)yes); }

// `sum` is that of weights in fixed point.
static inline void store_straight(pixel sum, uint8_t *out) {
    float alpha = sum[3];
    // Less than half a step of alpha is nothing at all, and has no colour.
    float by = alpha < 0.5f * (1 << CR_TAP_BITS) ? 0 : 1 / alpha;
    pixel value = sum * (pixel){by, by, by, by == 0 ? 0 : 1.0f / (1 << CR_TAP_BITS)};
    value = where(value > 0, value);
    value = where(value < 255, value) + where(value >= 255, all(255));
    // Half a step more is cut to the nearest whole one; 255 stays.
    bytes rounded = __builtin_convertvector(__builtin_convertvector(value + all(0.5f), whole), bytes);
    memcpy(out, &rounded, sizeof rounded);
}

static inline void premultiply(const uint8_t *in, float *out) {
    float alpha = in[3];
    *(pixel *)out = (pixel){in[0] * alpha, in[1] * alpha, in[2] * alpha, alpha};
}

static void premultiply_scalar(const uint8_t *row, int low, int high, float *out) {
    for (int x = low; x < high; x++) premultiply(row + 4 * (size_t)x, out + 4 * (size_t)x);
}

// Rows side by side: a pixel of each, then the next. The first of these pixels is number `low`.
static void mix_scalar(const uint8_t *const *rows, int count, int low, int from, int high, float *mixed) {
    for (int x = from; x < high; x++)
        for (int r = 0; r < count; r++)
            premultiply(rows[r] + 4 * (size_t)x, mixed + 4 * ((size_t)(x - low) * CR_ALPHA_ROWS + (size_t)r));
}

static const float *weights_of(const float *weights, const cr_taps *taps, int output) {
    return weights + (size_t)output * (size_t)taps->groups * CR_GROUP;
}

static void horizontal_scalar(
    const float *mixed, int count, const cr_taps *taps, const float *weights, uint8_t *const *out) {
    for (int i = 0; i < taps->count; i++) {
        const float *by = weights_of(weights, taps, i);
        for (int r = 0; r < count; r++) {
            const float *in = mixed + 4 * ((size_t)(taps->start[i] - taps->low) * CR_ALPHA_ROWS + (size_t)r);
            pixel sums[2] = {all(0), all(0)};
            for (int k = 0; k < taps->length[i]; k++, in += 4 * CR_ALPHA_ROWS)
                sums[k & 1] += all(by[k]) * *(const pixel *)in;
            store_straight(sums[0] + sums[1], out[r] + 4 * (size_t)i);
        }
    }
}

static void vertical_scalar(
    const float *const *rows, const int16_t *weights, int count, int from, int width, uint8_t *out) {
    for (int x = from; x < width; x++) {
        pixel sum = {0, 0, 0, 0};
        for (int k = 0; k < count; k++) {
            sum += all(weights[k]) * *(const pixel *)(rows[k] + 4 * (size_t)x);
        }
        store_straight(sum, out + 4 * (size_t)x);
    }
}

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2")))

// Two pixels.
AVX2 static inline __m256 products(const uint8_t *in) {
    __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)in)));
    return _mm256_mul_ps(values, _mm256_blend_ps(_mm256_permute_ps(values, 0xFF), _mm256_set1_ps(1), 0x88));
}

AVX2 static int premultiply_avx2(const uint8_t *row, int low, int high, float *out) {
    int x = low;
    for (; x + 2 <= high; x += 2) _mm256_storeu_ps(out + 4 * (size_t)x, products(row + 4 * (size_t)x));
    return x;
}

AVX2 static int mix_avx2(const uint8_t *const *rows, int low, int high, float *mixed) {
    int x = low;
    for (; x + 2 <= high; x += 2, mixed += 8 * CR_ALPHA_ROWS)
        for (int r = 0; r < CR_ALPHA_ROWS; r += 2) {
            __m256 a = products(rows[r] + 4 * (size_t)x), b = products(rows[r + 1] + 4 * (size_t)x);
            _mm256_storeu_ps(mixed + 4 * r, _mm256_permute2f128_ps(a, b, 0x20));
            _mm256_storeu_ps(mixed + 4 * (r + CR_ALPHA_ROWS), _mm256_permute2f128_ps(a, b, 0x31));
        }
    return x;
}

// store_straight, for two pixels and two more.
AVX2 static inline __m128i straight_avx2(__m256 a, __m256 b) {
    const __m256 half = _mm256_set1_ps(0.5f * (1 << CR_TAP_BITS)), one = _mm256_set1_ps(1);
    const __m256 step = _mm256_set1_ps(1.0f / (1 << CR_TAP_BITS));
    __m256 sums[2] = {a, b};
    __m256i values[2];
    for (int i = 0; i < 2; i++) {
        __m256 alpha = _mm256_permute_ps(sums[i], 0xFF);
        __m256 by = _mm256_blend_ps(_mm256_div_ps(one, alpha), step, 0x88);
        by = _mm256_and_ps(by, _mm256_cmp_ps(alpha, half, _CMP_GE_OQ));
        __m256 value = _mm256_max_ps(_mm256_mul_ps(sums[i], by), _mm256_setzero_ps());
        value = _mm256_min_ps(value, _mm256_set1_ps(255));
        values[i] = _mm256_cvttps_epi32(_mm256_add_ps(value, _mm256_set1_ps(0.5f)));
    }
    __m256i words = _mm256_packs_epi32(values[0], values[1]), bytes = _mm256_packus_epi16(words, words);
    return _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
}

AVX2 static inline __m256 product(__m256 by, const float *in) { return _mm256_mul_ps(by, _mm256_loadu_ps(in)); }

AVX2 static void horizontal_avx2(
    const float *mixed, int count, const cr_taps *taps, const float *weights, uint8_t *const *out) {
    enum { NEXT = 4 * CR_ALPHA_ROWS };
    for (int i = 0; i < taps->count; i++) {
        const float *w = weights_of(weights, taps, i), *in = mixed + NEXT * (size_t)(taps->start[i] - taps->low);
        // Even and odd taps, of the first two rows and of the others.
        __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
        int k = 0;
        for (; k + 2 <= taps->length[i]; k += 2, in += 2 * NEXT) {
            __m256 even = _mm256_broadcast_ss(w + k), odd = _mm256_broadcast_ss(w + k + 1);
            a = _mm256_add_ps(a, product(even, in));
            b = _mm256_add_ps(b, product(even, in + 8));
            c = _mm256_add_ps(c, product(odd, in + NEXT));
            d = _mm256_add_ps(d, product(odd, in + NEXT + 8));
        }
        if (k < taps->length[i]) {
            __m256 even = _mm256_broadcast_ss(w + k);
            a = _mm256_add_ps(a, product(even, in));
            b = _mm256_add_ps(b, product(even, in + 8));
        }
        uint8_t pixels[4 * CR_ALPHA_ROWS];
        _mm_storeu_si128((void *)pixels, straight_avx2(_mm256_add_ps(a, c), _mm256_add_ps(b, d)));
        for (int r = 0; r < count; r++) memcpy(out[r] + 4 * (size_t)i, pixels + 4 * r, 4);
    }
}

AVX2 static int vertical_avx2(const float *const *rows, const int16_t *weights, int count, int width, uint8_t *out) {
    int x = 0;
    for (; x + 4 <= width; x += 4) {
        __m256 a = _mm256_setzero_ps(), b = _mm256_setzero_ps();
        for (int k = 0; k < count; k++) {
            __m256 by = _mm256_set1_ps(weights[k]);
            const float *in = rows[k] + 4 * (size_t)x;
            a = _mm256_add_ps(a, product(by, in));
            b = _mm256_add_ps(b, product(by, in + 8));
        }
        _mm_storeu_si128((void *)(out + 4 * (size_t)x), straight_avx2(a, b));
    }
    return x;
}

static int uses_avx2(cr_kernel kernel) {
    return (kernel == CR_BEST || kernel == CR_AVX2) && __builtin_cpu_supports("avx2");
}

#endif

void cr_premultiply(cr_kernel kernel, const uint8_t *row, int low, int high, float *out) {
#if defined(__x86_64__)
    if (uses_avx2(kernel)) low = premultiply_avx2(row, low, high, out);
#endif
    (void)kernel;
    premultiply_scalar(row, low, high, out);
}

size_t cr_alpha_scratch(const cr_taps *taps) {
    size_t weights = (size_t)taps->count * (size_t)taps->groups * CR_GROUP;
    return weights + 4 * CR_ALPHA_ROWS * (size_t)(taps->high - taps->low);
}

void cr_alpha_prepare(const cr_taps *taps, float *scratch) {
    size_t count = (size_t)taps->count * (size_t)taps->groups * CR_GROUP;
    for (size_t i = 0; i < count; i++) scratch[i] = taps->weights[i];
}

void cr_horizontal_alpha(
    cr_kernel kernel, const uint8_t *const *rows, int count, const cr_taps *taps, float *scratch, uint8_t *const *out) {
    const float *weights = scratch;
    float *mixed = scratch + (size_t)taps->count * (size_t)taps->groups * CR_GROUP;
#if defined(__x86_64__)
    if (uses_avx2(kernel)) {
        // Where there are fewer rows, some are made more than once.
        const uint8_t *all_rows[CR_ALPHA_ROWS];
        for (int r = 0; r < CR_ALPHA_ROWS; r++) all_rows[r] = rows[r < count ? r : 0];
        int x = mix_avx2(all_rows, taps->low, taps->high, mixed);
        mix_scalar(all_rows, CR_ALPHA_ROWS, taps->low, x, taps->high, mixed);
        return horizontal_avx2(mixed, count, taps, weights, out);
    }
#endif
    (void)kernel;
    mix_scalar(rows, count, taps->low, taps->low, taps->high, mixed);
    horizontal_scalar(mixed, count, taps, weights, out);
}

void cr_vertical_alpha(
    cr_kernel kernel, const float *const *rows, const int16_t *weights, int count, int width, uint8_t *out) {
    int from = 0;
#if defined(__x86_64__)
    if (uses_avx2(kernel)) from = vertical_avx2(rows, weights, count, width, out);
#endif
    (void)kernel;
    vertical_scalar(rows, weights, count, from, width, out);
}
