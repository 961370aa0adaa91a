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

// Whichever of left, above and above left is meant, in 16 bytes at once, without numbers of more than eight bits. Left
// and above are the lower and the higher one. A corner beyond one of them chooses the other; one between them does so when
// it is at least twice as near to one as to the other, and is the nearest itself when it is not.
static inline __m128i paeth_of(__m128i a, __m128i b, __m128i c) {
    const __m128i zero = _mm_setzero_si128();
    __m128i low = _mm_min_epu8(a, b), high = _mm_max_epu8(a, b);
    __m128i under = _mm_subs_epu8(high, c), over = _mm_subs_epu8(c, low);
    __m128i is_low = _mm_cmpeq_epi8(_mm_subs_epu8(_mm_adds_epu8(under, under), over), zero);
    __m128i is_high = _mm_cmpeq_epi8(_mm_subs_epu8(_mm_adds_epu8(over, over), under), zero);
    // Both only where all three are the same.
    __m128i outer = _mm_or_si128(_mm_and_si128(is_low, low), _mm_and_si128(is_high, high));
    return _mm_or_si128(outer, _mm_andnot_si128(_mm_or_si128(is_low, is_high), c));
}

// Rows one under the other, each preceded by its filter's number, and the finished one above them.
typedef struct {
    uint8_t *rows;
    const uint8_t *above;
    size_t stride, width;
    int count, pixel;
} paeth_rows;

static inline __attribute__((always_inline)) uint8_t *pixel_at(const paeth_rows *p, int row, size_t column) {
    return p->rows + (size_t)row * p->stride + column * (size_t)p->pixel;
}

// Where a row is at this step; each is a pixel behind the one above it. SIZE_MAX when it is nowhere.
static inline __attribute__((always_inline)) size_t column_at(const paeth_rows *p, size_t step, int row) {
    return step < (size_t)row || step - (size_t)row >= p->width ? SIZE_MAX : step - (size_t)row;
}

// Of all rows at this step. `whole`: they are inside and not at their ends, so that four bytes of each can be read.
static inline __attribute__((always_inline)) __m128i load_step(const paeth_rows *p, size_t step, int whole) {
    int32_t words[4] = {0, 0, 0, 0};
    for (int r = 0; r < p->count; r++) {
        size_t column = whole ? step - (size_t)r : column_at(p, step, r);
        if (column != SIZE_MAX) memcpy(&words[r], pixel_at(p, r, column), whole ? 4 : (size_t)p->pixel);
    }
    __m128i low = _mm_unpacklo_epi32(_mm_cvtsi32_si128(words[0]), _mm_cvtsi32_si128(words[1]));
    if (p->count < 3) return low;
    return _mm_unpacklo_epi64(low, _mm_unpacklo_epi32(_mm_cvtsi32_si128(words[2]), _mm_cvtsi32_si128(words[3])));
}

static inline __attribute__((always_inline)) void store_step(
    const paeth_rows *p, size_t step, int whole, __m128i pixels) {
    int32_t words[4] = {
        _mm_cvtsi128_si32(pixels), _mm_cvtsi128_si32(_mm_shuffle_epi32(pixels, 1)),
        _mm_cvtsi128_si32(_mm_shuffle_epi32(pixels, 2)), _mm_cvtsi128_si32(_mm_shuffle_epi32(pixels, 3))};
    for (int r = 0; r < p->count; r++) {
        size_t column = whole ? step - (size_t)r : column_at(p, step, r);
        if (column != SIZE_MAX) memcpy(pixel_at(p, r, column), &words[r], whole ? 4 : (size_t)p->pixel);
    }
}

// Up to four rows at once. A pixel waits for the one to its left, which is what takes the time; so each row works on the
// pixel under that which the row above it has just finished, and all of them take the time of one.
static inline __attribute__((always_inline)) void undo_paeths(
    uint8_t *row, int rows, const uint8_t *above, size_t count, int pixel) {
    const paeth_rows p = {row, above, count + 1, count / (size_t)pixel, rows, pixel};
    const __m128i zero = _mm_setzero_si128();
    __m128i a = zero, c = zero, x = load_step(&p, 0, 0), next = zero;
    for (size_t step = 0; step < p.width + (size_t)rows - 1; step++) {
        // Of three bytes to a pixel four are written, after the next pixel, to which the fourth belongs, has been read.
        int is_inside = pixel > 2 && step + 1 >= (size_t)rows && step + 2 < p.width;
        __m128i top = zero;
        if (is_inside) {
            next = load_step(&p, step + 1, 1);
            top = load(above + step * (size_t)pixel, 4);
        } else if (step < p.width) {
            top = load(above + step * (size_t)pixel, pixel);
        }
        __m128i b = _mm_or_si128(_mm_slli_si128(a, 4), top);
        a = _mm_add_epi8(paeth_of(a, b, c), x);
        c = b;
        if (is_inside) {
            store_step(&p, step, 1, a);
        } else {
            store_step(&p, step, 0, a);
            next = load_step(&p, step + 1, 0);
        }
        x = next;
    }
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

static inline void undo_paeths(uint8_t *row, int rows, const uint8_t *above, size_t count, int pixel) {
    for (; rows > 0; rows--, above = row, row += count + 1)
        for (size_t i = 0; i < count; i++) {
            int is_first = i < (size_t)pixel;
            int left = is_first ? 0 : row[i - (size_t)pixel], corner = is_first ? 0 : above[i - (size_t)pixel];
            row[i] = (uint8_t)(row[i] + paeth(left, above[i], corner));
        }
}

#endif

// Rows that follow each other with the one filter that is worth it, up to four.
static inline int paeth_run(const uint8_t *row, int rows, size_t count) {
    int run = 1;
    while (run < rows && run < 4 && row[(size_t)run * (count + 1) - 1] == PAETH) run++;
    return run;
}

// `pixel` is a constant here, and the number of rows becomes one.
static inline __attribute__((always_inline)) int undo(
    uint8_t *row, int rows, const uint8_t *above, size_t count, int pixel) {
    switch (row[-1]) {
    case NONE: return 1;
    case SUB: undo_sub(row, count, pixel); return 1;
    case UP: undo_up(row, above, count); return 1;
    case AVERAGE: undo_average(row, above, count, pixel); return 1;
    case PAETH: break;
    default: return 0;
    }
    switch (pixel < 3 ? 1 : paeth_run(row, rows, count)) {
    case 4: undo_paeths(row, 4, above, count, pixel); return 4;
    case 3: undo_paeths(row, 3, above, count, pixel); return 3;
    case 2: undo_paeths(row, 2, above, count, pixel); return 2;
    default: undo_paeths(row, 1, above, count, pixel); return 1;
    }
}

int png_unfilter(uint8_t *row, int rows, const uint8_t *above, size_t count, int pixel) {
    switch (pixel) {
    case 1: return undo(row, rows, above, count, 1);
    case 2: return undo(row, rows, above, count, 2);
    case 3: return undo(row, rows, above, count, 3);
    case 4: return undo(row, rows, above, count, 4);
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

static inline __m128i average16(neighbours n) {
    return _mm_sub_epi8(_mm_avg_epu8(n.a, n.b), _mm_and_si128(_mm_xor_si128(n.a, n.b), _mm_set1_epi8(1)));
}

static inline __attribute__((always_inline)) __m128i residual16(int filter, neighbours n) {
    switch (filter) {
    case SUB: return _mm_sub_epi8(n.x, n.a);
    case UP: return _mm_sub_epi8(n.x, n.b);
    case AVERAGE: return _mm_sub_epi8(n.x, average16(n));
    case PAETH: return _mm_sub_epi8(n.x, paeth_of(n.a, n.b, n.c));
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
