// SPDX-License-Identifier: Apache-2.0
//
// Prints what the resampler and PNG's filters make of made-up pixels, as a number for each function. Built for another
// machine it must print the same: `scripts/check arm64` compares. Of everything with a kernel for one machine only, this is
// all that needs no library.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CResample.h"
#include "png_private.h"

static uint64_t state = 88172645463325252u;

static uint32_t noise(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

static uint64_t hash;

static void add(const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) hash = (hash ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
}

static void tell(const char *name) {
    printf("%s %016" PRIx64 "\n", name, hash);
    hash = 14695981039346656037u;
}

enum { WIDTH = 331, ROWS = 23, ROUNDS = 40, ROOM = 1024 };

static uint8_t bytes[ROWS][4 * WIDTH + ROOM];
static int16_t wide[4][WIDTH + ROOM], sums[WIDTH + ROOM], many[CR_ROWS][WIDTH + ROOM];
static uint8_t many_out[CR_ROWS][4 * (2 * WIDTH + ROOM)];
static int32_t carried[4 * (WIDTH + ROOM)];
static int16_t weighed[ROWS][4 * (2 * WIDTH + ROOM)];
static uint8_t out[4 * (WIDTH + ROOM)];

static void fill(void) {
    for (int y = 0; y < ROWS; y++)
        for (size_t x = 0; x < sizeof bytes[y]; x++) bytes[y][x] = (uint8_t)noise();
}

static cr_taps some_taps(void) {
    int to = 1 + (int)(noise() % (2 * WIDTH));
    cr_span span = {0, WIDTH, to, 0, to < WIDTH ? to : WIDTH, (int)(noise() & 1), (int)(noise() & 1)};
    cr_axis axis = cr_axis_make(&span, 1, 1, WIDTH, noise() & 1 ? 0.04 : 0);
    cr_taps taps;
    if (cr_taps_make(&taps, &axis) < 0) exit(1);
    return taps;
}

static void resample(void) {
    const uint8_t *rows[ROWS];
    const int16_t *weighed_rows[ROWS];
    for (int y = 0; y < ROWS; y++) {
        rows[y] = bytes[y];
        weighed_rows[y] = weighed[y];
    }
    uint64_t parts[9] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        fill();
        int16_t weights[ROWS];
        for (int y = 0; y < ROWS; y++) weights[y] = (int16_t)(noise() % 3000 - 700);
        cr_taps taps = some_taps();
        hash = parts[0];
        add(taps.start, (size_t)taps.count * sizeof *taps.start);
        add(taps.weights, (size_t)taps.count * (size_t)taps.groups * CR_GROUP * sizeof *taps.weights);
        parts[0] = hash, hash = parts[1];
        cr_vertical(CR_BEST, rows, weights, ROWS, 3, WIDTH, sums);
        add(sums + 3, (WIDTH - 3) * sizeof *sums);
        parts[1] = hash, hash = parts[2];
        cr_horizontal(CR_BEST, sums, &taps, out);
        add(out, (size_t)taps.count);
        parts[2] = hash, hash = parts[3];
        for (int channels = 1; channels <= 3; channels += 2) {
            int16_t *planes[4] = {wide[0], wide[1], wide[2], wide[3]};
            cr_widen(CR_BEST, bytes[round % ROWS], channels, 1, WIDTH, planes);
            for (int c = 0; c < channels; c++) add(wide[c] + 1, (WIDTH - 1) * sizeof *wide[c]);
        }
        for (int channels = 3; channels <= 4; channels++) {
            cr_join(CR_BEST, rows, WIDTH, channels, out);
            add(out, (size_t)channels * WIDTH);
        }
        parts[3] = hash, hash = parts[4];
        int16_t *across[CR_ROWS];
        for (int y = 0; y < CR_ROWS; y++) across[y] = weighed[y];
        void *working = malloc(cr_alpha_scratch(&taps));
        if (!working) exit(1);
        int alpha_rows = 1 + round % CR_ROWS, alpha_stride = cr_alpha_stride(taps.count);
        cr_across_weighed(CR_BEST, rows, alpha_rows, &taps, working, across);
        for (int y = 0; y < alpha_rows; y++)
            for (int c = 0; c < 4; c++) add(across[y] + c * alpha_stride, (size_t)taps.count * sizeof *across[y]);
        uint8_t *straight[CR_ROWS];
        for (int y = 0; y < CR_ROWS; y++) straight[y] = many_out[y];
        cr_across_alpha(CR_BEST, rows, alpha_rows, &taps, working, straight);
        for (int y = 0; y < alpha_rows; y++) add(straight[y], 4 * (size_t)taps.count);
        free(working);
        parts[4] = hash, hash = parts[5];
        // Halved, so that no sum overflows.
        for (int y = 0; y < ROWS; y++) {
            weights[y] = (int16_t)(weights[y] / 2);
            for (int x = 0; x < 4 * cr_alpha_stride(WIDTH); x++) weighed[y][x] = (int16_t)noise();
        }
        cr_down_alpha(CR_BEST, weighed_rows, weights, ROWS / 2, WIDTH, CR_BEGINS, carried, out);
        cr_down_alpha(
            CR_BEST, weighed_rows + ROWS / 2, weights + ROWS / 2, ROWS - ROWS / 2, WIDTH, CR_ENDS, carried, out);
        add(out, 4 * WIDTH);
        parts[5] = hash, hash = parts[6];
        const int16_t *from[CR_ROWS];
        uint8_t *to[CR_ROWS];
        for (int y = 0; y < CR_ROWS; y++) {
            for (int x = 0; x < WIDTH + CR_GROUP; x++) many[y][x] = (int16_t)(noise() % (256 << CR_ROW_BITS));
            from[y] = many[y], to[y] = many_out[y];
        }
        void *scratch = malloc(cr_rows_scratch(&taps));
        if (!scratch) exit(1);
        int count = 1 + round % CR_ROWS;
        cr_horizontal_rows(CR_BEST, from, count, &taps, scratch, to);
        for (int y = 0; y < count; y++) add(to[y], (size_t)taps.count);
        free(scratch);
        parts[6] = hash, hash = parts[7];
        cr_down(CR_BEST, rows, weights, ROWS / 2, 3, WIDTH, taps.bias, CR_BEGINS, carried, out);
        cr_down(
            CR_BEST, rows + ROWS / 2, weights + ROWS / 2, ROWS - ROWS / 2, 3, WIDTH, taps.bias, CR_ENDS, carried, out);
        add(out + 3, WIDTH - 3);
        parts[7] = hash, hash = parts[8];
        cr_weigh(CR_BEST, rows[0], WIDTH, weighed[0]);
        for (int c = 0; c < 4; c++) add(weighed[0] + c * cr_alpha_stride(WIDTH), WIDTH * sizeof **weighed);
        parts[8] = hash;
        cr_taps_free(&taps);
    }
    static const char *const names[] = {"taps", "vertical", "horizontal", "channels", "horizontal-alpha", "vertical-alpha",
                                        "horizontal-rows", "down", "weighed"};
    for (int i = 0; i < 9; i++) hash = parts[i], tell(names[i]);
}

static void filter(void) {
    // What is before the first pixel counts as zeros.
    enum { BEFORE = 8, DEEP = 6 };
    for (int pixel = 1; pixel <= 4; pixel++)
        for (int round = 0; round < ROUNDS; round++) {
            // Also narrow ones.
            size_t count = (size_t)pixel * (round < 9 ? (size_t)round + 1 : WIDTH);
            uint8_t row[BEFORE + 4 * WIDTH] = {0}, above[BEFORE + 4 * WIDTH] = {0}, filtered[1 + 4 * WIDTH];
            for (size_t i = 0; i < count; i++) {
                // Something that has edges, and neighbours that are alike.
                above[BEFORE + i] = (uint8_t)((int)i * round / 16 + (int)(noise() & 7));
                row[BEFORE + i] = (uint8_t)(above[BEFORE + i] + (noise() & 15) + (i % 40 == 0 ? 90 : 0));
            }
            png_filter(row + BEFORE, above + BEFORE, count, pixel, filtered);
            add(filtered, count + 1);
            uint8_t undone[1 + 4 * WIDTH];
            memcpy(undone, filtered, count + 1);
            if (png_unfilter(undone + 1, 1, above + BEFORE, count, pixel) != 1) exit(1);
            if (memcmp(undone + 1, row + BEFORE, count)) exit(1);
            // Several rows of anything at all, the same filter often more than once.
            static uint8_t rows[DEEP * (1 + 4 * WIDTH)];
            for (size_t i = 0; i < DEEP * (count + 1); i++) rows[i] = (uint8_t)noise();
            for (int y = 0; y < DEEP; y++) rows[(size_t)y * (count + 1)] = (uint8_t)(noise() % 10 < 6 ? 4 : noise() % 4);
            const uint8_t *over = above + BEFORE;
            for (int y = 0; y < DEEP;) {
                uint8_t *at = rows + (size_t)y * (count + 1) + 1;
                int done = png_unfilter(at, DEEP - y, over, count, pixel);
                if (done < 1) exit(1);
                y += done;
                over = at + (size_t)(done - 1) * (count + 1);
            }
            add(rows, DEEP * (count + 1));
        }
    tell("png-filters");
}

int main(void) {
    resample();
    filter();
}
