// SPDX-License-Identifier: Apache-2.0
//
// What passes over CR_ROWS rows at once have in common: samples are turned into columns by pairs, so that one vector holds
// the same two samples of half the rows.
#pragma once
#include "CResample.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

enum { PAIRS = CR_GROUP / 2, HALF = CR_ROWS / 2 };

#define AVX2 __attribute__((target("avx2")))

// The rows of each half: so that packing two halves gives them in their order.
static const int order[2][HALF] = {{0, 1, 2, 3, 8, 9, 10, 11}, {4, 5, 6, 7, 12, 13, 14, 15}};

// From eight rows of eight elements eight columns, CR_ROWS elements apart.
AVX2 static inline void turn(const __m256i r[HALF], int32_t *out) {
    __m256i u[HALF], v[HALF];
    for (int i = 0; i < HALF; i += 2) {
        u[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        u[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < HALF; i += 4) {
        v[i] = _mm256_unpacklo_epi64(u[i], u[i + 2]);
        v[i + 1] = _mm256_unpackhi_epi64(u[i], u[i + 2]);
        v[i + 2] = _mm256_unpacklo_epi64(u[i + 1], u[i + 3]);
        v[i + 3] = _mm256_unpackhi_epi64(u[i + 1], u[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_si256((void *)(out + i * CR_ROWS), _mm256_permute2x128_si256(v[i], v[i + 4], 0x20));
        _mm256_storeu_si256((void *)(out + (i + 4) * CR_ROWS), _mm256_permute2x128_si256(v[i], v[i + 4], 0x31));
    }
}

AVX2 static inline __m256i both(const int16_t *weights) {
    int32_t two;
    memcpy(&two, weights, sizeof two);
    return _mm256_set1_epi32(two);
}

// Sixteen columns of sixteen bytes become rows.
AVX2 static inline void turn_bytes(__m128i a[CR_ROWS]) {
    __m128i b[CR_ROWS];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < HALF; i++) {
            b[2 * i] = _mm_unpacklo_epi8(a[i], a[i + HALF]);
            b[2 * i + 1] = _mm_unpackhi_epi8(a[i], a[i + HALF]);
        }
        memcpy(a, b, sizeof b);
    }
}

#endif
