// SPDX-License-Identifier: Apache-2.0
//
// What a picture's colours need: how many channels, and whether there are few enough for a palette.
#pragma once
#include "pixel_source.h"

enum { PNG_PALETTE = 256, PNG_COLOUR_SLOTS = 1024 };

typedef struct {
    int is_gray, is_opaque;
    int is_drawing;                   // areas of one colour with sharp edges, as far as some rows can tell
    int count;                        // of different colours, alpha included; 0 when a palette cannot have all
    int clear;                        // how many of them, the first ones, are not opaque
    uint32_t colours[PNG_PALETTE];    // red in the lowest byte, then green, blue, alpha
    uint16_t slots[PNG_COLOUR_SLOTS]; // by hash: a colour's place in the palette, and one; 0 = none
} png_colours;

void png_look_at_colours(const pixel_view *view, png_colours *colours);

// The places of a row's colours in a palette that has them all.
void png_find_colours(const png_colours *colours, const uint8_t *row, int width, int channels, uint8_t *places);
