// SPDX-License-Identifier: Apache-2.0
#include "huffman_code.h"

#include <stdlib.h>
#include <string.h>

// By occurrences, then by symbol: both in one number.
static int in_order(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

// The lengths without a limit, of `count` symbols in the order of `sorted`; returns the longest.
static int measure(const uint64_t *sorted, int count, uint8_t *lengths) {
    // Leaves, then the nodes that are made of the two lightest of either kind; those are made in order, too.
    uint64_t weights[2 * HUFFMAN_MOST];
    int parents[2 * HUFFMAN_MOST], depths[2 * HUFFMAN_MOST];
    for (int i = 0; i < count; i++) weights[i] = sorted[i] >> 16;
    int leaf = 0, node = count, end = count;
    for (; end < 2 * count - 1; end++) {
        weights[end] = 0;
        for (int child = 0; child < 2; child++) {
            int lightest = leaf < count && (node == end || weights[leaf] <= weights[node]) ? leaf++ : node++;
            weights[end] += weights[lightest];
            parents[lightest] = end;
        }
    }
    int most = 0;
    depths[end - 1] = 0;
    for (int i = end - 2; i >= 0; i--) {
        depths[i] = depths[parents[i]] + 1;
        if (i >= count) continue;
        lengths[i] = (uint8_t)depths[i];
        if (depths[i] > most) most = depths[i];
    }
    return most;
}

void huffman_lengths(const uint32_t *occurrences, int count, int longest, uint8_t *lengths) {
    uint64_t sorted[HUFFMAN_MOST];
    uint8_t found[HUFFMAN_MOST];
    int used = 0;
    for (int i = 0; i < count; i++)
        if (occurrences[i]) sorted[used++] = (uint64_t)occurrences[i] << 16 | (unsigned)i;
    for (int i = 0; used < 2; i++)
        if (!occurrences[i]) sorted[used++] = 1 << 16 | (unsigned)i;
    qsort(sorted, (size_t)used, sizeof *sorted, in_order);
    // Flatter, until no code is too long. Seldom more than once, and it ends where all are the same.
    while (measure(sorted, used, found) > longest)
        for (int i = 0; i < used; i++) {
            uint64_t flatter = sorted[i] >> 17;
            sorted[i] = (flatter ? flatter : 1) << 16 | (sorted[i] & 0xFFFF);
        }
    memset(lengths, 0, (size_t)count);
    for (int i = 0; i < used; i++) lengths[sorted[i] & 0xFFFF] = found[i];
}

void huffman_codes(const uint8_t *lengths, int count, uint16_t *codes) {
    unsigned next[HUFFMAN_LONGEST + 2] = {0}, code = 0;
    for (int i = 0; i < count; i++) next[lengths[i] + 1]++;
    next[1] = 0;
    for (int length = 1; length <= HUFFMAN_LONGEST; length++) {
        code = (code + next[length]) << 1;
        next[length] = code;
    }
    for (int i = 0; i < count; i++) {
        unsigned reversed = 0;
        if (lengths[i] > 0) {
            unsigned own = next[lengths[i]]++;
            for (int bit = 0; bit < lengths[i]; bit++) reversed |= (own >> bit & 1) << (lengths[i] - 1 - bit);
        }
        codes[i] = (uint16_t)reversed;
    }
}
