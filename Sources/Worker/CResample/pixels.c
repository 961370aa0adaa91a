// SPDX-License-Identifier: Apache-2.0
#include "CResample.h"

#include <string.h>

static inline uint8_t rounded(int16_t value) {
    int v = (value + (1 << (CR_ROW_BITS - 1))) >> CR_ROW_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void widen_scalar(const uint8_t *row, int channels, int low, int high, int16_t *const *planes) {
    for (int c = 0; c < channels; c++) {
        const uint8_t *in = row + c;
        for (int x = low; x < high; x++) planes[c][x] = (int16_t)(in[(size_t)channels * (size_t)x] << CR_ROW_BITS);
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

static inline void store_widened(__m128i bytes, int16_t *out) {
    const __m128i zero = _mm_setzero_si128();
    _mm_storeu_si128((void *)out, _mm_slli_epi16(_mm_unpacklo_epi8(bytes, zero), CR_ROW_BITS));
    _mm_storeu_si128((void *)(out + 8), _mm_slli_epi16(_mm_unpackhi_epi8(bytes, zero), CR_ROW_BITS));
}

// 16 pixels at a time: from each third of their 48 bytes, what belongs to one channel.
__attribute__((target("ssse3"))) static int widen_rgb(
    const uint8_t *row, int low, int high, int16_t *const *planes) {
    enum { _ = -128 };
    const __m128i masks[3][3] = {
        {_mm_setr_epi8(0, 3, 6, 9, 12, 15, _, _, _, _, _, _, _, _, _, _),
         _mm_setr_epi8(_, _, _, _, _, _, 2, 5, 8, 11, 14, _, _, _, _, _),
         _mm_setr_epi8(_, _, _, _, _, _, _, _, _, _, _, 1, 4, 7, 10, 13)},
        {_mm_setr_epi8(1, 4, 7, 10, 13, _, _, _, _, _, _, _, _, _, _, _),
         _mm_setr_epi8(_, _, _, _, _, 0, 3, 6, 9, 12, 15, _, _, _, _, _),
         _mm_setr_epi8(_, _, _, _, _, _, _, _, _, _, _, 2, 5, 8, 11, 14)},
        {_mm_setr_epi8(2, 5, 8, 11, 14, _, _, _, _, _, _, _, _, _, _, _),
         _mm_setr_epi8(_, _, _, _, _, 1, 4, 7, 10, 13, _, _, _, _, _, _),
         _mm_setr_epi8(_, _, _, _, _, _, _, _, _, _, 0, 3, 6, 9, 12, 15)},
    };
    int x = low;
    for (; x + 16 <= high; x += 16) {
        const uint8_t *in = row + 3 * (size_t)x;
        __m128i a = _mm_loadu_si128((const void *)in), b = _mm_loadu_si128((const void *)(in + 16));
        __m128i c = _mm_loadu_si128((const void *)(in + 32));
        for (int channel = 0; channel < 3; channel++) {
            __m128i bytes = _mm_or_si128(
                _mm_shuffle_epi8(a, masks[channel][0]),
                _mm_or_si128(_mm_shuffle_epi8(b, masks[channel][1]), _mm_shuffle_epi8(c, masks[channel][2])));
            store_widened(bytes, planes[channel] + x);
        }
    }
    return x;
}

static inline __m128i narrowed(const int16_t *in) {
    const __m128i half = _mm_set1_epi16(1 << (CR_ROW_BITS - 1));
    __m128i a = _mm_srai_epi16(_mm_adds_epi16(_mm_loadu_si128((const void *)in), half), CR_ROW_BITS);
    __m128i b = _mm_srai_epi16(_mm_adds_epi16(_mm_loadu_si128((const void *)(in + 8)), half), CR_ROW_BITS);
    return _mm_packus_epi16(a, b);
}

// 16 pixels at a time: each third of their 48 bytes has some of each channel.
__attribute__((target("ssse3"))) static int narrow_rgb(const int16_t *planes, int count, uint8_t *row) {
    enum { _ = -128 };
    const __m128i masks[3][3] = {
        {_mm_setr_epi8(0, _, _, 1, _, _, 2, _, _, 3, _, _, 4, _, _, 5),
         _mm_setr_epi8(_, 0, _, _, 1, _, _, 2, _, _, 3, _, _, 4, _, _),
         _mm_setr_epi8(_, _, 0, _, _, 1, _, _, 2, _, _, 3, _, _, 4, _)},
        {_mm_setr_epi8(_, _, 6, _, _, 7, _, _, 8, _, _, 9, _, _, 10, _),
         _mm_setr_epi8(5, _, _, 6, _, _, 7, _, _, 8, _, _, 9, _, _, 10),
         _mm_setr_epi8(_, 5, _, _, 6, _, _, 7, _, _, 8, _, _, 9, _, _)},
        {_mm_setr_epi8(_, 11, _, _, 12, _, _, 13, _, _, 14, _, _, 15, _, _),
         _mm_setr_epi8(_, _, 11, _, _, 12, _, _, 13, _, _, 14, _, _, 15, _),
         _mm_setr_epi8(10, _, _, 11, _, _, 12, _, _, 13, _, _, 14, _, _, 15)},
    };
    int x = 0;
    for (; x + 16 <= count; x += 16) {
        __m128i r = narrowed(planes + x), g = narrowed(planes + count + x), b = narrowed(planes + 2 * count + x);
        for (int third = 0; third < 3; third++) {
            __m128i bytes = _mm_or_si128(
                _mm_shuffle_epi8(r, masks[third][0]),
                _mm_or_si128(_mm_shuffle_epi8(g, masks[third][1]), _mm_shuffle_epi8(b, masks[third][2])));
            _mm_storeu_si128((void *)(row + 3 * (size_t)x + 16 * third), bytes);
        }
    }
    return x;
}
#endif

void cr_widen(cr_kernel kernel, const uint8_t *row, int channels, int low, int high, int16_t *const *planes) {
#if defined(__x86_64__)
    if (channels == 3 && kernel != CR_SCALAR && __builtin_cpu_supports("ssse3"))
        low = widen_rgb(row, low, high, planes);
#endif
    (void)kernel;
    widen_scalar(row, channels, low, high, planes);
}

static void narrow_scalar(const int16_t *planes, int channels, int from, int count, uint8_t *row) {
    for (int c = 0; c < channels; c++, planes += count)
        for (int x = from; x < count; x++) row[(size_t)channels * (size_t)x + (size_t)c] = rounded(planes[x]);
}

void cr_narrow(cr_kernel kernel, const int16_t *planes, int channels, int count, uint8_t *row) {
    int from = 0;
#if defined(__x86_64__)
    if (channels == 3 && kernel != CR_SCALAR && __builtin_cpu_supports("ssse3")) from = narrow_rgb(planes, count, row);
#endif
    (void)kernel;
    narrow_scalar(planes, channels, from, count, row);
}

static inline __attribute__((always_inline)) void store_columns(
    const uint8_t *rows, ptrdiff_t row_stride, int row_count, int channels, int count, uint8_t *out, size_t stride) {
    for (int x = 0; x < count; x++, rows += channels, out += stride) {
        const uint8_t *from = rows;
        uint8_t *to = out;
        for (int r = 0; r < row_count; r++, from += row_stride, to += channels)
            for (int c = 0; c < channels; c++) to[c] = from[c];
    }
}

void cr_store_columns(
    const uint8_t *rows, ptrdiff_t row_stride, int row_count, int channels, int count, uint8_t *out, size_t stride) {
    switch (channels) {
    case 1: store_columns(rows, row_stride, row_count, 1, count, out, stride); break;
    case 3: store_columns(rows, row_stride, row_count, 3, count, out, stride); break;
    default: store_columns(rows, row_stride, row_count, 4, count, out, stride); break;
    }
}

void cr_reverse(const uint8_t *row, int channels, int count, uint8_t *out) {
    const uint8_t *in = row + (size_t)channels * (size_t)count;
    for (int i = 0; i < count; i++, out += channels) {
        in -= channels;
        for (int c = 0; c < channels; c++) out[c] = in[c];
    }
}

void cr_flatten(const uint8_t *row, int count, const uint8_t *colour, uint8_t *out) {
    for (int x = 0; x < count; x++, row += 4, out += 4) {
        unsigned alpha = row[3];
        for (int c = 0; c < 3; c++) {
            unsigned sum = row[c] * alpha + colour[c] * (255 - alpha) + 128;
            out[c] = (uint8_t)((sum + (sum >> 8)) >> 8);  // divided by 255, rounded
        }
        out[3] = 255;
    }
}

int cr_differing(const uint8_t *row, int channels, int count, const uint8_t *colour, int *first, int *last) {
    int from = 0, to = count - 1;
    while (from < count && !memcmp(row + (size_t)channels * (size_t)from, colour, (size_t)channels)) from++;
    if (from == count) return 0;
    while (!memcmp(row + (size_t)channels * (size_t)to, colour, (size_t)channels)) to--;
    *first = from;
    *last = to;
    return 1;
}
