// SPDX-License-Identifier: Apache-2.0
#include "jpeg_fast_idct.h"

#include "jpeg_private.h"
#include "jpeg_shortcuts_private.h"

#if JPEG_SHORTCUTS && defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

#define AVX2 __attribute__((target("avx2")))

enum {
    HALF = DCTSIZE / 2,
    // The transform's numbers with 13 bits behind the point, by their values.
    BITS = 13,
    C0_211 = 1730,
    C0_509 = 4176,
    C0_601 = 4926,
    C0_765 = 6270,
    C0_899 = 7373,
    C1_061 = 8697,
    C1_451 = 11893,
    C1_847 = 15137,
    C2_172 = 17799,
    C2_562 = 20995,
    // Two bits more than a sample has stay between the passes. The rest of the second shift is that of a block of 8 x 8
    // samples, and each pass doubles.
    BETWEEN = 2,
    FIRST_SHIFT = BITS - BETWEEN + 1,
    SECOND_SHIFT = BITS + BETWEEN + 3 + 1,
};

typedef struct {
    // First, for this is what libjpeg sees.
    struct jpeg_inverse_dct public;
    const JCOEF *done;  // the block that came along with the one before it
    JSAMPARRAY rows;    // where the first block of chroma goes, that waits for the second
    JDIMENSION column;
    __m256i luma[DCTSIZE], chroma[DCTSIZE];  // quantisers by row, one block's in each half
} fast_idct;

// The four results of a column, or of a row.
typedef struct {
    __m256i of[HALF];
} results;

// Two weights for two numbers side by side.
AVX2 static inline __m256i weights(int first, int second) {
    return _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)first | (uint32_t)second << 16));
}

AVX2 static inline __m256i halves(const int16_t *a, const int16_t *b, int row) {
    __m128i low = _mm_loadu_si128((const void *)(a + row * DCTSIZE));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_loadu_si128((const void *)(b + row * DCTSIZE)), 1);
}

AVX2 static inline __m256i scaled(__m256i sum, int shift) {
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (shift - 1))), shift);
}

// One pass over four columns in each half. The first number is the upper half of 32 bits; of the others two lie side by
// side, as they are multiplied. The fifth is not wanted at this scale.
AVX2 static inline results transform(__m256i n0, __m256i n2_6, __m256i n1_3, __m256i n5_7, int shift) {
    __m256i dc = _mm256_srai_epi32(n0, 16 - BITS - 1);
    __m256i even = _mm256_madd_epi16(n2_6, weights(C1_847, -C0_765));
    __m256i outer = _mm256_add_epi32(dc, even), inner = _mm256_sub_epi32(dc, even);
    __m256i outer_odd = _mm256_add_epi32(
        _mm256_madd_epi16(n1_3, weights(C2_562, C0_899)), _mm256_madd_epi16(n5_7, weights(-C0_601, -C0_509)));
    __m256i inner_odd = _mm256_add_epi32(
        _mm256_madd_epi16(n1_3, weights(C1_061, -C2_172)), _mm256_madd_epi16(n5_7, weights(C1_451, -C0_211)));
    return (results){{
        scaled(_mm256_add_epi32(outer, outer_odd), shift),
        scaled(_mm256_add_epi32(inner, inner_odd), shift),
        scaled(_mm256_sub_epi32(inner, inner_odd), shift),
        scaled(_mm256_sub_epi32(outer, outer_odd), shift),
    }};
}

// Sixteen samples of each block, row by row.
AVX2 static inline __m256i samples_of(const JCOEF *a, const JCOEF *b, const __m256i *quantisers) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i n[DCTSIZE], below = zero;
    for (int i = 0; i < DCTSIZE; i++) {
        if (i == HALF) continue;
        n[i] = halves(a, b, i);
        if (i > 0) below = _mm256_or_si256(below, n[i]);
        n[i] = _mm256_mullo_epi16(n[i], quantisers[i]);
    }
    // A block with nothing below its first row goes a shorter way in libjpeg, on which too large a number wraps, and is
    // not cut off as on the long one.
    __m256i is_empty = _mm256_cmpeq_epi64(below, zero);
    is_empty = _mm256_and_si256(is_empty, _mm256_shuffle_epi32(is_empty, 0x4E));
    __m256i wrapped = _mm256_srai_epi16(_mm256_slli_epi16(n[0], BETWEEN), BETWEEN);
    n[0] = _mm256_blendv_epi8(n[0], wrapped, is_empty);

    results low = transform(
        _mm256_unpacklo_epi16(zero, n[0]), _mm256_unpacklo_epi16(n[2], n[6]), _mm256_unpacklo_epi16(n[1], n[3]),
        _mm256_unpacklo_epi16(n[5], n[7]), FIRST_SHIFT);
    results high = transform(
        _mm256_unpackhi_epi16(zero, n[0]), _mm256_unpackhi_epi16(n[2], n[6]), _mm256_unpackhi_epi16(n[1], n[3]),
        _mm256_unpackhi_epi16(n[5], n[7]), FIRST_SHIFT);
    __m256i row[HALF];
    for (int i = 0; i < HALF; i++) row[i] = _mm256_packs_epi32(low.of[i], high.of[i]);

    // Two columns of four numbers each in a half.
    __m256i a_low = _mm256_unpacklo_epi16(row[0], row[1]), b_low = _mm256_unpacklo_epi16(row[2], row[3]);
    __m256i a_high = _mm256_unpackhi_epi16(row[0], row[1]), b_high = _mm256_unpackhi_epi16(row[2], row[3]);
    __m256i n0_1 = _mm256_unpacklo_epi32(a_low, b_low), n2_3 = _mm256_unpackhi_epi32(a_low, b_low);
    __m256i n4_5 = _mm256_unpacklo_epi32(a_high, b_high), n6_7 = _mm256_unpackhi_epi32(a_high, b_high);
    results column = transform(
        _mm256_unpacklo_epi16(zero, n0_1), _mm256_unpacklo_epi16(n2_3, n6_7), _mm256_unpackhi_epi16(n0_1, n2_3),
        _mm256_unpackhi_epi16(n4_5, n6_7), SECOND_SHIFT);
    __m256i c0_2 = _mm256_packs_epi32(column.of[0], column.of[2]);
    __m256i c1_3 = _mm256_packs_epi32(column.of[1], column.of[3]);
    __m256i c0_1 = _mm256_unpacklo_epi16(c0_2, c1_3), c2_3 = _mm256_unpackhi_epi16(c0_2, c1_3);
    __m256i bytes = _mm256_packs_epi16(_mm256_unpacklo_epi32(c0_1, c2_3), _mm256_unpackhi_epi32(c0_1, c2_3));
    return _mm256_add_epi8(bytes, _mm256_set1_epi8((char)CENTERJSAMPLE));
}

AVX2 static void give_beside(__m256i samples, JSAMPARRAY rows, JDIMENSION column) {
    __m128i left = _mm256_castsi256_si128(samples), right = _mm256_extracti128_si256(samples, 1);
    __m128i upper = _mm_unpacklo_epi32(left, right), lower = _mm_unpackhi_epi32(left, right);
    _mm_storeu_si64(rows[0] + column, upper);
    _mm_storeu_si64(rows[1] + column, _mm_unpackhi_epi64(upper, upper));
    _mm_storeu_si64(rows[2] + column, lower);
    _mm_storeu_si64(rows[3] + column, _mm_unpackhi_epi64(lower, lower));
}

AVX2 static void give(__m128i samples, JSAMPARRAY rows, JDIMENSION column) {
    _mm_storeu_si32(rows[0] + column, samples);
    _mm_storeu_si32(rows[1] + column, _mm_shuffle_epi32(samples, 1));
    _mm_storeu_si32(rows[2] + column, _mm_shuffle_epi32(samples, 2));
    _mm_storeu_si32(rows[3] + column, _mm_shuffle_epi32(samples, 3));
}

AVX2 static void do_luma(
    j_decompress_ptr info, jpeg_component_info *component, JCOEFPTR block, JSAMPARRAY rows, JDIMENSION column) {
    (void)component;
    fast_idct *fast = (fast_idct *)info->idct;
    if (block == fast->done) return;
    fast->done = block + DCTSIZE2;
    // At the right edge nobody may ask for the second one. It is there all the same, and so is room for it.
    give_beside(samples_of(block, fast->done, fast->luma), rows, column);
}

static void remember_chroma(
    j_decompress_ptr info, jpeg_component_info *component, JCOEFPTR block, JSAMPARRAY rows, JDIMENSION column) {
    (void)component, (void)block;
    fast_idct *fast = (fast_idct *)info->idct;
    fast->rows = rows;
    fast->column = column;
}

AVX2 static void do_chroma(
    j_decompress_ptr info, jpeg_component_info *component, JCOEFPTR block, JSAMPARRAY rows, JDIMENSION column) {
    (void)component;
    const fast_idct *fast = (const fast_idct *)info->idct;
    __m256i samples = samples_of(block - DCTSIZE2, block, fast->chroma);
    give(_mm256_castsi256_si128(samples), fast->rows, fast->column);
    give(_mm256_extracti128_si256(samples, 1), rows, column);
}

AVX2 static void take_quantisers(const jpeg_component_info *a, const jpeg_component_info *b, __m256i *quantisers) {
    for (int i = 0; i < DCTSIZE; i++) quantisers[i] = halves(a->dct_table, b->dct_table, i);
}

// libjpeg chooses once, before the first row, and has done so.
static void start_no_pass(j_decompress_ptr info) { (void)info; }

void jpeg_fast_idct_install(j_decompress_ptr info) {
    enum { ALIGNMENT = sizeof(__m256i) };
    // Rows of libjpeg's own have no room for a block beyond the picture.
    if (!info->raw_data_out || info->dct_method != JDCT_ISLOW || !__builtin_cpu_supports("avx2")) return;
    char *memory = info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, sizeof(fast_idct) + ALIGNMENT);
    fast_idct *fast = (fast_idct *)(memory + ALIGNMENT - (uintptr_t)memory % ALIGNMENT);
    fast->public = *info->idct;
    fast->public.start_pass = start_no_pass;
    fast->done = NULL;
    const jpeg_component_info *y = &info->comp_info[0], *cb = &info->comp_info[1], *cr = &info->comp_info[2];
    // An MCU's blocks follow each other in memory, row by row of each component.
    if (y->MCU_width % 2 == 0 && jpeg_component_scale(y) == HALF) {
        take_quantisers(y, y, fast->luma);
        fast->public.inverse_DCT[0] = do_luma;
    }
    if (info->num_components == 3 && cb->MCU_blocks == 1 && cr->MCU_blocks == 1 &&
        jpeg_component_scale(cb) == HALF && jpeg_component_scale(cr) == HALF) {
        take_quantisers(cb, cr, fast->chroma);
        fast->public.inverse_DCT[1] = remember_chroma;
        fast->public.inverse_DCT[2] = do_chroma;
    }
    info->idct = &fast->public;
}

#else
void jpeg_fast_idct_install(j_decompress_ptr info) { (void)info; }
#endif
