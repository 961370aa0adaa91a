// SPDX-License-Identifier: Apache-2.0
//
// The first page of a TIFF file: gray, palette, RGB, CMYK and YCbCr with 1 to 16 bits, in strips or tiles, uncompressed
// or with the codings that belong to the format.
#pragma once
#include "pixel_source.h"

codec_status tiff_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source);
// Deflate with a horizontal predictor.
codec_status tiff_encode(const pixel_view *view, size_t max_bytes, uint64_t deadline, encoded_image *out);
