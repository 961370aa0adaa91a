// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "animation.h"

static inline int area_is_empty(pixel_area a) { return a.width <= 0 || a.height <= 0; }

// The smallest area that covers both.
static inline pixel_area area_union(pixel_area a, pixel_area b) {
    if (area_is_empty(a)) return b;
    if (area_is_empty(b)) return a;
    int right = a.x + a.width > b.x + b.width ? a.x + a.width : b.x + b.width;
    int bottom = a.y + a.height > b.y + b.height ? a.y + a.height : b.y + b.height;
    int x = a.x < b.x ? a.x : b.x, y = a.y < b.y ? a.y : b.y;
    return (pixel_area){x, y, right - x, bottom - y};
}

// The part of `a` that lies on a canvas.
static inline pixel_area area_clipped(pixel_area a, int width, int height) {
    int right = a.x + a.width < width ? a.x + a.width : width;
    int bottom = a.y + a.height < height ? a.y + a.height : height;
    int x = a.x > 0 ? a.x : 0, y = a.y > 0 ? a.y : 0;
    if (right <= x || bottom <= y) return (pixel_area){0};
    return (pixel_area){x, y, right - x, bottom - y};
}

// What rows and columns that are found one after the other cover.
typedef struct {
    int left, top, right, bottom;  // the last two are inside
} area_bounds;

static inline area_bounds bounds_of_nothing(void) { return (area_bounds){INT32_MAX, INT32_MAX, -1, -1}; }

static inline void bounds_add(area_bounds *bounds, int y, int first, int last) {
    if (first < bounds->left) bounds->left = first;
    if (last > bounds->right) bounds->right = last;
    if (y < bounds->top) bounds->top = y;
    if (y > bounds->bottom) bounds->bottom = y;
}

static inline pixel_area area_of(area_bounds bounds) {
    if (bounds.right < bounds.left || bounds.bottom < bounds.top) return (pixel_area){0};
    return (pixel_area){
        bounds.left, bounds.top, bounds.right - bounds.left + 1, bounds.bottom - bounds.top + 1};
}
