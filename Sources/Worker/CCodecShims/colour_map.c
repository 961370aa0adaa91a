// SPDX-License-Identifier: Apache-2.0
#include "colour_map.h"

#include <limits.h>
#include <string.h>

// 0...1020. Two colours whose keys differ by d are at least d / sqrt(6) apart, so that a search among sorted ones may
// end early.
static int key_of(int red, int green, int blue) { return red + 2 * green + blue; }

static void sort(colour_map *map) {
    // Counted, then placed: stable, and without a call to the system's own.
    uint16_t counts[1022] = {0};
    for (int i = 0; i < map->count; i++)
        counts[key_of(map->colours[i][0], map->colours[i][1], map->colours[i][2]) + 1]++;
    for (int key = 1; key < 1022; key++) counts[key] += counts[key - 1];
    for (int group = 0; group < 256; group++) map->begin[group] = counts[4 * group];
    map->begin[256] = (uint16_t)map->count;
    for (int i = 0; i < map->count; i++) {
        int key = key_of(map->colours[i][0], map->colours[i][1], map->colours[i][2]), at = counts[key]++;
        map->sorted[at].key = key;
        memcpy(map->sorted[at].colour, map->colours[i], 3);
        map->sorted[at].index = (uint8_t)i;
    }
}

void colour_map_set(colour_map *map, const uint8_t (*colours)[3], int count) {
    map->count = count;
    memmove(map->colours, colours, 3 * (size_t)count);
    memset(map->nearest, 0xFF, sizeof map->nearest);
    memset(map->cache, 0, sizeof map->cache);
    for (int i = 0; i < count; i++) {
        // A bin with one of the table's colours in it is that colour, so that flat areas keep theirs exactly.
        uint16_t *bin = &map->nearest[bin_of(colours[i][0], colours[i][1], colours[i][2])];
        *bin = *bin == MAP_EMPTY ? (uint16_t)i : MAP_CROWDED;
    }
    sort(map);
}

static int nearest(const colour_map *map, int red, int green, int blue) {
    int key = key_of(red, green, blue), best = INT_MAX, found = 0;
    // Up and down from where the colour itself would be. Distance and index are one number, so that ties are always
    // decided alike.
    for (int step = 1; step >= -1; step -= 2) {
        int at = map->begin[key / 4] - (step < 0);
        for (; at >= 0 && at < map->count; at += step) {
            int ahead = map->sorted[at].key - key;
            // Keys inside of the group that is begun with may lie on either side.
            if (ahead * step > 0 && best != INT_MAX && ahead * ahead >= 6 * ((best >> 8) + 1)) break;
            int r = map->sorted[at].colour[0] - red, g = map->sorted[at].colour[1] - green;
            int b = map->sorted[at].colour[2] - blue;
            int distance = (r * r + g * g + b * b) << 8 | map->sorted[at].index;
            if (distance < best) {
                best = distance;
                found = map->sorted[at].index;
            }
        }
    }
    return found;
}

int colour_map_search(colour_map *map, unsigned red, unsigned green, unsigned blue) {
    unsigned bin = bin_of(red, green, blue);
    if (map->nearest[bin] == MAP_EMPTY) {
        int index = nearest(map, (int)(red & 0xF8) | 4, (int)(green & 0xFC) | 2, (int)(blue & 0xF8) | 4);
        map->nearest[bin] = (uint16_t)index;
        return index;
    }
    uint32_t colour = red << 16 | green << 8 | blue, key = colour | 1u << 24;
    unsigned slot = (colour * 2654435761u) >> 22;
    if (map->cache[slot].colour != key) {
        map->cache[slot].colour = key;
        map->cache[slot].index = (uint32_t)nearest(map, (int)red, (int)green, (int)blue);
    }
    return (int)map->cache[slot].index;
}
