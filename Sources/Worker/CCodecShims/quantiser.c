// SPDX-License-Identifier: Apache-2.0
#include "quantiser.h"

#include <stdlib.h>
#include <string.h>

// Cells of the cube are 5 bits to a side; moments are summed from the corner, so index 0 is an empty border.
enum { SIDE = 33 };

typedef struct {
    int low[3], high[3];  // (low, high]
    double variance;
} box;

typedef struct {
    // They wrap around in between, and what is asked of them never does.
    pixel_sums sums[SIDE][SIDE][SIDE];
    double squares[SIDE][SIDE][SIDE];
} cube;

void histogram_clear(histogram *h) {
    for (int i = 0; i < h->bins_occupied; i++) h->bins[h->occupied[i]] = (pixel_sums){0};
    h->bins_occupied = 0;
}

static void fill(const histogram *h, cube *cells) {
    memset(cells, 0, sizeof *cells);
    for (int i = 0; i < h->bins_occupied; i++) {
        unsigned bin = h->occupied[i], r = (bin >> 11) + 1, g = (bin >> 6 & 31) + 1, b = (bin & 31) + 1;
        pixel_sums sums = h->bins[bin];
        cells->sums[r][g][b] += sums;
        for (int c = 0; c < 3; c++) {
            double sum = sums[c];
            // Of the bin's mean: what differs inside of a bin no table can tell apart.
            cells->squares[r][g][b] += sum * sum / sums[COUNT];
        }
    }
    for (int r = 1; r < SIDE; r++)
        for (int g = 1; g < SIDE; g++) {
            pixel_sums line = {0};
            double squares = 0;
            for (int b = 1; b < SIDE; b++) {
                line += cells->sums[r][g][b];
                squares += cells->squares[r][g][b];
                cells->sums[r][g][b] =
                    line + cells->sums[r - 1][g][b] + cells->sums[r][g - 1][b] - cells->sums[r - 1][g - 1][b];
                cells->squares[r][g][b] = squares + cells->squares[r - 1][g][b] + cells->squares[r][g - 1][b] -
                                          cells->squares[r - 1][g - 1][b];
            }
        }
}

// A corner of what lies below a position on one axis.
static inline void corner_of(const box *of, int axis, int position, int corner, int at[3]) {
    int other = axis == 0 ? 1 : 0, third = axis == 2 ? 1 : 2;
    at[axis] = position;
    at[other] = corner & 1 ? of->low[other] : of->high[other];
    at[third] = corner & 2 ? of->low[third] : of->high[third];
}

// Everything of the box that lies below a position on one axis.
static pixel_sums below(const cube *cells, const box *of, int axis, int position) {
    pixel_sums sum = {0};
    for (int corner = 0; corner < 4; corner++) {
        int at[3];
        corner_of(of, axis, position, corner, at);
        pixel_sums there = cells->sums[at[0]][at[1]][at[2]];
        if (corner == 1 || corner == 2) sum -= there;
        else sum += there;
    }
    return sum;
}

static pixel_sums all_of(const cube *cells, const box *of) {
    return below(cells, of, 0, of->high[0]) - below(cells, of, 0, of->low[0]);
}

static double squares_below(const cube *cells, const box *of, int position) {
    double sum = 0;
    for (int corner = 0; corner < 4; corner++) {
        int at[3];
        corner_of(of, 0, position, corner, at);
        sum += (corner == 1 || corner == 2 ? -1 : 1) * cells->squares[at[0]][at[1]][at[2]];
    }
    return sum;
}

static double length_of(pixel_sums sums) {
    double r = sums[0], g = sums[1], b = sums[2];
    return (r * r + g * g + b * b) / sums[COUNT];
}

static void measure(const cube *cells, box *b) {
    pixel_sums all = all_of(cells, b);
    b->variance = all[COUNT] == 0 ? 0
                                  : squares_below(cells, b, b->high[0]) - squares_below(cells, b, b->low[0]) -
                                        length_of(all);
}

// Cuts a box where the two parts are most alike in themselves; 0 when it cannot be cut.
static int cut(const cube *cells, box *whole, box *part) {
    pixel_sums all = all_of(cells, whole);
    double best = 0;
    int best_axis = -1, best_position = 0;
    for (int axis = 0; axis < 3; axis++) {
        pixel_sums base = below(cells, whole, axis, whole->low[axis]);
        for (int position = whole->low[axis] + 1; position < whole->high[axis]; position++) {
            pixel_sums lower = below(cells, whole, axis, position) - base, upper = all - lower;
            if (lower[COUNT] == 0) continue;
            if (upper[COUNT] == 0) break;
            double value = length_of(lower) + length_of(upper);
            if (value <= best) continue;
            best = value;
            best_axis = axis;
            best_position = position;
        }
    }
    if (best_axis < 0) return 0;
    *part = *whole;
    whole->high[best_axis] = best_position;
    part->low[best_axis] = best_position;
    measure(cells, whole);
    measure(cells, part);
    return 1;
}

static int cut_up(const cube *cells, int most, uint8_t (*colours)[3]) {
    box boxes[256];
    int count = 1;
    boxes[0] = (box){.low = {0, 0, 0}, .high = {SIDE - 1, SIDE - 1, SIDE - 1}};
    measure(cells, &boxes[0]);
    while (count < most) {
        int widest = 0;
        for (int i = 1; i < count; i++)
            if (boxes[i].variance > boxes[widest].variance) widest = i;
        if (boxes[widest].variance <= 0) break;
        if (cut(cells, &boxes[widest], &boxes[count])) {
            count++;
        } else {
            boxes[widest].variance = 0;
        }
    }
    int kept = 0;
    for (int i = 0; i < count; i++) {
        pixel_sums all = all_of(cells, &boxes[i]);
        if (all[COUNT] == 0) continue;
        for (int c = 0; c < 3; c++) colours[kept][c] = (uint8_t)((double)all[c] / all[COUNT] + 0.5);
        kept++;
    }
    return kept;
}

// Moves each colour to the middle of what it stands for.
static void refine(const histogram *h, colour_map *map) {
    pixel_sums groups[256] = {0};
    for (int i = 0; i < h->bins_occupied; i++) {
        pixel_sums sums = h->bins[h->occupied[i]];
        uint32_t count = sums[COUNT], half = count / 2;
        int group = colour_map_find(
            map, (sums[0] + half) / count, (sums[1] + half) / count, (sums[2] + half) / count);
        groups[group] += sums;
    }
    uint8_t colours[256][3];
    int kept = 0;
    for (int i = 0; i < map->count; i++) {
        uint32_t count = groups[i][COUNT];
        if (count == 0) continue;
        for (int c = 0; c < 3; c++) colours[kept][c] = (uint8_t)(((uint64_t)groups[i][c] + count / 2) / count);
        kept++;
    }
    colour_map_set(map, colours, kept);
}

codec_status quantise(const histogram *h, int most, colour_map *map) {
    // So many bins are noise, of which no table is good: the second round would change little.
    enum { ROUNDS = 2, NOISE = 8192 };
    cube *cells = aligned_alloc(_Alignof(cube), sizeof *cells);
    if (!cells) return CODEC_NO_MEMORY;
    uint8_t colours[256][3] = {{0}};
    fill(h, cells);
    int count = cut_up(cells, most, colours);
    free(cells);
    colour_map_set(map, colours, count ? count : 1);
    for (int round = 0; h->bins_occupied && round < (h->bins_occupied > NOISE ? 1 : ROUNDS); round++) refine(h, map);
    return CODEC_OK;
}
