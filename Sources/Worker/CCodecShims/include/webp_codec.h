// SPDX-License-Identifier: Apache-2.0
//
// WebP, lossy and lossless. Of an animation the first frame; `animation.h` has the others.
#pragma once
#include "pixel_source.h"
#include "planar_view.h"

// `exif` is where the file keeps it, if it does: inside `bytes`.
codec_status webp_open(
    const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source, const uint8_t **exif,
    size_t *exif_count);

typedef struct {
    float quality;    // 0...100
    int method;       // 0...6: 2 costs least for its size, 4 is the library's own choice
    int is_lossless;  // then `quality` is effort
    size_t max_bytes;
    uint64_t deadline;  // 0 = none
} webp_settings;

// CODEC_TOO_LARGE for more than 16383 pixels to a side, which the format cannot hold.
codec_status webp_encode(const pixel_view *view, const webp_settings *settings, encoded_image *out);
// Lossy, from planes of the narrow range, those of chroma with rows of one length. `settings` are a `webp_settings`.
codec_status webp_encode_planes(const planar_view *view, const void *settings, encoded_image *out);
