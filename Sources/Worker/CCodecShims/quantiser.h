// SPDX-License-Identifier: Apache-2.0
//
// The colours that stand best for many: X. Wu, "Efficient statistical computations for optimal color quantization",
// Graphics Gems II, 1991, then two rounds of k-means on what it finds.
#pragma once
#include "colour_map.h"

// Red, green and blue of pixels, each summed, and how many these are.
typedef uint32_t pixel_sums __attribute__((vector_size(16)));
enum { COUNT = 3 };

typedef struct {
    // Of what fell into each 5-6-5 bin. They hold 16 million pixels.
    pixel_sums bins[MAP_BINS];
    // Those that are not empty.
    uint16_t occupied[MAP_BINS];
    int bins_occupied;
} histogram;

enum { HISTOGRAM_PIXELS = 1 << 24 };

// `pixel` is red, green, blue and anything.
static inline void histogram_add(histogram *h, const uint8_t *pixel) {
    unsigned bin = bin_of(pixel[0], pixel[1], pixel[2]);
    if (h->bins[bin][COUNT] == 0) h->occupied[h->bins_occupied++] = (uint16_t)bin;
    h->bins[bin] += (pixel_sums){pixel[0], pixel[1], pixel[2], 1};
}

// Leaves nothing in it, which takes no longer than filling it has. One of all zeros has nothing in it, either.
void histogram_clear(histogram *h);

// Chooses at most `most` colours; leaves `map` set to them. CODEC_NO_MEMORY or CODEC_OK.
codec_status quantise(const histogram *h, int most, colour_map *map);
