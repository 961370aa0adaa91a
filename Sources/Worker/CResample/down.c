// SPDX-License-Identifier: Apache-2.0
//
// The vertical pass that gives bytes at once, for pixels: all that it needs of its inputs is a row of sums, so they can
// come in parts.
#include "CResample.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static inline uint8_t to_byte(int32_t sum) {
    int32_t value = sum >> CR_TAP_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

// What is carried from part to part, and where a row of it begins.
typedef struct {
    int32_t half;
    cr_part part;
    int32_t *sums;
    uint8_t *out;
} carried;

static void down_scalar(
    const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, const carried *c) {
    for (int x = low; x < high; x++) {
        int32_t sum = c->part & CR_BEGINS ? c->half : c->sums[x];
        for (int k = 0; k < count; k++) sum += rows[k][x] * weights[k];
        if (c->part & CR_ENDS) c->out[x] = to_byte(sum);
        else c->sums[x] = sum;
    }
}

#if defined(__x86_64__)

// Two weights side by side, for a multiply-add of two rows at once.
static inline int32_t pair(const int16_t *weights, int k, int count) {
    uint32_t second = k + 1 < count ? (uint16_t)weights[k + 1] : 0;
    return (int32_t)((uint16_t)weights[k] | second << 16);
}

static void down_sse2(
    const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, const carried *c) {
    const __m128i zero = _mm_setzero_si128();
    int x = low;
    for (; x + 16 <= high; x += 16) {
        __m128i s[4];
        for (int i = 0; i < 4; i++)
            s[i] = c->part & CR_BEGINS ? _mm_set1_epi32(c->half) : _mm_loadu_si128((const void *)(c->sums + x + 4 * i));
        for (int k = 0; k < count; k += 2) {
            __m128i w = _mm_set1_epi32(pair(weights, k, count));
            __m128i r0 = _mm_loadu_si128((const void *)(rows[k] + x));
            __m128i r1 = k + 1 < count ? _mm_loadu_si128((const void *)(rows[k + 1] + x)) : zero;
            __m128i first = _mm_unpacklo_epi8(r0, r1), second = _mm_unpackhi_epi8(r0, r1);
            s[0] = _mm_add_epi32(s[0], _mm_madd_epi16(_mm_unpacklo_epi8(first, zero), w));
            s[1] = _mm_add_epi32(s[1], _mm_madd_epi16(_mm_unpackhi_epi8(first, zero), w));
            s[2] = _mm_add_epi32(s[2], _mm_madd_epi16(_mm_unpacklo_epi8(second, zero), w));
            s[3] = _mm_add_epi32(s[3], _mm_madd_epi16(_mm_unpackhi_epi8(second, zero), w));
        }
        if (c->part & CR_ENDS) {
            for (int i = 0; i < 4; i++) s[i] = _mm_srai_epi32(s[i], CR_TAP_BITS);
            __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(s[0], s[1]), _mm_packs_epi32(s[2], s[3]));
            _mm_storeu_si128((void *)(c->out + x), bytes);
        } else {
            for (int i = 0; i < 4; i++) _mm_storeu_si128((void *)(c->sums + x + 4 * i), s[i]);
        }
    }
    down_scalar(rows, weights, count, x, high, c);
}

__attribute__((target("avx2"))) static void down_avx2(
    const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, const carried *c) {
    const __m256i zero = _mm256_setzero_si256();
    int x = low;
    for (; x + 32 <= high; x += 32) {
        // The unpacks work within each half, and packing undoes that; sums stay as they are.
        __m256i s[4];
        for (int i = 0; i < 4; i++)
            s[i] = c->part & CR_BEGINS ? _mm256_set1_epi32(c->half)
                                       : _mm256_loadu_si256((const void *)(c->sums + x + 8 * i));
        for (int k = 0; k < count; k += 2) {
            __m256i w = _mm256_set1_epi32(pair(weights, k, count));
            __m256i r0 = _mm256_loadu_si256((const void *)(rows[k] + x));
            __m256i r1 = k + 1 < count ? _mm256_loadu_si256((const void *)(rows[k + 1] + x)) : zero;
            __m256i first = _mm256_unpacklo_epi8(r0, r1), second = _mm256_unpackhi_epi8(r0, r1);
            s[0] = _mm256_add_epi32(s[0], _mm256_madd_epi16(_mm256_unpacklo_epi8(first, zero), w));
            s[1] = _mm256_add_epi32(s[1], _mm256_madd_epi16(_mm256_unpackhi_epi8(first, zero), w));
            s[2] = _mm256_add_epi32(s[2], _mm256_madd_epi16(_mm256_unpacklo_epi8(second, zero), w));
            s[3] = _mm256_add_epi32(s[3], _mm256_madd_epi16(_mm256_unpackhi_epi8(second, zero), w));
        }
        if (c->part & CR_ENDS) {
            for (int i = 0; i < 4; i++) s[i] = _mm256_srai_epi32(s[i], CR_TAP_BITS);
            __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(s[0], s[1]), _mm256_packs_epi32(s[2], s[3]));
            _mm256_storeu_si256((void *)(c->out + x), bytes);
        } else {
            for (int i = 0; i < 4; i++) _mm256_storeu_si256((void *)(c->sums + x + 8 * i), s[i]);
        }
    }
    down_sse2(rows, weights, count, x, high, c);
}
#endif

void cr_down(
    cr_kernel kernel, const uint8_t *const *rows, const int16_t *weights, int count, int low, int high, int32_t bias,
    cr_part part, int32_t *sums, uint8_t *out) {
    // Bytes have no bits after the point.
    const carried c = {bias >> CR_ROW_BITS, part, sums, out};
#if defined(__x86_64__)
    if (kernel == CR_BEST) kernel = cr_supports(CR_AVX2) ? CR_AVX2 : CR_SSE2;
    if (kernel == CR_AVX2) return down_avx2(rows, weights, count, low, high, &c);
    if (kernel == CR_SSE2) return down_sse2(rows, weights, count, low, high, &c);
#endif
    (void)kernel;
    down_scalar(rows, weights, count, low, high, &c);
}
