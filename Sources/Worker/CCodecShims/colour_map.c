// SPDX-License-Identifier: Apache-2.0
#include "colour_map.h"

#include <limits.h>
#include <math.h>
#include <string.h>

// 0...1020. Two colours whose keys differ by d are at least d / sqrt(6) apart, so that a search among sorted ones may
// end early.
static int key_of(int red, int green, int blue) { return red + 2 * green + blue; }

static const float FAR_AWAY = 10000;

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
        for (int c = 0; c < 3; c++) map->sorted[c][at] = map->colours[i][c];
        map->places[at] = i;
    }
    for (int at = map->count; at < map->count + MAP_PADDING; at++) {
        for (int c = 0; c < 3; c++) map->sorted[c][at] = FAR_AWAY;
        map->places[at] = 0;
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

// Four colours, their distances and places. The compiler has registers for them. A float holds every distance exactly, and
// floats that are not negative are in the order of their bits.
typedef float floats __attribute__((vector_size(16), aligned(4)));
typedef int32_t words __attribute__((vector_size(16), aligned(4)));
enum { FOUR = 4, AROUND = 16 };

typedef struct {
    words distance, place;
} closest;

static inline words chosen(words mask, words yes, words no) { return (yes & mask) | (no & ~mask); }

static inline closest closer(closest a, closest b) {
    // Of those that are equally far the first one, whatever is looked at first: ties are always decided alike.
    words mask = (b.distance < a.distance) | ((b.distance == a.distance) & (b.place < a.place));
    return (closest){chosen(mask, b.distance, a.distance), chosen(mask, b.place, a.place)};
}

// The closest of those from `at` to `end`, four by four, and perhaps some after that.
static inline closest look(const colour_map *map, const float colour[3], int at, int end, closest found) {
    for (; at < end; at += FOUR) {
        floats distance = {0};
        for (int c = 0; c < 3; c++) {
            floats d = *(const floats *)(map->sorted[c] + at) - colour[c];
            distance += d * d;
        }
        found = closer(found, (closest){(words)distance, *(const words *)(map->places + at)});
    }
    return found;
}

static inline words turned_by_two(words a) { return __builtin_shufflevector(a, a, 2, 3, 0, 1); }
static inline words turned_by_one(words a) { return __builtin_shufflevector(a, a, 1, 2, 3, 0); }

// The closest one in every lane.
static inline closest closest_of_all(closest found) {
    found = closer(found, (closest){turned_by_two(found.distance), turned_by_two(found.place)});
    return closer(found, (closest){turned_by_one(found.distance), turned_by_one(found.place)});
}

static int nearest(colour_map *map, int red, int green, int blue) {
    map->searches++;
    const float colour[3] = {(float)red, (float)green, (float)blue};
    int key = key_of(red, green, blue), middle = map->begin[key / 4];
    // Around where the colour itself would be, then as far as what was found there leaves anything to find.
    int low = middle - AROUND / 2 > 0 ? middle - AROUND / 2 : 0;
    int high = low + AROUND < map->count ? low + AROUND : map->count;
    closest found = {.distance = (words){0} + INT32_MAX};
    found = look(map, colour, low, high, found);
    found = closest_of_all(found);
    int reach = (int)sqrtf(6 * ((floats)found.distance)[0]) + 1;
    int first = key - reach < 0 ? 0 : map->begin[(key - reach) / 4];
    int last = key + reach > 1019 ? map->count : map->begin[(key + reach) / 4 + 1];
    if (first < low) found = look(map, colour, first, low, found);
    if (last > high) found = look(map, colour, high, last, found);
    return closest_of_all(found).place[0];
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
