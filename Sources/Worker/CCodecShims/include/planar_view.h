// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

// A picture as JPEG and WebP have it: YCbCr by BT.601, chroma of half the resolution, rounded up; or luma alone.
typedef struct {
    int width, height;
    int count;  // of planes: 1 or 3
    const uint8_t *planes[3];
    int strides[3];
} planar_view;
