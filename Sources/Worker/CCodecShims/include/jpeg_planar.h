// SPDX-License-Identifier: Apache-2.0
//
// JPEG to JPEG, WebP or AVIF without leaving YCbCr: each plane is decoded at the DCT scale that fits, resampled at its own
// resolution, and encoded as it is. No colour conversion, no chroma up-sampling.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "jpeg_coding.h"
#include "pixel_source.h"
#include "planar_view.h"

typedef struct {
    int width, height;    // as stored, before any orientation
    int components;
    int is_planar;        // gray or YCbCr with 8 bits and sampling factors that divide each other
    int is_progressive;
} jpeg_header;

codec_status jpeg_read_header_of(const uint8_t *bytes, size_t count, jpeg_header *header);

// Everything in stored coordinates, that is before `transposed`.
typedef struct {
    int source_x, source_y, source_width, source_height;  // the part that is resampled
    int resampled_width, resampled_height;                // to this size
    int window_x, window_y, window_width, window_height;  // of which this part is kept
    int mirrored_x, mirrored_y;                           // then mirrored, …
    int mirrored_first_x, mirrored_first_y;               // … as far as it is not stored so: see cr_span
    int transposed;                                       // then columns become rows
    int quality;
    jpeg_coding coding;
    // Who writes the file, from planes; NULL: JPEG, at the quality and in the coding above.
    codec_status (*encode)(const planar_view *view, const void *settings, encoded_image *out);
    const void *settings;
    int wants_narrow;  // luma in 16...235 and chroma in 16...240, as in WebP
    size_t max_bytes;
    uint64_t max_memory;  // bytes for the coefficients of a progressive file
    uint64_t deadline;    // 0 = none
    int scale;            // eighths of the DCT: 8, 4, 2, 1; 0 = chosen by the margin that keeps quality
    // For measuring what the codecs alone cost: planes that a transcode with the same job has left in its result are
    // encoded, and what is decoded is thrown away.
    int keeps_planes;
    const uint8_t *floor_planes;
} planar_job;

typedef struct {
    encoded_image image;
    int width, height;
    uint64_t header_ns, decode_ns, resize_ns, encode_ns;
    uint8_t *planes;  // one after the other, padded, when the job says so; free() them
} planar_result;

codec_status jpeg_planar_transcode(const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result);

// Eighths of the DCT scale at which a picture that is shrunk by `ratio` is decoded.
int jpeg_scale_for(double ratio);
// For the taps that follow a decode at this scale: undoes the droop of the box filter that such a decode is.
double jpeg_sharpening_for(int scale);
