// SPDX-License-Identifier: Apache-2.0
//
// For tests only: pictures of every kind, written and read by the reference libraries, so that ours have an oracle.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *bytes;  // free() them
    size_t count;
} picture_bytes;

typedef enum { JPEG_GRAY, JPEG_YCC, JPEG_RGB_AS_IT_IS, JPEG_INK, JPEG_INK_YCC } jpeg_kind;

typedef struct {
    int width, height;
    jpeg_kind kind;
    int luma_h, luma_v, chroma_h, chroma_v;  // sampling factors; 0 = all 1
    int quality;
    int is_progressive, is_arithmetic, is_split_in_scans;
    int restart_rows;
} jpeg_recipe;

// `pixels`: gray, RGB or (inverted, as Adobe has it) CMYK, 8 bits.
picture_bytes make_jpeg(const uint8_t *pixels, const jpeg_recipe *recipe);

typedef struct {
    int width, height, depth, colour, is_interlaced;
    const uint8_t *palette;  // RGB
    int palette_count;
    const uint8_t *alphas;   // of the palette
    int alpha_count;
    int has_key;
    uint16_t key[3];
} png_recipe;

// `rows`: as PNG stores them, packed, 16-bit samples big-endian.
picture_bytes make_png(const uint8_t *rows, const png_recipe *recipe);

// By libpng's simple interface: RGBA, straight. NULL for what it does not take.
uint8_t *read_png(const uint8_t *bytes, size_t count, int *width, int *height);
