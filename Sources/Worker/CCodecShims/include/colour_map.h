// SPDX-License-Identifier: Apache-2.0
//
// From any colour to the nearest of a table's, through a map of 5-6-5 bits that is filled as colours come.
#pragma once
#include "animation.h"

enum { MAP_BINS = 1 << 16, MAP_EMPTY = 0xFFFF, MAP_CROWDED = 0xFFFE, MAP_CACHE = 1 << 10, MAP_PADDING = 8 };

typedef struct {
    int count;
    uint64_t searches;  // how often the closest has been looked for, whatever the table
    uint8_t colours[256][3];
    // The same in the order of `key_of`, a row for each channel and one of their places in the table, and where the keys of
    // each four begin. At the end some that are far from everything, so that they can be read four at a time.
    float sorted[3][256 + MAP_PADDING];
    int32_t places[256 + MAP_PADDING];
    uint16_t begin[257];
    uint16_t nearest[MAP_BINS];  // index, or one of the two words above
    struct {
        uint32_t colour;         // with the bit above its 24 set: an empty entry is none
        uint32_t index;
    } cache[MAP_CACHE];          // for bins that several of the table's colours share
} colour_map;

// Of at most 256 colours, and at least one.
void colour_map_set(colour_map *map, const uint8_t (*colours)[3], int count);
int colour_map_search(colour_map *map, unsigned red, unsigned green, unsigned blue);

static inline unsigned bin_of(unsigned red, unsigned green, unsigned blue) {
    return red >> 3 << 11 | green >> 2 << 5 | blue >> 3;
}

static inline int colour_map_find(colour_map *map, unsigned red, unsigned green, unsigned blue) {
    unsigned index = map->nearest[bin_of(red, green, blue)];
    return index < 256 ? (int)index : colour_map_search(map, red, green, blue);
}
