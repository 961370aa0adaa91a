// SPDX-License-Identifier: Apache-2.0
//
// JPEG to rows of gray or RGB, and back: the way for whatever cannot stay in YCbCr planes.
#pragma once
#include "jpeg_coding.h"
#include "pixel_source.h"

// What libjpeg writes at most.
enum { JPEG_MAX_SIDE = 65500 };

// `scale` is in eighths (8, 4, 2 or 1): the rows are those of a picture that is so much smaller, rounded up.
// CMYK and YCCK, inverted when Adobe's marker says so, become RGB by their profile, or the plain rule.
codec_status jpeg_rgb_open(
    const uint8_t *bytes, size_t count, const source_limits *limits, int scale, pixel_source **out);

// With 4:2:0 chroma; gray stays gray, and what is transparent is white.
codec_status jpeg_rgb_encode(
    const pixel_view *view, int quality, jpeg_coding coding, size_t max_bytes, uint64_t deadline, encoded_image *out);
