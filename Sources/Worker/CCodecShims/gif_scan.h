// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "pixel_area.h"

// What a GIF's blocks say before any of them is decoded.
typedef struct {
    int width, height;          // of the logical screen; where that is empty, of what the first frame covers
    uint64_t frames;
    uint64_t largest_frame;     // pixels, whether on the screen or not
    uint64_t all_frames;        // pixels of all together
    uint64_t changing;          // on the screen: those of each frame, and of the one before where that one vanishes
    int plays;                  // 0 = for ever
    pixel_area vanishing;       // while frames are counted: what the last one takes away with it
    int disposal;               // of the next one
} gif_summary;

// Walks all blocks up to the end mark: what is missing at the end is found here.
codec_status gif_scan(const uint8_t *bytes, size_t count, gif_summary *summary);
