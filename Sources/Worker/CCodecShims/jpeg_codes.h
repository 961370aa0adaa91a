// SPDX-License-Identifier: Apache-2.0
//
// A Huffman table of a JPEG file, ready to decode with.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <jpeglib.h>

#include "jpeg_bits.h"

// From zigzag order to rows. A run that leaves the block ends at its last coefficient, as in libjpeg.
extern const uint8_t jpeg_zigzag[DCTSIZE2 + 16];

// Nearly all codes of a photograph are no longer, and the table is 2 KB.
enum { JPEG_LOOK = 10 };

typedef struct {
    uint16_t look[1 << JPEG_LOOK];  // by the next bits: the code's length, 0 = more than these, and above it the symbol
    uint32_t limit[17];             // by length: the next 16 bits are below it if the code is of this length
    int first[17];                  // what turns a code of this length into the index of its symbol
    uint8_t symbols[256];
} jpeg_codes;

// Says 0 if they are no prefix code, or not what libjpeg accepts.
int jpeg_codes_make(jpeg_codes *, const JHUFF_TBL *, int is_dc);

// Of a longer code, by the next bits: as in `look`, or 0 if no code begins like that.
unsigned jpeg_look_far(const jpeg_codes *, uint64_t bits);

// The next symbol, of which up to 16 bits are there; negative if no code begins like that.
static inline int jpeg_take_symbol(const jpeg_codes *codes, jpeg_reader *reader) {
    unsigned found = codes->look[reader->bits >> (64 - JPEG_LOOK)];
    if (__builtin_expect(found == 0, 0)) {
        found = jpeg_look_far(codes, reader->bits);
        if (!found) return -1;
    }
    jpeg_drop(reader, found & 0xFF);
    return (int)(found >> 8);
}
