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

// Undoes a row's filter in place; `above` is the finished row before it. 0 when there is no such filter.
int png_unfilter(int filter, uint8_t *row, const uint8_t *above, size_t count, int pixel);
// Undoes two rows at once, each preceded by its filter's number, when both have the one filter that is worth it; else 0.
int png_unfilter_pair(uint8_t *row, uint8_t *below, const uint8_t *above, size_t count, int pixel);
// Chooses the filter whose residuals are smallest and writes its number and them to `out`, count + 1 bytes. `row` and
// `above` are preceded by `pixel` readable zeros.
void png_filter(const uint8_t *row, const uint8_t *above, size_t count, int pixel, uint8_t *out);
