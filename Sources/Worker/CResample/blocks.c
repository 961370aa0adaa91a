// SPDX-License-Identifier: Apache-2.0
//
// The horizontal pass over many rows at once. One row alone adds up its products across a vector; sixteen side by side
// need no such sums, and no weight is loaded more than once for all of them.
#include "blocks.h"

size_t cr_rows_scratch(const cr_taps *taps) {
    // Whole groups of samples from an even one on, and one more that an odd number of weights reaches.
    size_t samples = (size_t)(taps->high - taps->low) + 2 * CR_GROUP;
    return samples * CR_ROWS * sizeof(int16_t);
}

static void one_by_one(
    cr_kernel kernel, const int16_t *const *rows, int count, const cr_taps *taps, uint8_t *const *out) {
    for (int i = 0; i < count; i++) cr_horizontal(kernel, rows[i], taps, out[i]);
}

#if defined(__x86_64__)

enum { OUT_SHIFT = CR_TAP_BITS + CR_ROW_BITS, FEW = 4 };

// Pairs of samples from `from` on, which is even: each pair of all rows, then the next.
AVX2 static void take_pairs(const int16_t *const *rows, int count, int from, int to, int32_t *pairs) {
    for (int x = from; x < to; x += CR_GROUP, pairs += PAIRS * CR_ROWS)
        for (int half = 0; half < 2; half++) {
            __m256i r[HALF];
            for (int i = 0; i < HALF; i++) {
                int row = order[half][i];
                r[i] = _mm256_loadu_si256((const void *)(rows[row < count ? row : 0] + x));
            }
            turn(r, pairs + half * HALF);
        }
}

// One output of all rows.
AVX2 static inline __m128i output_at(
    const int32_t *pairs, const int16_t *weights, int start, int length, int32_t bias) {
    const __m256i before = _mm256_set1_epi32(bias);
    int odd = start & 1, count = (length + odd + 1) / 2;
    const int32_t *in = pairs + (start >> 1) * CR_ROWS;
    // What comes before an odd start has no weight; what comes after the last one has a weight of zero.
    __m256i w = odd ? _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)weights[0] << 16)) : both(weights);
    __m256i a = _mm256_add_epi32(before, _mm256_madd_epi16(_mm256_loadu_si256((const void *)in), w));
    __m256i b = _mm256_add_epi32(before, _mm256_madd_epi16(_mm256_loadu_si256((const void *)(in + HALF)), w));
    weights -= odd;
    for (int k = 1; k < count; k++) {
        in += CR_ROWS;
        w = both(weights + 2 * k);
        a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_loadu_si256((const void *)in), w));
        b = _mm256_add_epi32(b, _mm256_madd_epi16(_mm256_loadu_si256((const void *)(in + HALF)), w));
    }
    __m256i words = _mm256_packs_epi32(_mm256_srai_epi32(a, OUT_SHIFT), _mm256_srai_epi32(b, OUT_SHIFT));
    __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(words, words), 0x08);
    return _mm256_castsi256_si128(bytes);
}

AVX2 static void rows_avx2(
    const int16_t *const *rows, int count, const cr_taps *taps, int32_t *pairs, uint8_t *const *out) {
    int from = taps->low & ~1;
    size_t width = (size_t)taps->groups * CR_GROUP;
    take_pairs(rows, count, from, taps->high + 1, pairs);
    for (int i = 0; i < taps->count; i += CR_ROWS) {
        int columns = taps->count - i < CR_ROWS ? taps->count - i : CR_ROWS;
        __m128i tile[CR_ROWS];
        for (int c = 0; c < columns; c++)
            tile[c] = output_at(
                pairs, taps->weights + (size_t)(i + c) * width, taps->start[i + c] - from, taps->length[i + c],
                taps->bias);
        for (int c = columns; c < CR_ROWS; c++) tile[c] = _mm_setzero_si128();
        turn_bytes(tile);
        for (int r = 0; r < count; r++) {
            if (columns == CR_ROWS) _mm_storeu_si128((void *)(out[r] + i), tile[r]);
            else memcpy(out[r] + i, &tile[r], (size_t)columns);
        }
    }
}

void cr_horizontal_rows(
    cr_kernel kernel, const int16_t *const *rows, int count, const cr_taps *taps, void *scratch, uint8_t *const *out) {
    // As much work for a few rows as for all.
    int is_wide = (kernel == CR_BEST || kernel == CR_AVX2) && count > FEW && cr_supports(CR_AVX2);
    if (is_wide) rows_avx2(rows, count, taps, scratch, out);
    else one_by_one(kernel, rows, count, taps, out);
}
#else
void cr_horizontal_rows(
    cr_kernel kernel, const int16_t *const *rows, int count, const cr_taps *taps, void *scratch, uint8_t *const *out) {
    (void)scratch;
    one_by_one(kernel, rows, count, taps, out);
}
#endif
