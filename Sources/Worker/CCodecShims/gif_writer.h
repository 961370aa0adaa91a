// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a GIF file: blocks and compressed indices.
#pragma once
#include "animation.h"
#include "byte_sink.h"

typedef struct {
    pixel_area area;
    const uint8_t *indices;  // of the area's first pixel
    size_t stride;
    const colour_table *table;
    int uses_global_table;
    int transparent;         // index, or -1
    int disposal;            // 0...3
    uint32_t delay;          // hundredths of a second
} gif_frame;

// Bits of an index into so many colours; at least 1.
int gif_bits_for(int colours);
// `table` may be NULL: then every frame has its own. `bits` are of the table as it is written.
void gif_put_header(byte_sink *sink, int width, int height, const colour_table *table, int bits);
void gif_put_plays(byte_sink *sink, int plays);
void gif_put_frame(byte_sink *sink, const gif_frame *frame, int bits);
void gif_put_end(byte_sink *sink);
