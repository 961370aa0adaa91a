// SPDX-License-Identifier: Apache-2.0
//
// RGBA with straight alpha. A pixel is weighed by multiplying its colours by its alpha, and 255 by it, too: exact in 16
// bits, as is the sum of such products by the weights in 32. Only then come floats, and nothing fuses a multiplication
// with an addition: so all kernels give the same bits. Under full alpha floats are right for every sum there can be, so
// that what is opaque comes out as it does without alpha.
#include "blocks.h"

#include <string.h>

enum { CHANNELS = 4, ALPHA = 3, OFFSET = 1 << 15 };

// Products are stored less OFFSET, which fits the sign. As weights add up to one, this is what their sum lacks.
enum { SUM_OFFSET = OFFSET << CR_TAP_BITS };
// Less than half a step of alpha is nothing at all, and has no colour.
#define LEAST_SUM (127.5f * (1 << CR_TAP_BITS))
#define ALPHA_STEP (1.0f / (255 * (1 << CR_TAP_BITS)))

int cr_alpha_stride(int count) { return (count + CR_GROUP - 1) / CR_GROUP * CR_GROUP; }

size_t cr_alpha_scratch(const cr_taps *taps) { return CHANNELS * cr_rows_scratch(taps); }

static inline int16_t product(int value, int alpha) { return (int16_t)(value * alpha - OFFSET); }

static inline uint8_t to_byte(float value) {
    value = value > 0 ? value : 0;
    return (uint8_t)((value < 255 ? value : 255) + 0.5f);
}

static inline void straighten(const int32_t sums[CHANNELS], uint8_t *out) {
    float alpha = (float)sums[ALPHA], by = alpha < LEAST_SUM ? 0 : 255 / alpha;
    for (int c = 0; c < ALPHA; c++) out[c] = to_byte((float)sums[c] * by);
    out[ALPHA] = alpha < LEAST_SUM ? 0 : to_byte(alpha * ALPHA_STEP);
}

static inline void store_weighed(const uint8_t *pixel, int16_t *out, size_t stride) {
    for (int c = 0; c < ALPHA; c++) out[(size_t)c * stride] = product(pixel[c], pixel[ALPHA]);
    out[ALPHA * stride] = product(255, pixel[ALPHA]);
}

// A row of what the horizontal pass makes: pixels, or weighed again.
typedef struct {
    uint8_t *pixels;
    int16_t *weighed;
} target;

static void across_scalar(const uint8_t *row, const cr_taps *taps, const target *out) {
    size_t stride = (size_t)cr_alpha_stride(taps->count);
    for (int i = 0; i < taps->count; i++) {
        const int16_t *weights = taps->weights + (size_t)i * (size_t)taps->groups * CR_GROUP;
        const uint8_t *in = row + CHANNELS * (size_t)taps->start[i];
        int32_t sums[CHANNELS] = {SUM_OFFSET, SUM_OFFSET, SUM_OFFSET, SUM_OFFSET};
        for (int k = 0; k < taps->length[i]; k++, in += CHANNELS) {
            for (int c = 0; c < ALPHA; c++) sums[c] += product(in[c], in[ALPHA]) * weights[k];
            sums[ALPHA] += product(255, in[ALPHA]) * weights[k];
        }
        uint8_t pixel[CHANNELS];
        straighten(sums, pixel);
        if (out->pixels) memcpy(out->pixels + CHANNELS * (size_t)i, pixel, CHANNELS);
        else store_weighed(pixel, out->weighed + i, stride);
    }
}

static void down_scalar(
    const int16_t *const *rows, const int16_t *weights, int count, int from, int width, cr_part part, int32_t *sums,
    uint8_t *out) {
    size_t stride = (size_t)cr_alpha_stride(width);
    for (int x = from; x < width; x++) {
        int32_t own[CHANNELS] = {SUM_OFFSET, SUM_OFFSET, SUM_OFFSET, SUM_OFFSET};
        if (!(part & CR_BEGINS)) memcpy(own, sums + CHANNELS * (size_t)x, sizeof own);
        for (int k = 0; k < count; k++)
            for (int c = 0; c < CHANNELS; c++) own[c] += rows[k][(size_t)c * stride + (size_t)x] * weights[k];
        if (part & CR_ENDS) straighten(own, out + CHANNELS * (size_t)x);
        else memcpy(sums + CHANNELS * (size_t)x, own, sizeof own);
    }
}

#if defined(__x86_64__)

// Sixteen pixels become sixteen products of each channel.
AVX2 static inline void weigh_avx2(const uint8_t *in, __m256i out[CHANNELS]) {
    const __m256i by_channel = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7), offset = _mm256_set1_epi16(-OFFSET);
    __m256i eight[2];
    for (int i = 0; i < 2; i++) {
        __m256i pixels = _mm256_loadu_si256((const void *)(in + 32 * i));
        eight[i] = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(pixels, by_channel), in_order);
    }
    __m256i red_blue = _mm256_unpacklo_epi64(eight[0], eight[1]);
    __m256i green_alpha = _mm256_unpackhi_epi64(eight[0], eight[1]);
    __m256i alpha = _mm256_cvtepu8_epi16(_mm256_extracti128_si256(green_alpha, 1));
    __m256i values[CHANNELS] = {
        _mm256_cvtepu8_epi16(_mm256_castsi256_si128(red_blue)),
        _mm256_cvtepu8_epi16(_mm256_castsi256_si128(green_alpha)),
        _mm256_cvtepu8_epi16(_mm256_extracti128_si256(red_blue, 1)), _mm256_set1_epi16(255)};
    for (int c = 0; c < CHANNELS; c++) out[c] = _mm256_xor_si256(_mm256_mullo_epi16(values[c], alpha), offset);
}

// Pairs of weighed pixels from `from` on, which is even: of each channel, each pair of all rows, then the next.
AVX2 static void take_weighed(
    const uint8_t *const *rows, int count, int from, int to, int32_t *pairs, size_t channel_stride) {
    for (int x = from; x < to; x += CR_GROUP, pairs += PAIRS * CR_ROWS)
        for (int half = 0; half < 2; half++) {
            __m256i channels[CHANNELS][HALF];
            for (int i = 0; i < HALF; i++) {
                int row = order[half][i];
                __m256i weighed[CHANNELS];
                weigh_avx2(rows[row < count ? row : 0] + CHANNELS * (size_t)x, weighed);
                for (int c = 0; c < CHANNELS; c++) channels[c][i] = weighed[c];
            }
            for (int c = 0; c < CHANNELS; c++) turn(channels[c], pairs + (size_t)c * channel_stride + half * HALF);
        }
}

// Eight pixels, whose bytes are left in 32 bits each.
AVX2 static inline void straighten_avx2(__m256i values[CHANNELS]) {
    const __m256 least = _mm256_set1_ps(LEAST_SUM), most = _mm256_set1_ps(255), half = _mm256_set1_ps(0.5f);
    __m256 alpha = _mm256_cvtepi32_ps(values[ALPHA]), shows = _mm256_cmp_ps(alpha, least, _CMP_GE_OQ);
    __m256 by = _mm256_and_ps(shows, _mm256_div_ps(most, alpha));
    for (int c = 0; c < CHANNELS; c++) {
        __m256 value = c < ALPHA ? _mm256_mul_ps(_mm256_cvtepi32_ps(values[c]), by)
                                 : _mm256_and_ps(shows, _mm256_mul_ps(alpha, _mm256_set1_ps(ALPHA_STEP)));
        value = _mm256_min_ps(_mm256_max_ps(value, _mm256_setzero_ps()), most);
        values[c] = _mm256_cvttps_epi32(_mm256_add_ps(value, half));
    }
}

// One output of all rows: sixteen bytes of each channel.
AVX2 static inline void output_at(
    const int32_t *pairs, size_t channel_stride, const int16_t *weights, int start, int length, __m128i out[CHANNELS]) {
    int odd = start & 1, count = (length + odd + 1) / 2;
    __m256i sums[2][CHANNELS];
    for (int c = 0; c < CHANNELS; c++) sums[0][c] = sums[1][c] = _mm256_set1_epi32(SUM_OFFSET);
    pairs += (start >> 1) * CR_ROWS;
    // What comes before an odd start has no weight; what comes after the last one has a weight of zero.
    __m256i w = odd ? _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)weights[0] << 16)) : both(weights);
    weights -= odd;
    for (int k = 0; k < count; k++, pairs += CR_ROWS) {
        if (k > 0) w = both(weights + 2 * k);
        for (int c = 0; c < CHANNELS; c++) {
            const int32_t *in = pairs + (size_t)c * channel_stride;
            __m256i first = _mm256_madd_epi16(_mm256_loadu_si256((const void *)in), w);
            __m256i second = _mm256_madd_epi16(_mm256_loadu_si256((const void *)(in + HALF)), w);
            sums[0][c] = _mm256_add_epi32(sums[0][c], first);
            sums[1][c] = _mm256_add_epi32(sums[1][c], second);
        }
    }
    straighten_avx2(sums[0]);
    straighten_avx2(sums[1]);
    for (int c = 0; c < CHANNELS; c++) {
        __m256i words = _mm256_packs_epi32(sums[0][c], sums[1][c]);
        __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(words, words), 0x08);
        out[c] = _mm256_castsi256_si128(bytes);
    }
}

// Sixteen pixels of each channel, of which the row has `count`.
AVX2 static inline void store_pixels(const __m128i channels[CHANNELS], int count, uint8_t *out) {
    __m128i red_green = _mm_unpacklo_epi8(channels[0], channels[1]);
    __m128i blue_alpha = _mm_unpacklo_epi8(channels[2], channels[3]);
    __m128i later_red_green = _mm_unpackhi_epi8(channels[0], channels[1]);
    __m128i later_blue_alpha = _mm_unpackhi_epi8(channels[2], channels[3]);
    const __m128i pixels[CHANNELS] = {
        _mm_unpacklo_epi16(red_green, blue_alpha), _mm_unpackhi_epi16(red_green, blue_alpha),
        _mm_unpacklo_epi16(later_red_green, later_blue_alpha), _mm_unpackhi_epi16(later_red_green, later_blue_alpha)};
    memcpy(out, pixels, CHANNELS * (size_t)(count < CR_ROWS ? count : CR_ROWS));
}

AVX2 static inline void store_weighed_avx2(const __m128i channels[CHANNELS], int16_t *out, size_t stride) {
    __m256i alpha = _mm256_cvtepu8_epi16(channels[ALPHA]);
    for (int c = 0; c < CHANNELS; c++) {
        __m256i value = c < ALPHA ? _mm256_cvtepu8_epi16(channels[c]) : _mm256_set1_epi16(255);
        __m256i weighed = _mm256_xor_si256(_mm256_mullo_epi16(value, alpha), _mm256_set1_epi16(-OFFSET));
        _mm256_storeu_si256((void *)(out + (size_t)c * stride), weighed);
    }
}

AVX2 static void across_avx2(
    const uint8_t *const *rows, int count, const cr_taps *taps, int32_t *pairs, const target *out) {
    int from = taps->low & ~1;
    size_t width = (size_t)taps->groups * CR_GROUP, stride = (size_t)cr_alpha_stride(taps->count);
    size_t channel_stride = cr_rows_scratch(taps) / sizeof *pairs;
    take_weighed(rows, count, from, taps->high + 1, pairs, channel_stride);
    for (int i = 0; i < taps->count; i += CR_ROWS) {
        __m128i tiles[CHANNELS][CR_ROWS];
        for (int j = 0; j < CR_ROWS; j++) {
            // Beyond the last one it is made once more.
            int column = i + j < taps->count ? i + j : taps->count - 1;
            __m128i bytes[CHANNELS];
            output_at(
                pairs, channel_stride, taps->weights + (size_t)column * width, taps->start[column] - from,
                taps->length[column], bytes);
            for (int c = 0; c < CHANNELS; c++) tiles[c][j] = bytes[c];
        }
        for (int c = 0; c < CHANNELS; c++) turn_bytes(tiles[c]);
        for (int r = 0; r < count; r++) {
            const __m128i channels[CHANNELS] = {tiles[0][r], tiles[1][r], tiles[2][r], tiles[3][r]};
            if (out[r].pixels) store_pixels(channels, taps->count - i, out[r].pixels + CHANNELS * (size_t)i);
            else store_weighed_avx2(channels, out[r].weighed + i, stride);
        }
    }
}

// Two weights side by side, for two rows at once.
static inline int32_t pair_of(const int16_t *weights, int k, int count) {
    uint32_t second = k + 1 < count ? (uint16_t)weights[k + 1] : 0;
    return (int32_t)((uint16_t)weights[k] | second << 16);
}

AVX2 static int down_avx2(
    const int16_t *const *rows, const int16_t *weights, int count, int width, cr_part part, int32_t *carried,
    uint8_t *out) {
    size_t stride = (size_t)cr_alpha_stride(width);
    int x = 0;
    for (; x + CR_GROUP <= width; x += CR_GROUP) {
        // Eight pixels that lie in the lower halves of both parts of a vector, and those in the upper ones.
        __m256i sums[2][CHANNELS];
        for (int c = 0; c < CHANNELS; c++) sums[0][c] = sums[1][c] = _mm256_set1_epi32(SUM_OFFSET);
        if (!(part & CR_BEGINS)) memcpy(sums, carried + CHANNELS * (size_t)x, sizeof sums);
        for (int k = 0; k < count; k += 2) {
            __m256i w = _mm256_set1_epi32(pair_of(weights, k, count));
            const int16_t *above = rows[k] + x, *below = rows[k + 1 < count ? k + 1 : k] + x;
            for (int c = 0; c < CHANNELS; c++, above += stride, below += stride) {
                __m256i a = _mm256_loadu_si256((const void *)above), b = _mm256_loadu_si256((const void *)below);
                sums[0][c] = _mm256_add_epi32(sums[0][c], _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), w));
                sums[1][c] = _mm256_add_epi32(sums[1][c], _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), w));
            }
        }
        if (!(part & CR_ENDS)) {
            memcpy(carried + CHANNELS * (size_t)x, sums, sizeof sums);
            continue;
        }
        straighten_avx2(sums[0]);
        straighten_avx2(sums[1]);
        // Packing puts them in their order again.
        __m256i words[CHANNELS];
        for (int c = 0; c < CHANNELS; c++) words[c] = _mm256_packs_epi32(sums[0][c], sums[1][c]);
        __m256i red_green = _mm256_or_si256(words[0], _mm256_slli_epi16(words[1], 8));
        __m256i blue_alpha = _mm256_or_si256(words[2], _mm256_slli_epi16(words[3], 8));
        __m256i low = _mm256_unpacklo_epi16(red_green, blue_alpha), high = _mm256_unpackhi_epi16(red_green, blue_alpha);
        uint8_t *to = out + CHANNELS * (size_t)x;
        _mm256_storeu_si256((void *)to, _mm256_permute2x128_si256(low, high, 0x20));
        _mm256_storeu_si256((void *)(to + 32), _mm256_permute2x128_si256(low, high, 0x31));
    }
    return x;
}

AVX2 static int weigh_row_avx2(const uint8_t *row, int count, int16_t *out, size_t stride) {
    int x = 0;
    for (; x + CR_GROUP <= count; x += CR_GROUP) {
        __m256i weighed[CHANNELS];
        weigh_avx2(row + CHANNELS * (size_t)x, weighed);
        for (int c = 0; c < CHANNELS; c++)
            _mm256_storeu_si256((void *)(out + (size_t)c * stride + (size_t)x), weighed[c]);
    }
    return x;
}

static int uses_avx2(cr_kernel kernel) { return (kernel == CR_BEST || kernel == CR_AVX2) && cr_supports(CR_AVX2); }

#endif

static void across(
    cr_kernel kernel, const uint8_t *const *rows, int count, const cr_taps *taps, void *scratch, const target *out) {
#if defined(__x86_64__)
    if (uses_avx2(kernel)) return across_avx2(rows, count, taps, scratch, out);
#endif
    (void)kernel, (void)scratch;
    for (int r = 0; r < count; r++) across_scalar(rows[r], taps, &out[r]);
}

void cr_across_alpha(
    cr_kernel kernel, const uint8_t *const *rows, int count, const cr_taps *taps, void *scratch, uint8_t *const *out) {
    target targets[CR_ROWS];
    for (int r = 0; r < count; r++) targets[r] = (target){.pixels = out[r]};
    across(kernel, rows, count, taps, scratch, targets);
}

void cr_across_weighed(
    cr_kernel kernel, const uint8_t *const *rows, int count, const cr_taps *taps, void *scratch, int16_t *const *out) {
    target targets[CR_ROWS];
    for (int r = 0; r < count; r++) targets[r] = (target){.weighed = out[r]};
    across(kernel, rows, count, taps, scratch, targets);
}

void cr_weigh(cr_kernel kernel, const uint8_t *row, int count, int16_t *out) {
    size_t stride = (size_t)cr_alpha_stride(count);
    int x = 0;
#if defined(__x86_64__)
    if (uses_avx2(kernel)) x = weigh_row_avx2(row, count, out, stride);
#endif
    (void)kernel;
    for (; x < count; x++) store_weighed(row + CHANNELS * (size_t)x, out + x, stride);
}

void cr_down_alpha(
    cr_kernel kernel, const int16_t *const *rows, const int16_t *weights, int count, int width, cr_part part,
    int32_t *sums, uint8_t *out) {
    int from = 0;
#if defined(__x86_64__)
    if (uses_avx2(kernel)) from = down_avx2(rows, weights, count, width, part, sums, out);
#endif
    (void)kernel;
    down_scalar(rows, weights, count, from, width, part, sums, out);
}
