// SPDX-License-Identifier: Apache-2.0
//
// The colours that stand best for many: X. Wu, "Efficient statistical computations for optimal color quantization",
// Graphics Gems II, 1991, then two rounds of k-means on what it finds.
#pragma once
#include "colour_map.h"

typedef struct {
    // Sums of what fell into each 5-6-5 bin. They hold 16 million pixels.
    struct {
        uint32_t count, sums[3];
    } bins[MAP_BINS];
    uint64_t occupied[MAP_BINS / 64];  // a bit for each bin that is not empty
} histogram;

enum { HISTOGRAM_PIXELS = 1 << 24 };

static inline void histogram_add(histogram *h, unsigned red, unsigned green, unsigned blue) {
    unsigned bin = bin_of(red, green, blue);
    h->occupied[bin / 64] |= (uint64_t)1 << (bin % 64);
    h->bins[bin].count++;
    h->bins[bin].sums[0] += red;
    h->bins[bin].sums[1] += green;
    h->bins[bin].sums[2] += blue;
}

// Leaves nothing in it, which takes no longer than filling it has.
void histogram_clear(histogram *h);

// Chooses at most `most` colours; leaves `map` set to them. CODEC_NO_MEMORY or CODEC_OK.
codec_status quantise(const histogram *h, int most, colour_map *map);
