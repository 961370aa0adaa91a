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

static inline uint8_t to_byte(float value) { return (uint8_t)(value <= 0 ? 0 : value >= 255 ? 255 : value + 0.5f); }

// `sum` is that of weights in fixed point.
static inline void store_straight(pixel sum, uint8_t *out) {
    float alpha = sum[3];
    // Less than half a step of alpha is nothing at all, and has no colour.
    if (alpha < 0.5f * (1 << CR_TAP_BITS)) {
        memset(out, 0, 4);
        return;
    }
    float by = 1 / alpha;
    for (int c = 0; c < 3; c++) out[c] = to_byte(sum[c] * by);
    out[3] = to_byte(alpha * (1.0f / (1 << CR_TAP_BITS)));
}

static void premultiply_scalar(const uint8_t *row, int low, int high, float *out) {
    for (int x = low; x < high; x++) {
        const uint8_t *in = row + 4 * (size_t)x;
        float alpha = in[3];
        pixel value = {in[0] * alpha, in[1] * alpha, in[2] * alpha, alpha};
        *(pixel *)(out + 4 * (size_t)x) = value;
    }
}

static void horizontal_scalar(const float *row, const cr_taps *taps, uint8_t *out) {
    for (int i = 0; i < taps->count; i++, out += 4) {
        const int16_t *weights = taps->weights + (size_t)i * (size_t)taps->groups * CR_GROUP;
        const float *in = row + 4 * (size_t)taps->start[i];
        pixel sums[2] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
        for (int k = 0; k < taps->length[i]; k++) {
            float w = weights[k];
            pixel by = {w, w, w, w};
            sums[k & 1] += by * *(const pixel *)(in + 4 * (size_t)k);
        }
        store_straight(sums[0] + sums[1], out);
    }
}

static void vertical_scalar(
    const float *const *rows, const int16_t *weights, int count, int from, int width, uint8_t *out) {
    for (int x = from; x < width; x++) {
        pixel sum = {0, 0, 0, 0};
        for (int k = 0; k < count; k++) {
            float w = weights[k];
            pixel by = {w, w, w, w};
            sum += by * *(const pixel *)(rows[k] + 4 * (size_t)x);
        }
        store_straight(sum, out + 4 * (size_t)x);
    }
}

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2")))

AVX2 static int premultiply_avx2(const uint8_t *row, int low, int high, float *out) {
    const __m256 ones = _mm256_set1_ps(1);
    int x = low;
    for (; x + 2 <= high; x += 2) {
        __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(row + 4 * (size_t)x))));
        __m256 alphas = _mm256_permute_ps(values, 0xFF);
        _mm256_storeu_ps(out + 4 * (size_t)x, _mm256_mul_ps(values, _mm256_blend_ps(alphas, ones, 0x88)));
    }
    return x;
}

// Eight weights at a time, each pair with two pixels. Those beyond the last are zero, and the pixels any finite number.
AVX2 static void horizontal_avx2(const float *row, const cr_taps *taps, uint8_t *out) {
    const __m256i pairs[4] = {
        _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1), _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3),
        _mm256_setr_epi32(4, 4, 4, 4, 5, 5, 5, 5), _mm256_setr_epi32(6, 6, 6, 6, 7, 7, 7, 7)};
    for (int i = 0; i < taps->count; i++, out += 4) {
        const int16_t *weights = taps->weights + (size_t)i * (size_t)taps->groups * CR_GROUP;
        const float *in = row + 4 * (size_t)taps->start[i];
        __m256 sums = _mm256_setzero_ps();
        for (int k = 0; k < taps->length[i]; k += 8, in += 32) {
            __m256 eight = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)(weights + k))));
            for (int p = 0; p < 4; p++) {
                __m256 by = _mm256_permutevar8x32_ps(eight, pairs[p]);
                sums = _mm256_add_ps(sums, _mm256_mul_ps(by, _mm256_loadu_ps(in + 8 * p)));
            }
        }
        __m128 sum = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
        store_straight((pixel)sum, out);
    }
}

AVX2 static int vertical_avx2(const float *const *rows, const int16_t *weights, int count, int width, uint8_t *out) {
    int x = 0;
    for (; x + 4 <= width; x += 4) {
        __m256 a = _mm256_setzero_ps(), b = _mm256_setzero_ps();
        for (int k = 0; k < count; k++) {
            __m256 by = _mm256_set1_ps(weights[k]);
            const float *in = rows[k] + 4 * (size_t)x;
            a = _mm256_add_ps(a, _mm256_mul_ps(by, _mm256_loadu_ps(in)));
            b = _mm256_add_ps(b, _mm256_mul_ps(by, _mm256_loadu_ps(in + 8)));
        }
        uint8_t *at = out + 4 * (size_t)x;
        store_straight((pixel)_mm256_castps256_ps128(a), at);
        store_straight((pixel)_mm256_extractf128_ps(a, 1), at + 4);
        store_straight((pixel)_mm256_castps256_ps128(b), at + 8);
        store_straight((pixel)_mm256_extractf128_ps(b, 1), at + 12);
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

void cr_horizontal_alpha(cr_kernel kernel, const float *row, const cr_taps *taps, uint8_t *out) {
#if defined(__x86_64__)
    if (uses_avx2(kernel)) return horizontal_avx2(row, taps, out);
#endif
    (void)kernel;
    horizontal_scalar(row, taps, out);
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
