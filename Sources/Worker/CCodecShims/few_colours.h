// SPDX-License-Identifier: Apache-2.0
//
// Counts different colours as long as there are few: what has few enough needs no quantiser.
#pragma once
#include <string.h>

#include "animation.h"

enum { FEW_SLOTS = 1024 };

typedef struct {
    uint32_t slots[FEW_SLOTS];  // a colour with the bit above its 24 set
    uint32_t last;
    colour_table table;
    int most;
} few_colours;

static inline void few_colours_init(few_colours *few, int most) {
    memset(few->slots, 0, sizeof few->slots);
    few->last = 0;
    few->table.count = 0;
    few->most = most;
}

// 0 when there is no room for this one.
static inline int few_colours_add(few_colours *few, const uint8_t *pixel) {
    uint32_t colour = (uint32_t)pixel[0] << 16 | (uint32_t)pixel[1] << 8 | pixel[2], key = colour | 1u << 24;
    if (key == few->last) return 1;
    unsigned at = (colour * 2654435761u) >> 22;
    while (few->slots[at] && few->slots[at] != key) at = (at + 1) % FEW_SLOTS;
    if (!few->slots[at]) {
        if (few->table.count == few->most) return 0;
        few->slots[at] = key;
        memcpy(few->table.colours[few->table.count++], pixel, 3);
    }
    few->last = key;
    return 1;
}
