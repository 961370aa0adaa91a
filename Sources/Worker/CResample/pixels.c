// SPDX-License-Identifier: Apache-2.0
#include "CResample.h"

#include <string.h>

enum { COLOURS = 3, RGBA = 4 };

static void widen_scalar(const uint8_t *row, int channels, int low, int high, int16_t *const *planes) {
    for (int c = 0; c < channels && c < COLOURS; c++) {
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

// 16 pixels at a time: their 64 bytes as four rows of four, turned.
__attribute__((target("ssse3"))) static int widen_rgba(
    const uint8_t *row, int low, int high, int16_t *const *planes) {
    const __m128i by_channel = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    int x = low;
    for (; x + 16 <= high; x += 16) {
        const uint8_t *in = row + RGBA * (size_t)x;
        __m128i four[4];
        for (int i = 0; i < 4; i++)
            four[i] = _mm_shuffle_epi8(_mm_loadu_si128((const void *)(in + 16 * i)), by_channel);
        __m128i red_green = _mm_unpacklo_epi32(four[0], four[1]), blue = _mm_unpackhi_epi32(four[0], four[1]);
        __m128i later_red_green = _mm_unpacklo_epi32(four[2], four[3]);
        __m128i later_blue = _mm_unpackhi_epi32(four[2], four[3]);
        store_widened(_mm_unpacklo_epi64(red_green, later_red_green), planes[0] + x);
        store_widened(_mm_unpackhi_epi64(red_green, later_red_green), planes[1] + x);
        store_widened(_mm_unpacklo_epi64(blue, later_blue), planes[2] + x);
    }
    return x;
}

// 16 pixels at a time: each third of their 48 bytes has some of each channel.
__attribute__((target("ssse3"))) static int join_rgb(const uint8_t *const *planes, int count, uint8_t *row) {
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
        __m128i r = _mm_loadu_si128((const void *)(planes[0] + x)), g = _mm_loadu_si128((const void *)(planes[1] + x));
        __m128i b = _mm_loadu_si128((const void *)(planes[2] + x));
        for (int third = 0; third < 3; third++) {
            __m128i bytes = _mm_or_si128(
                _mm_shuffle_epi8(r, masks[third][0]),
                _mm_or_si128(_mm_shuffle_epi8(g, masks[third][1]), _mm_shuffle_epi8(b, masks[third][2])));
            _mm_storeu_si128((void *)(row + 3 * (size_t)x + 16 * third), bytes);
        }
    }
    return x;
}

static int join_rgba(const uint8_t *const *planes, int count, uint8_t *row) {
    const __m128i opaque = _mm_set1_epi8(-1);
    int x = 0;
    for (; x + 16 <= count; x += 16) {
        __m128i *to = (void *)(row + RGBA * (size_t)x);
        __m128i r = _mm_loadu_si128((const void *)(planes[0] + x)), g = _mm_loadu_si128((const void *)(planes[1] + x));
        __m128i b = _mm_loadu_si128((const void *)(planes[2] + x));
        __m128i rg = _mm_unpacklo_epi8(r, g), ba = _mm_unpacklo_epi8(b, opaque);
        _mm_storeu_si128(to, _mm_unpacklo_epi16(rg, ba));
        _mm_storeu_si128(to + 1, _mm_unpackhi_epi16(rg, ba));
        rg = _mm_unpackhi_epi8(r, g);
        ba = _mm_unpackhi_epi8(b, opaque);
        _mm_storeu_si128(to + 2, _mm_unpacklo_epi16(rg, ba));
        _mm_storeu_si128(to + 3, _mm_unpackhi_epi16(rg, ba));
    }
    return x;
}
#endif

void cr_widen(cr_kernel kernel, const uint8_t *row, int channels, int low, int high, int16_t *const *planes) {
#if defined(__x86_64__)
    if (channels >= COLOURS && kernel != CR_SCALAR && __builtin_cpu_supports("ssse3"))
        low = channels == RGBA ? widen_rgba(row, low, high, planes) : widen_rgb(row, low, high, planes);
#endif
    (void)kernel;
    widen_scalar(row, channels, low, high, planes);
}

static void join_scalar(const uint8_t *const *planes, int from, int count, int channels, uint8_t *row) {
    for (int x = from; x < count; x++) {
        uint8_t *pixel = row + (size_t)channels * (size_t)x;
        for (int c = 0; c < channels; c++) pixel[c] = c < COLOURS ? planes[c][x] : 255;
    }
}

void cr_join(cr_kernel kernel, const uint8_t *const *planes, int count, int channels, uint8_t *row) {
    int from = 0;
#if defined(__x86_64__)
    if (channels == RGBA && kernel != CR_SCALAR) from = join_rgba(planes, count, row);
    if (channels == COLOURS && kernel != CR_SCALAR && __builtin_cpu_supports("ssse3"))
        from = join_rgb(planes, count, row);
#endif
    (void)kernel;
    if (channels == 1) memcpy(row, planes[0], (size_t)count);
    else join_scalar(planes, from, count, channels, row);
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
