// SPDX-License-Identifier: Apache-2.0
//
// Strips and tiles as samples: decoded by libtiff, and by us where they are in Deflate, so that its checksum counts.
#pragma once
#include "codec_status.h"
#include "tiff_deflate.h"
#include "tiff_file.h"

typedef struct {
    TIFF *tiff;
    const tiff_file *file;
    tiff_deflate *deflate;  // NULL: another coding
    uint8_t *turned;        // data whose bits stood in the other order
    int bits, step;         // of a sample; from one to the next of its kind, in samples
    int is_predicted, is_turned;
} tiff_parts;

// `spare`: bytes that Deflate may give beyond the picture's. Both may be called when `parts` is all zero.
codec_status tiff_parts_open(tiff_parts *parts, TIFF *tiff, const tiff_file *file, uint64_t spare);
void tiff_parts_close(tiff_parts *parts);

// The strip or tile of that number: `size` bytes, in rows of `stride`. This and the following answer 0 when it is damaged.
int tiff_parts_read(tiff_parts *parts, uint32_t index, uint8_t *out, size_t size, size_t stride);
// The picture's row `y`, where rows follow each other in strips of `rows`.
int tiff_parts_read_row(tiff_parts *parts, uint32_t y, uint32_t rows, uint32_t height, uint8_t *out, size_t stride);
// Looks at the checksum of what libtiff decodes.
int tiff_parts_check(tiff_parts *parts, uint32_t index);
