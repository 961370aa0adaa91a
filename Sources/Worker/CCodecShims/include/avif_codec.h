// SPDX-License-Identifier: Apache-2.0
//
// AVIF stills, 8 to 12 bits in any chroma format; of a sequence the first picture.
#pragma once
#include "pixel_source.h"
#include "planar_view.h"

// The transformations that the file asks for are cropping, which is applied, and turning and mirroring, which are
// handed out as `orientation`. EXIF counts for nothing here: the format says so.
codec_status avif_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source);

typedef struct {
    int quality;  // 0...100
    int speed;    // 0...10; at 9 it is cheaper and smaller than WebP with its own choices
    size_t max_bytes;
    uint64_t deadline;  // 0 = none; the encoder cannot be stopped, so it is not begun when it would take longer
} avif_settings;

// Nanoseconds that a picture of so many pixels takes at least.
uint64_t avif_least_time(uint64_t pixels, int speed);

// From planes. `settings` are an `avif_settings`.
codec_status avif_encode_planes(const planar_view *view, const void *settings, encoded_image *out);
codec_status avif_encode(const pixel_view *view, const avif_settings *settings, encoded_image *out);
