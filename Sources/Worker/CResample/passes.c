// SPDX-License-Identifier: Apache-2.0
#include "CResample.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { ROW_SHIFT = CR_TAP_BITS - CR_ROW_BITS, OUT_SHIFT = CR_TAP_BITS + CR_ROW_BITS };

static inline int16_t to_row(int32_t sum) {
    int32_t value = (sum + (1 << (ROW_SHIFT - 1))) >> ROW_SHIFT;
    return (int16_t)(value < -32768 ? -32768 : value > 32767 ? 32767 : value);
}

static inline uint8_t to_byte(int32_t sum) {
    int32_t value = sum >> OUT_SHIFT;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void vertical_scalar(
    const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, int16_t *out) {
    for (int x = low; x < high; x++) {
        int32_t sum = 0;
        for (int k = 0; k < count; k++) sum += rows[k][x] * weights[k];
        out[x] = to_row(sum);
    }
}

static void horizontal_scalar(const int16_t *row, const cr_taps *taps, int from, uint8_t *out) {
    int width = taps->groups * CR_GROUP;
    for (int i = from; i < taps->count; i++) {
        const int16_t *weights = taps->weights + (size_t)i * (size_t)width;
        const int16_t *in = row + taps->start[i];
        int32_t sum = taps->bias;
        for (int k = 0; k < taps->length[i]; k++) sum += in[k] * weights[k];
        out[i] = to_byte(sum);
    }
}

#if defined(__x86_64__)

// Two weights side by side, for a multiply-add of two rows at once.
static inline int32_t pair(const int16_t *weights, int k, int count) {
    uint32_t second = k + 1 < count ? (uint16_t)weights[k + 1] : 0;
    return (int32_t)((uint16_t)weights[k] | second << 16);
}

static void vertical_sse2(
    const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, int16_t *out) {
    const __m128i zero = _mm_setzero_si128(), half = _mm_set1_epi32(1 << (ROW_SHIFT - 1));
    int x = low;
    for (; x + 16 <= high; x += 16) {
        __m128i a = half, b = half, c = half, d = half;
        for (int k = 0; k < count; k += 2) {
            __m128i w = _mm_set1_epi32(pair(weights, k, count));
            __m128i r0 = _mm_loadu_si128((const void *)(rows[k] + x));
            __m128i r1 = k + 1 < count ? _mm_loadu_si128((const void *)(rows[k + 1] + x)) : zero;
            __m128i lo = _mm_unpacklo_epi8(r0, r1), hi = _mm_unpackhi_epi8(r0, r1);
            a = _mm_add_epi32(a, _mm_madd_epi16(_mm_unpacklo_epi8(lo, zero), w));
            b = _mm_add_epi32(b, _mm_madd_epi16(_mm_unpackhi_epi8(lo, zero), w));
            c = _mm_add_epi32(c, _mm_madd_epi16(_mm_unpacklo_epi8(hi, zero), w));
            d = _mm_add_epi32(d, _mm_madd_epi16(_mm_unpackhi_epi8(hi, zero), w));
        }
        __m128i first = _mm_packs_epi32(_mm_srai_epi32(a, ROW_SHIFT), _mm_srai_epi32(b, ROW_SHIFT));
        __m128i second = _mm_packs_epi32(_mm_srai_epi32(c, ROW_SHIFT), _mm_srai_epi32(d, ROW_SHIFT));
        _mm_storeu_si128((void *)(out + x), first);
        _mm_storeu_si128((void *)(out + x + 8), second);
    }
    vertical_scalar(rows, weights, count, x, high, out);
}

static inline int32_t sum_of(__m128i a) {
    a = _mm_add_epi32(a, _mm_shuffle_epi32(a, 0x4E));
    a = _mm_add_epi32(a, _mm_shuffle_epi32(a, 0xB1));
    return _mm_cvtsi128_si32(a);
}

static void horizontal_sse2(const int16_t *row, const cr_taps *taps, int from, uint8_t *out) {
    int width = taps->groups * CR_GROUP;
    for (int i = from; i < taps->count; i++) {
        const int16_t *weights = taps->weights + (size_t)i * (size_t)width;
        const int16_t *in = row + taps->start[i];
        __m128i sum = _mm_setzero_si128();
        for (int k = 0; k < taps->length[i]; k += 8)
            sum = _mm_add_epi32(
                sum, _mm_madd_epi16(
                         _mm_loadu_si128((const void *)(in + k)), _mm_loadu_si128((const void *)(weights + k))));
        out[i] = to_byte(taps->bias + sum_of(sum));
    }
}

__attribute__((target("avx2"))) static void vertical_avx2(
    const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, int16_t *out) {
    const __m256i zero = _mm256_setzero_si256(), half = _mm256_set1_epi32(1 << (ROW_SHIFT - 1));
    int x = low;
    for (; x + 32 <= high; x += 32) {
        __m256i a = half, b = half, c = half, d = half;
        for (int k = 0; k < count; k += 2) {
            __m256i w = _mm256_set1_epi32(pair(weights, k, count));
            __m256i r0 = _mm256_loadu_si256((const void *)(rows[k] + x));
            __m256i r1 = k + 1 < count ? _mm256_loadu_si256((const void *)(rows[k + 1] + x)) : zero;
            __m256i lo = _mm256_unpacklo_epi8(r0, r1), hi = _mm256_unpackhi_epi8(r0, r1);
            a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_unpacklo_epi8(lo, zero), w));
            b = _mm256_add_epi32(b, _mm256_madd_epi16(_mm256_unpackhi_epi8(lo, zero), w));
            c = _mm256_add_epi32(c, _mm256_madd_epi16(_mm256_unpacklo_epi8(hi, zero), w));
            d = _mm256_add_epi32(d, _mm256_madd_epi16(_mm256_unpackhi_epi8(hi, zero), w));
        }
        // The unpacks work within each half, so the packed halves hold columns 0-7|16-23 and 8-15|24-31.
        __m256i first = _mm256_packs_epi32(_mm256_srai_epi32(a, ROW_SHIFT), _mm256_srai_epi32(b, ROW_SHIFT));
        __m256i second = _mm256_packs_epi32(_mm256_srai_epi32(c, ROW_SHIFT), _mm256_srai_epi32(d, ROW_SHIFT));
        _mm256_storeu_si256((void *)(out + x), _mm256_permute2x128_si256(first, second, 0x20));
        _mm256_storeu_si256((void *)(out + x + 16), _mm256_permute2x128_si256(first, second, 0x31));
    }
    vertical_sse2(rows, weights, count, x, high, out);
}

__attribute__((target("avx2"))) static inline __m256i dot16(
    const int16_t *in, const int16_t *weights, int groups) {
    __m256i sum = _mm256_madd_epi16(
        _mm256_loadu_si256((const void *)in), _mm256_loadu_si256((const void *)weights));
    for (int g = 1; g < groups; g++)
        sum = _mm256_add_epi32(
            sum, _mm256_madd_epi16(
                     _mm256_loadu_si256((const void *)(in + g * CR_GROUP)),
                     _mm256_loadu_si256((const void *)(weights + g * CR_GROUP))));
    return sum;
}

__attribute__((target("avx2"))) static void horizontal_avx2(const int16_t *row, const cr_taps *taps, uint8_t *out) {
    size_t width = (size_t)taps->groups * CR_GROUP;
    const __m128i before = _mm_set1_epi32(taps->bias);
    int i = 0;
    for (; i + 4 <= taps->count; i += 4) {
        const int16_t *weights = taps->weights + (size_t)i * width;
        const int32_t *start = taps->start + i;
        __m256i a = dot16(row + start[0], weights, taps->groups);
        __m256i b = dot16(row + start[1], weights + width, taps->groups);
        __m256i c = dot16(row + start[2], weights + 2 * width, taps->groups);
        __m256i d = dot16(row + start[3], weights + 3 * width, taps->groups);
        __m256i four = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
        sum = _mm_srai_epi32(_mm_add_epi32(sum, before), OUT_SHIFT);
        sum = _mm_packus_epi16(_mm_packs_epi32(sum, sum), sum);
        int32_t bytes = _mm_cvtsi128_si32(sum);
        __builtin_memcpy(out + i, &bytes, 4);
    }
    horizontal_scalar(row, taps, i, out);
}

#endif

int cr_supports(cr_kernel kernel) {
#if defined(__x86_64__)
    return kernel != CR_AVX2 || __builtin_cpu_supports("avx2");
#else
    return kernel == CR_BEST || kernel == CR_SCALAR;
#endif
}

static cr_kernel best(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") ? CR_AVX2 : CR_SSE2;
#else
    return CR_SCALAR;
#endif
}

void cr_vertical(
    cr_kernel kernel, const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, int16_t *out) {
    if (kernel == CR_BEST) kernel = best();
#if defined(__x86_64__)
    if (kernel == CR_AVX2) return vertical_avx2(rows, weights, count, low, high, out);
    if (kernel == CR_SSE2) return vertical_sse2(rows, weights, count, low, high, out);
#endif
    vertical_scalar(rows, weights, count, low, high, out);
}

void cr_horizontal(cr_kernel kernel, const int16_t *row, const cr_taps *taps, uint8_t *out) {
    if (kernel == CR_BEST) kernel = best();
#if defined(__x86_64__)
    if (kernel == CR_AVX2) return horizontal_avx2(row, taps, out);
    if (kernel == CR_SSE2) return horizontal_sse2(row, taps, 0, out);
#endif
    horizontal_scalar(row, taps, 0, out);
}
