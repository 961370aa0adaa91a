// SPDX-License-Identifier: Apache-2.0
//
// Windows and OS/2 bitmaps: every header, depth and run-length coding in use, read without a library.
#pragma once
#include "pixel_source.h"

codec_status bmp_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source);
// 24 bits a pixel, 8 for gray; with alpha 32 bits and the header that can say so.
codec_status bmp_encode(const pixel_view *view, size_t max_bytes, encoded_image *out);
