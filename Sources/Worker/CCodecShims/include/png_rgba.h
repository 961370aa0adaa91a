// SPDX-License-Identifier: Apache-2.0
//
// PNG to rows of gray, RGB or RGBA, 8 bits to a sample, and back.
#pragma once
#include "pixel_source.h"

// Common pictures of moderate size are inflated at once by libdeflate, the rest is streamed through libpng. Whatever is
// damaged is CODEC_CORRUPT: a checksum that is wrong, a chunk that is missing, data that ends early.
codec_status png_rgba_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **out);

// With an alpha channel only if some pixel is not opaque. `level` is libdeflate's, 1...12, for what is not written as noise.
codec_status png_rgba_encode(
    const pixel_view *view, int level, size_t max_bytes, uint64_t deadline, encoded_image *out);
