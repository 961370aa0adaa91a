// SPDX-License-Identifier: Apache-2.0
#include "png_colours.h"

#include <stdlib.h>
#include <string.h>

// Slots that are looked at for one colour. A quarter of them is taken at most, so that it takes several hundred colours
// that were chosen for it to need more.
enum { LONGEST_SEARCH = 32 };

static inline __attribute__((always_inline)) uint32_t colour_at(const uint8_t *pixel, int channels) {
    if (channels == 1) return pixel[0] * 0x010101u | 0xFF000000u;
    uint32_t alpha = channels == 4 ? pixel[3] : 255;
    return pixel[0] | (uint32_t)pixel[1] << 8 | (uint32_t)pixel[2] << 16 | alpha << 24;
}

static inline unsigned slot_of(uint32_t colour) { return colour * 2654435761u >> 22; }

// 0 when there is no room for this one.
static int add(png_colours *c, uint32_t colour, int most) {
    unsigned slot = slot_of(colour);
    for (int i = 0; i < LONGEST_SEARCH; i++, slot = (slot + 1) % PNG_COLOUR_SLOTS) {
        int place = c->slots[slot];
        if (place && c->colours[place - 1] == colour) return 1;
        if (place) continue;
        if (c->count == most) return 0;
        c->colours[c->count++] = colour;
        c->slots[slot] = (uint16_t)c->count;
        return 1;
    }
    return 0;
}

static inline __attribute__((always_inline)) int add_row(
    png_colours *c, const uint8_t *row, int width, int channels, int most) {
    uint32_t last = ~colour_at(row, channels);
    for (int x = 0; x < width; x++, row += channels) {
        uint32_t colour = colour_at(row, channels);
        if (colour != last && !add(c, colour, most)) return 0;
        last = colour;
    }
    return 1;
}

static int is_row_gray(const uint8_t *row, int width, int channels) {
    uint8_t difference = 0;
    for (int x = 0; x < width; x++, row += channels) difference |= (row[0] ^ row[1]) | (row[1] ^ row[2]);
    return !difference;
}

static int is_row_opaque(const uint8_t *row, int width) {
    uint8_t all = 255;
    for (int x = 0; x < width; x++) all &= row[4 * x + 3];
    return all == 255;
}

// Pixels that are as the one before them, and those that are nearly so.
typedef struct {
    size_t same, near;
} likeness;

static inline __attribute__((always_inline)) void compare_row(
    const uint8_t *pixel, int width, int channels, likeness *found) {
    enum { NEAR = 3 };
    for (int x = 1; x < width; x++) {
        const uint8_t *before = pixel;
        pixel += channels;
        int most = 0;
        for (int c = 0; c < channels; c++) {
            int difference = pixel[c] < before[c] ? before[c] - pixel[c] : pixel[c] - before[c];
            if (difference > most) most = difference;
        }
        found->same += most == 0;
        found->near += most > 0 && most <= NEAR;
    }
}

// Most of a drawing's pixels are as the one before them, also after resampling; of a photograph's hardly any, or where its
// sky is soft a third, and then as many are nearly so. Told from some rows, all over the picture.
static int is_drawing(const pixel_view *view) {
    enum { ROWS = 16 };
    int step = (view->height + ROWS - 1) / ROWS;
    size_t all = 0;
    likeness found = {0, 0};
    for (int y = 0; y < view->height; y += step, all += (size_t)view->width) {
        const uint8_t *row = view->pixels + view->stride * (size_t)y;
        switch (view->channels) {
        case 1: compare_row(row, view->width, 1, &found); break;
        case 3: compare_row(row, view->width, 3, &found); break;
        default: compare_row(row, view->width, 4, &found);
        }
    }
    return 3 * found.same >= all && 3 * found.near <= 2 * found.same;
}

// Those that are not opaque come first: a palette tells the alpha of its first colours, and the others are opaque.
static int compare(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    int is_left_opaque = left >> 24 == 255, is_right_opaque = right >> 24 == 255;
    if (is_left_opaque != is_right_opaque) return is_left_opaque - is_right_opaque;
    return (left > right) - (left < right);
}

static void sort(png_colours *c) {
    uint32_t before[PNG_PALETTE];
    memcpy(before, c->colours, sizeof before);
    qsort(c->colours, (size_t)c->count, sizeof *c->colours, compare);
    for (c->clear = 0; c->clear < c->count && c->colours[c->clear] >> 24 != 255;) c->clear++;
    for (int i = 0; i < PNG_COLOUR_SLOTS; i++) {
        if (!c->slots[i]) continue;
        const uint32_t *place = bsearch(
            &before[c->slots[i] - 1], c->colours, (size_t)c->count, sizeof *c->colours, compare);
        c->slots[i] = (uint16_t)(place - c->colours + 1);
    }
}

void png_look_at_colours(const pixel_view *view, png_colours *c) {
    c->is_gray = c->is_opaque = 1;
    c->is_drawing = is_drawing(view);
    c->count = 0;
    memset(c->slots, 0, sizeof c->slots);
    int is_counting = 1;
    for (int y = 0; y < view->height; y++) {
        const uint8_t *row = view->pixels + view->stride * (size_t)y;
        if (view->channels == 4 && c->is_opaque) c->is_opaque = is_row_opaque(row, view->width);
        if (view->channels > 1 && c->is_gray) c->is_gray = is_row_gray(row, view->width, view->channels);
        // Gray needs no palette but for a few shades, which then take less than a byte.
        if (is_counting) switch (view->channels) {
            case 1: is_counting = add_row(c, row, view->width, 1, 16); break;
            case 3: is_counting = add_row(c, row, view->width, 3, PNG_PALETTE); break;
            default: is_counting = add_row(c, row, view->width, 4, PNG_PALETTE);
            }
        int is_settled = !is_counting && !(view->channels > 1 && c->is_gray) && !(view->channels == 4 && c->is_opaque);
        if (is_settled) break;
    }
    if (is_counting) sort(c);
    else c->count = 0;
}

static inline __attribute__((always_inline)) void find(
    const png_colours *c, const uint8_t *row, int width, int channels, uint8_t *places) {
    uint32_t last = ~colour_at(row, channels);
    uint8_t place = 0;
    for (int x = 0; x < width; x++, row += channels) {
        uint32_t colour = colour_at(row, channels);
        if (colour != last) {
            unsigned slot = slot_of(colour);
            while (c->colours[c->slots[slot] - 1] != colour) slot = (slot + 1) % PNG_COLOUR_SLOTS;
            place = (uint8_t)(c->slots[slot] - 1);
            last = colour;
        }
        places[x] = place;
    }
}

void png_find_colours(const png_colours *c, const uint8_t *row, int width, int channels, uint8_t *places) {
    switch (channels) {
    case 1: find(c, row, width, 1, places); break;
    case 3: find(c, row, width, 3, places); break;
    default: find(c, row, width, 4, places);
    }
}
