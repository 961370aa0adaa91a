// SPDX-License-Identifier: Apache-2.0
//
// GIF stills: the first frame on its logical screen. `animation.h` has the others.
#pragma once
#include "pixel_source.h"

codec_status gif_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source);
// As it is when it has few enough colours, else with a palette made for it, dithered. Alpha is all or nothing.
codec_status gif_encode(const pixel_view *view, size_t max_bytes, uint64_t deadline, encoded_image *out);

// For measurements and tests, of the calling thread only: with 0 giflib reads all codes.
void gif_lzw_enable(int on);
// How many frames this thread has read without giflib's help.
unsigned long gif_lzw_taken(void);
