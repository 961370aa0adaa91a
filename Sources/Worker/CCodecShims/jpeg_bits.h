// SPDX-License-Identifier: Apache-2.0
//
// The bits of a JPEG's entropy-coded segment, which lies in memory as a whole. Stuffed bytes are taken out into a
// window first, so that the reader can take eight bytes at a time and never looks for markers.
//
// There is no test for the end of the data at each symbol. Instead the window always has room for what one MCU can
// ask for, and whoever has decoded an MCU asks `jpeg_bits_ran_over` whether it was all there.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    // The most bytes of one MCU: ten blocks of 64 symbols, each with a code of 16 bits and a value of 15.
    JPEG_MCU_BYTES = 10 * 64 * (16 + 15) / 8,
    // With it there is always a whole MCU in the window, and the eight bytes that a refill reads.
    JPEG_MARGIN = JPEG_MCU_BYTES + 16,
    // Half of a first-level cache of 32 KB: tables and coefficients want to be there, too.
    JPEG_WINDOW = 16384,
};

// Where the reader is. A copy lives in registers while an MCU is decoded.
typedef struct {
    const uint8_t *next;  // the first byte that has not been counted into `left`
    uint64_t bits;        // the next one on top; below the first `left` is what `next` points at
    unsigned left;
} jpeg_reader;

typedef struct {
    const uint8_t *segment;  // where it begins in the file
    const uint8_t *source;   // the first byte that is not in the window yet
    const uint8_t *end;      // of the file
    jpeg_reader reader;
    const uint8_t *safe;  // as long as the reader is not beyond it, an MCU needs no look at the window
    int is_complete;      // the segment ends where the window ends
    int is_odd;           // one of its stuffed bytes has been 0xFF more than once
    int count;            // bytes in the window
    // What is beyond `count` is old bytes: read by an MCU that runs over, and then thrown away with it.
    uint8_t window[JPEG_WINDOW + 2 * JPEG_MARGIN];
} jpeg_bits;

// Begins with the segment at `source`.
void jpeg_bits_open(jpeg_bits *, const uint8_t *source, const uint8_t *end);

// Goes on behind the restart marker of this number, 0...7. Says 0, and goes nowhere, if what follows the bits that have
// been read is anything but that marker.
int jpeg_bits_restart(jpeg_bits *, int number);

// Where in the file the first byte is of which nothing has been read.
const uint8_t *jpeg_bits_position(const jpeg_bits *);

// Out of line, for `jpeg_bits_make_safe`.
void jpeg_bits_fill(jpeg_bits *);

// Before each MCU.
static inline void jpeg_bits_make_safe(jpeg_bits *bits) {
    if (__builtin_expect(bits->reader.next > bits->safe, 0) && !bits->is_complete) jpeg_bits_fill(bits);
}

static inline ptrdiff_t jpeg_bits_unread(const jpeg_bits *bits) {
    return (bits->window + bits->count - bits->reader.next) * 8 + (ptrdiff_t)bits->reader.left;
}

// After each MCU.
static inline int jpeg_bits_ran_over(const jpeg_bits *bits) {
    return __builtin_expect(bits->is_complete, 0) && jpeg_bits_unread(bits) < 0;
}

// At least 56 bits.
static inline void jpeg_refill(jpeg_reader *reader) {
    uint64_t word;
    memcpy(&word, reader->next, sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    // Bits that are there already come out the same again.
    reader->bits |= word >> reader->left;
    reader->next += (63 - reader->left) >> 3;
    reader->left |= 56;
}

static inline void jpeg_drop(jpeg_reader *reader, unsigned count) {
    reader->bits <<= count;
    reader->left -= count;
}

// A number as JPEG writes it, of 0...15 bits: those that begin with 0 are negative.
static inline int jpeg_take_value(jpeg_reader *reader, unsigned size) {
    int value = (int)(reader->bits >> 1 >> (63 - size));
    value += (int64_t)reader->bits < 0 ? 0 : 1 - (1 << size);
    jpeg_drop(reader, size);
    return value;
}
