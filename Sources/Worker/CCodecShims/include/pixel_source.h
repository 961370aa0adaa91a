// SPDX-License-Identifier: Apache-2.0
//
// How every decoder but the planar JPEG path hands out a picture: row by row, top to bottom, so that a large source never
// stands in memory whole unless its format forces it to.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "codec_status.h"

typedef struct pixel_source pixel_source;

struct pixel_source {
    int width, height;
    int channels;      // 1 gray, 3 RGB, 4 RGBA with straight alpha; 8 bits each, sRGB unless `icc` says otherwise
    int orientation;   // EXIF, 1...8
    const uint8_t *icc;  // the file's profile, or NULL; lives as long as the source
    size_t icc_count;
    int primaries, transfer;  // where there is no profile: by the numbers of H.273; 0 = nothing is said
    // The next row, width * channels bytes. After any status but CODEC_OK only `close` may be called.
    codec_status (*read_row)(pixel_source *, uint8_t *row);
    void (*close)(pixel_source *);  // frees everything, the source itself included
};

// What a decoder may cost. The header is compared with it before anything is allocated.
typedef struct {
    uint64_t max_pixels;   // width times height
    uint64_t max_memory;   // bytes a decoder may allocate beyond its rows
    uint64_t max_unpacked; // bytes that decompression may give, where deep samples make them more than pixels say
    uint64_t max_work;     // the same of what takes as long as decompressing so much: dense data, costly codings
    uint64_t deadline;     // codec_now() at which to give up; 0 = none
    int forbids_jpeg;      // also inside of TIFF
} source_limits;

// Bytes made by an encoder; free() them.
typedef struct {
    uint8_t *bytes;
    size_t count;
} encoded_image;

// A whole picture to be encoded: rows of width * channels bytes, `stride` apart.
typedef struct {
    const uint8_t *pixels;
    int width, height, channels;
    size_t stride;
} pixel_view;
