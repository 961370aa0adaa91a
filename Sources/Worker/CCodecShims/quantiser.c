// SPDX-License-Identifier: Apache-2.0
#include "quantiser.h"

#include <stdlib.h>
#include <string.h>

// Cells of the cube are 5 bits to a side; moments are summed from the corner, so index 0 is an empty border.
enum { SIDE = 33 };

typedef struct {
    double count, sums[3], squares;
} moment;

typedef struct {
    int low[3], high[3];  // (low, high]
    double variance;
} box;

typedef moment cube[SIDE][SIDE][SIDE];

static void add(moment *to, const moment *from, double sign) {
    to->count += sign * from->count;
    for (int i = 0; i < 3; i++) to->sums[i] += sign * from->sums[i];
    to->squares += sign * from->squares;
}

// The next bin from `bin` on that is not empty; MAP_BINS when there is none.
static unsigned next_bin(const histogram *h, unsigned bin) {
    if (bin == MAP_BINS) return bin;
    unsigned word = bin / 64;
    uint64_t rest = h->occupied[word] & ~(uint64_t)0 << (bin % 64);
    while (!rest && ++word < MAP_BINS / 64) rest = h->occupied[word];
    return rest ? word * 64 + (unsigned)__builtin_ctzll(rest) : MAP_BINS;
}

void histogram_clear(histogram *h) {
    for (unsigned bin = next_bin(h, 0); bin < MAP_BINS; bin = next_bin(h, bin + 1))
        memset(&h->bins[bin], 0, sizeof h->bins[bin]);
    memset(h->occupied, 0, sizeof h->occupied);
}

static void fill(const histogram *h, const uint16_t *occupied, int bins, cube *cells) {
    memset(cells, 0, sizeof *cells);
    for (int i = 0; i < bins; i++) {
        unsigned bin = occupied[i];
        moment *cell = &(*cells)[(bin >> 11) + 1][(bin >> 6 & 31) + 1][(bin & 31) + 1];
        double count = h->bins[bin].count;
        cell->count += count;
        for (int c = 0; c < 3; c++) {
            double sum = h->bins[bin].sums[c];
            cell->sums[c] += sum;
            // Of the bin's mean: what differs inside of a bin no table can tell apart.
            cell->squares += sum * sum / count;
        }
    }
    for (int r = 1; r < SIDE; r++)
        for (int g = 1; g < SIDE; g++) {
            moment line = {0};
            for (int b = 1; b < SIDE; b++) {
                add(&line, &(*cells)[r][g][b], 1);
                (*cells)[r][g][b] = line;
                add(&(*cells)[r][g][b], &(*cells)[r - 1][g][b], 1);
                add(&(*cells)[r][g][b], &(*cells)[r][g - 1][b], 1);
                add(&(*cells)[r][g][b], &(*cells)[r - 1][g - 1][b], -1);
            }
        }
}

// Everything of the box that lies below a position on one axis.
static moment below(const cube *cells, const box *of, int axis, int position) {
    int other = axis == 0 ? 1 : 0, third = axis == 2 ? 1 : 2;
    moment sum = {0};
    for (int corner = 0; corner < 4; corner++) {
        int at[3];
        at[axis] = position;
        at[other] = corner & 1 ? of->low[other] : of->high[other];
        at[third] = corner & 2 ? of->low[third] : of->high[third];
        add(&sum, &(*cells)[at[0]][at[1]][at[2]], corner == 1 || corner == 2 ? -1 : 1);
    }
    return sum;
}

static moment all_of(const cube *cells, const box *of) {
    moment sum = below(cells, of, 0, of->high[0]), rest = below(cells, of, 0, of->low[0]);
    add(&sum, &rest, -1);
    return sum;
}

static double length_of(const moment *m) {
    return (m->sums[0] * m->sums[0] + m->sums[1] * m->sums[1] + m->sums[2] * m->sums[2]) / m->count;
}

static void measure(const cube *cells, box *b) {
    moment all = all_of(cells, b);
    b->variance = all.count > 0 ? all.squares - length_of(&all) : 0;
}

// Cuts a box where the two parts are most alike in themselves; 0 when it cannot be cut.
static int cut(const cube *cells, box *whole, box *part) {
    moment all = all_of(cells, whole);
    double best = 0;
    int best_axis = -1, best_position = 0;
    for (int axis = 0; axis < 3; axis++) {
        moment base = below(cells, whole, axis, whole->low[axis]);
        for (int position = whole->low[axis] + 1; position < whole->high[axis]; position++) {
            moment lower = below(cells, whole, axis, position), upper = all;
            add(&lower, &base, -1);
            if (lower.count <= 0) continue;
            add(&upper, &lower, -1);
            if (upper.count <= 0) break;
            double value = length_of(&lower) + length_of(&upper);
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
        moment all = all_of(cells, &boxes[i]);
        if (all.count <= 0) continue;
        for (int c = 0; c < 3; c++) colours[kept][c] = (uint8_t)(all.sums[c] / all.count + 0.5);
        kept++;
    }
    return kept;
}

// Moves each colour to the middle of what it stands for.
static void refine(const histogram *h, const uint16_t *occupied, int bins, colour_map *map) {
    struct {
        uint64_t count, sums[3];
    } groups[256] = {0};
    for (int i = 0; i < bins; i++) {
        uint32_t count = h->bins[occupied[i]].count;
        const uint32_t *sums = h->bins[occupied[i]].sums;
        int group = colour_map_find(
            map, (sums[0] + count / 2) / count, (sums[1] + count / 2) / count, (sums[2] + count / 2) / count);
        groups[group].count += count;
        for (int c = 0; c < 3; c++) groups[group].sums[c] += sums[c];
    }
    uint8_t colours[256][3];
    int kept = 0;
    for (int i = 0; i < map->count; i++) {
        if (groups[i].count == 0) continue;
        for (int c = 0; c < 3; c++)
            colours[kept][c] = (uint8_t)((groups[i].sums[c] + groups[i].count / 2) / groups[i].count);
        kept++;
    }
    colour_map_set(map, colours, kept);
}

codec_status quantise(const histogram *h, int most, colour_map *map) {
    enum { ROUNDS = 2 };
    cube *cells = malloc(sizeof *cells);
    uint16_t *occupied = malloc(MAP_BINS * sizeof *occupied);
    codec_status status = CODEC_NO_MEMORY;
    if (cells && occupied) {
        uint8_t colours[256][3] = {{0}};
        int bins = 0;
        for (unsigned bin = next_bin(h, 0); bin < MAP_BINS; bin = next_bin(h, bin + 1))
            occupied[bins++] = (uint16_t)bin;
        fill(h, occupied, bins, cells);
        int count = cut_up(cells, most, colours);
        colour_map_set(map, colours, count ? count : 1);
        for (int round = 0; bins && round < ROUNDS; round++) refine(h, occupied, bins, map);
        status = CODEC_OK;
    }
    free(cells);
    free(occupied);
    return status;
}
