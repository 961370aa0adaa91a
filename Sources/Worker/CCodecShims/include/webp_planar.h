// SPDX-License-Identifier: Apache-2.0
//
// WebP to JPEG, WebP or AVIF without leaving YCbCr, as `jpeg_planar.h` does it.
#pragma once
#include "jpeg_planar.h"

typedef struct {
    int width, height;  // as stored, before any orientation
    int is_planar;      // a lossy still without alpha
    uint64_t work;      // that decoding it takes, as bytes that decompression gives
    // Where the file keeps them, if it does: inside of it.
    const uint8_t *exif, *icc;
    size_t exif_count, icc_count;
} webp_header;

codec_status webp_read_header_of(const uint8_t *bytes, size_t count, uint64_t max_pixels, webp_header *header);
// `job` says all but a scale. The file must be a planar one.
codec_status webp_planar_transcode(const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result);
