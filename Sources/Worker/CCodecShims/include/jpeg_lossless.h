// SPDX-License-Identifier: Apache-2.0
//
// JPEG turned, mirrored or only coded in another way, without decoding it: coefficients change their places and signs, and
// nothing is rounded.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "pixel_source.h"

typedef struct {
    int mirrored_x, mirrored_y;  // first,
    int transposed;              // then columns become rows
    int makes_progressive;       // of any file; what is progressive stays so
    size_t max_bytes;
    uint64_t max_memory;
    uint64_t deadline;  // 0 = none
} jpeg_turn;

// Without whatever the file says besides its picture. CODEC_UNSUPPORTED when the picture ends in the middle of a block on
// a side that would become the first: then it cannot be done without loss. The same when nothing is left to do: not to be
// turned, and progressive as it is.
codec_status jpeg_lossless_turn(
    const uint8_t *bytes, size_t count, const jpeg_turn *turn, encoded_image *out, int *width, int *height);
