// SPDX-License-Identifier: Apache-2.0
//
// What the two PNG readers and the writer share.
#pragma once
#include "pixel_source.h"
#include "png_chunks.h"

// libpng's own limit on either side of a picture.
enum { PNG_MAX_SIDE = 1000000 };

// By libdeflate; *out stays NULL when the picture is none of the common kind, or not quite right: then libpng has the say.
codec_status png_fast_open(const png_skeleton *skeleton, const source_limits *limits, pixel_source **out);
// By libpng.
codec_status png_slow_open(
    const uint8_t *bytes, size_t count, const png_skeleton *skeleton, const source_limits *limits, pixel_source **out);

// Undoes the filter of a row in place, and of as many of the `rows` from it on as are worth to be done together. Each is
// `count` bytes, preceded by its filter's number; `above` is the finished row before them. Returns how many are done, 0 when
// there is no such filter.
int png_unfilter(uint8_t *row, int rows, const uint8_t *above, size_t count, int pixel);
// Chooses the filter whose residuals are smallest and writes its number and them to `out`, count + 1 bytes. `row` and
// `above` are preceded by `pixel` readable zeros.
void png_filter(const uint8_t *row, const uint8_t *above, size_t count, int pixel, uint8_t *out);
