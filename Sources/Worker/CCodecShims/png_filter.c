// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "png_private.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { NONE, SUB, UP, AVERAGE, PAETH, FILTERS };

static inline int distance(int a, int b) { return a < b ? b - a : a - b; }

// Whichever of left, above and above left is nearest to left + above - above left.
static inline uint8_t paeth(int a, int b, int c) {
    int pa = distance(b, c), pb = distance(a, c), pc = distance(a + b, 2 * c);
    return (uint8_t)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

static void undo_up(uint8_t *row, const uint8_t *above, size_t count) {
    for (size_t i = 0; i < count; i++) row[i] = (uint8_t)(row[i] + above[i]);
}

#if defined(__SSE2__)

static inline __m128i load(const uint8_t *at, int pixel) {
    int32_t word = 0;
    memcpy(&word, at, (size_t)pixel);
    return _mm_cvtsi32_si128(word);
}

static inline void store(uint8_t *at, __m128i value, int pixel) {
    int32_t word = _mm_cvtsi128_si32(value);
    memcpy(at, &word, (size_t)pixel);
}

// `pixel` is a constant wherever these are inlined: the copies become plain moves.
static inline __attribute__((always_inline)) void undo_sub(uint8_t *row, size_t count, int pixel) {
    __m128i left = _mm_setzero_si128();
    for (size_t i = 0; i < count; i += (size_t)pixel) {
        left = _mm_add_epi8(left, load(row + i, pixel));
        store(row + i, left, pixel);
    }
}

static inline __attribute__((always_inline)) void undo_average(
    uint8_t *row, const uint8_t *above, size_t count, int pixel) {
    __m128i left = _mm_setzero_si128();
    const __m128i one = _mm_set1_epi8(1);
    for (size_t i = 0; i < count; i += (size_t)pixel) {
        __m128i b = load(above + i, pixel);
        // The instruction rounds up, the filter down.
        __m128i mean = _mm_sub_epi8(_mm_avg_epu8(left, b), _mm_and_si128(_mm_xor_si128(left, b), one));
        left = _mm_add_epi8(mean, load(row + i, pixel));
        store(row + i, left, pixel);
    }
}

static inline __m128i choose(__m128i mask, __m128i yes, __m128i no) {
    return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

static inline __m128i magnitude(__m128i value) { return _mm_max_epi16(value, _mm_sub_epi16(_mm_setzero_si128(), value)); }

// A row on its way: the pixels to the left and above left, in 16 bits to a sample.
typedef struct {
    __m128i a, c;
} paeth_state;

// Makes the next pixel; each waits for the one before it, so what counts is how few steps lead from `a` to the next.
static inline __attribute__((always_inline)) void paeth_step(paeth_state *s, __m128i b, uint8_t *at, int pixel) {
    __m128i in = _mm_unpacklo_epi8(load(at, pixel), _mm_setzero_si128());
    __m128i from_a = _mm_sub_epi16(b, s->c), from_b = _mm_sub_epi16(s->a, s->c);
    __m128i pc = magnitude(_mm_add_epi16(from_a, from_b));
    __m128i pa = magnitude(from_a), pb = magnitude(from_b);
    __m128i least = _mm_min_epi16(pc, _mm_min_epi16(pa, pb));
    __m128i nearest = choose(_mm_cmpeq_epi16(least, pa), s->a, choose(_mm_cmpeq_epi16(least, pb), b, s->c));
    s->c = b;
    // In bytes, so that the upper ones stay zero.
    s->a = _mm_add_epi8(nearest, in);
    store(at, _mm_packus_epi16(s->a, s->a), pixel);
}

static inline __attribute__((always_inline)) void undo_paeth(
    uint8_t *row, const uint8_t *above, size_t count, int pixel) {
    paeth_state state = {_mm_setzero_si128(), _mm_setzero_si128()};
    for (size_t i = 0; i < count; i += (size_t)pixel)
        paeth_step(&state, _mm_unpacklo_epi8(load(above + i, pixel), _mm_setzero_si128()), row + i, pixel);
}

// Two rows at once, the lower one a pixel behind: while one waits, the other works.
static inline __attribute__((always_inline)) void undo_paeth_twice(
    uint8_t *row, uint8_t *below, const uint8_t *above, size_t count, int pixel) {
    const __m128i zero = _mm_setzero_si128();
    paeth_state upper = {zero, zero}, lower = {zero, zero};
    for (size_t i = 0; i < count; i += (size_t)pixel) {
        __m128i left = upper.a;
        paeth_step(&upper, _mm_unpacklo_epi8(load(above + i, pixel), zero), row + i, pixel);
        if (i > 0) paeth_step(&lower, left, below + i - pixel, pixel);
    }
    paeth_step(&lower, upper.a, below + count - pixel, pixel);
}

#else

static inline void undo_sub(uint8_t *row, size_t count, int pixel) {
    for (size_t i = (size_t)pixel; i < count; i++) row[i] = (uint8_t)(row[i] + row[i - (size_t)pixel]);
}

static inline void undo_average(uint8_t *row, const uint8_t *above, size_t count, int pixel) {
    for (size_t i = 0; i < count; i++) {
        int left = i < (size_t)pixel ? 0 : row[i - (size_t)pixel];
        row[i] = (uint8_t)(row[i] + (left + above[i]) / 2);
    }
}

static inline void undo_paeth(uint8_t *row, const uint8_t *above, size_t count, int pixel) {
    for (size_t i = 0; i < count; i++) {
        int is_first = i < (size_t)pixel;
        int left = is_first ? 0 : row[i - (size_t)pixel], corner = is_first ? 0 : above[i - (size_t)pixel];
        row[i] = (uint8_t)(row[i] + paeth(left, above[i], corner));
    }
}

static inline void undo_paeth_twice(uint8_t *row, uint8_t *below, const uint8_t *above, size_t count, int pixel) {
    undo_paeth(row, above, count, pixel);
    undo_paeth(below, row, count, pixel);
}

#endif

static inline __attribute__((always_inline)) int undo(
    int filter, uint8_t *row, const uint8_t *above, size_t count, int pixel) {
    switch (filter) {
    case NONE: return 1;
    case SUB: undo_sub(row, count, pixel); return 1;
    case UP: undo_up(row, above, count); return 1;
    case AVERAGE: undo_average(row, above, count, pixel); return 1;
    case PAETH: undo_paeth(row, above, count, pixel); return 1;
    default: return 0;
    }
}

int png_unfilter(int filter, uint8_t *row, const uint8_t *above, size_t count, int pixel) {
    switch (pixel) {
    case 1: return undo(filter, row, above, count, 1);
    case 2: return undo(filter, row, above, count, 2);
    case 3: return undo(filter, row, above, count, 3);
    case 4: return undo(filter, row, above, count, 4);
    default: return 0;
    }
}

int png_unfilter_pair(uint8_t *row, uint8_t *below, const uint8_t *above, size_t count, int pixel) {
    if (row[-1] != PAETH || below[-1] != PAETH) return 0;
    switch (pixel) {
    case 3: undo_paeth_twice(row, below, above, count, 3); return 1;
    case 4: undo_paeth_twice(row, below, above, count, 4); return 1;
    default: return 0;
    }
}

static inline uint8_t residual(int filter, int x, int a, int b, int c) {
    switch (filter) {
    case SUB: return (uint8_t)(x - a);
    case UP: return (uint8_t)(x - b);
    case AVERAGE: return (uint8_t)(x - (a + b) / 2);
    case PAETH: return (uint8_t)(x - paeth(a, b, c));
    default: return (uint8_t)x;
    }
}

#if defined(__SSE2__)

typedef struct {
    __m128i x, a, b, c;
} neighbours;

static inline neighbours look(const uint8_t *row, const uint8_t *above, size_t i, int pixel) {
    return (neighbours){
        _mm_loadu_si128((const void *)(row + i)),
        _mm_loadu_si128((const void *)(row + i - pixel)),
        _mm_loadu_si128((const void *)(above + i)),
        _mm_loadu_si128((const void *)(above + i - pixel)),
    };
}

static inline __m128i distance16(__m128i a, __m128i b) { return _mm_or_si128(_mm_subs_epu8(a, b), _mm_subs_epu8(b, a)); }

// All in eight bits: when above and left lie on the same side of the corner, the distance of the sum is pa + pb and so
// never the least; else it is the difference of the two.
static inline __m128i paeth16(neighbours n) {
    __m128i pa = distance16(n.b, n.c), pb = distance16(n.a, n.c);
    __m128i b_above = _mm_cmpeq_epi8(_mm_subs_epu8(n.c, n.b), _mm_setzero_si128());
    __m128i a_above = _mm_cmpeq_epi8(_mm_subs_epu8(n.c, n.a), _mm_setzero_si128());
    __m128i same_side = _mm_cmpeq_epi8(a_above, b_above);
    __m128i pc = choose(same_side, _mm_adds_epu8(pa, pb), distance16(pa, pb));
    __m128i least = _mm_min_epu8(pc, _mm_min_epu8(pa, pb));
    return choose(_mm_cmpeq_epi8(least, pa), n.a, choose(_mm_cmpeq_epi8(least, pb), n.b, n.c));
}

static inline __m128i average16(neighbours n) {
    return _mm_sub_epi8(_mm_avg_epu8(n.a, n.b), _mm_and_si128(_mm_xor_si128(n.a, n.b), _mm_set1_epi8(1)));
}

static inline __attribute__((always_inline)) __m128i residual16(int filter, neighbours n) {
    switch (filter) {
    case SUB: return _mm_sub_epi8(n.x, n.a);
    case UP: return _mm_sub_epi8(n.x, n.b);
    case AVERAGE: return _mm_sub_epi8(n.x, average16(n));
    case PAETH: return _mm_sub_epi8(n.x, paeth16(n));
    default: return n.x;
    }
}

// Of 16 residuals, taken as signed: the sum of their magnitudes, in two halves.
static inline __m128i weight16(__m128i residuals) {
    const __m128i zero = _mm_setzero_si128();
    return _mm_sad_epu8(_mm_min_epu8(residuals, _mm_sub_epi8(zero, residuals)), zero);
}

static size_t weigh_blocks(const uint8_t *row, const uint8_t *above, size_t count, int pixel, uint64_t sums[FILTERS]) {
    __m128i totals[FILTERS];
    for (int f = 0; f < FILTERS; f++) totals[f] = _mm_setzero_si128();
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        neighbours n = look(row, above, i, pixel);
        totals[NONE] = _mm_add_epi64(totals[NONE], weight16(residual16(NONE, n)));
        totals[SUB] = _mm_add_epi64(totals[SUB], weight16(residual16(SUB, n)));
        totals[UP] = _mm_add_epi64(totals[UP], weight16(residual16(UP, n)));
        totals[AVERAGE] = _mm_add_epi64(totals[AVERAGE], weight16(residual16(AVERAGE, n)));
        totals[PAETH] = _mm_add_epi64(totals[PAETH], weight16(residual16(PAETH, n)));
    }
    for (int f = 0; f < FILTERS; f++) {
        uint64_t halves[2];
        _mm_storeu_si128((void *)halves, totals[f]);
        sums[f] = halves[0] + halves[1];
    }
    return i;
}

static inline __attribute__((always_inline)) size_t apply_blocks(
    int filter, const uint8_t *row, const uint8_t *above, size_t count, int pixel, uint8_t *out) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        _mm_storeu_si128((void *)(out + i), residual16(filter, look(row, above, i, pixel)));
    return i;
}

#else

static size_t weigh_blocks(const uint8_t *row, const uint8_t *above, size_t count, int pixel, uint64_t sums[FILTERS]) {
    (void)row, (void)above, (void)count, (void)pixel;
    memset(sums, 0, FILTERS * sizeof *sums);
    return 0;
}

static inline size_t apply_blocks(
    int filter, const uint8_t *row, const uint8_t *above, size_t count, int pixel, uint8_t *out) {
    (void)filter, (void)row, (void)above, (void)count, (void)pixel, (void)out;
    return 0;
}

#endif

static inline __attribute__((always_inline)) void apply(
    int filter, const uint8_t *row, const uint8_t *above, size_t count, int pixel, uint8_t *out) {
    for (size_t i = apply_blocks(filter, row, above, count, pixel, out); i < count; i++)
        out[i] = residual(filter, row[i], row[i - (size_t)pixel], above[i], above[i - (size_t)pixel]);
}

void png_filter(const uint8_t *row, const uint8_t *above, size_t count, int pixel, uint8_t *out) {
    uint64_t sums[FILTERS];
    for (size_t i = weigh_blocks(row, above, count, pixel, sums); i < count; i++)
        for (int f = 0; f < FILTERS; f++) {
            uint8_t value = residual(f, row[i], row[i - (size_t)pixel], above[i], above[i - (size_t)pixel]);
            sums[f] += value < 128 ? value : 256u - value;
        }
    int best = NONE;
    for (int f = 1; f < FILTERS; f++)
        if (sums[f] < sums[best]) best = f;
    out[0] = (uint8_t)best;
    switch (best) {
    case NONE: memcpy(out + 1, row, count); break;
    case SUB: apply(SUB, row, above, count, pixel, out + 1); break;
    case UP: apply(UP, row, above, count, pixel, out + 1); break;
    case AVERAGE: apply(AVERAGE, row, above, count, pixel, out + 1); break;
    default: apply(PAETH, row, above, count, pixel, out + 1);
    }
}
