// SPDX-License-Identifier: Apache-2.0
//
// The skeleton of a PNG file, checked: every chunk inside the file and its checksum right, in an order that makes sense.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "codec_status.h"

enum { PNG_SIGNATURE_SIZE = 8, PNG_CHUNK_FRAME = 12 };

typedef struct {
    const uint8_t *bytes;
    size_t count;
} png_bytes;

typedef struct {
    uint32_t width, height;
    int depth, colour, is_interlaced;
    // Contents of PLTE, tRNS, iCCP and cICP; count 0 when there is none.
    png_bytes palette, transparency, profile, coding;
    const uint8_t *data;                        // the first IDAT chunk, its length field included
    int data_chunks;                            // as many follow each other
    size_t data_count;                          // bytes in all of them
} png_skeleton;

codec_status png_read_skeleton(const uint8_t *bytes, size_t count, png_skeleton *skeleton);

static inline uint32_t png_word(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

// Samples to a pixel, by colour type; 0 for a type that does not exist.
static inline int png_samples(int colour) {
    static const int samples[7] = {1, 0, 3, 1, 2, 0, 4};
    return colour >= 0 && colour < 7 ? samples[colour] : 0;
}
