// SPDX-License-Identifier: Apache-2.0
//
// The ways in which a picture's rows can stand in a PNG file without a loss.
#pragma once
#include "png_colours.h"

typedef struct {
    int type, depth;  // as a file's header has them
    int is_filtered;  // each row by the filter that suits it best, or none of them
} png_form;

enum { PNG_GRAY = 0, PNG_RGB = 2, PNG_INDEXED = 3, PNG_GRAY_ALPHA = 4, PNG_RGB_ALPHA = 6, PNG_FORMS = 4 };

// Those worth a thought; returns how many. With a palette, or with fewer bits for shades of gray, come before samples of
// eight bits.
int png_forms(const png_colours *colours, png_form forms[PNG_FORMS]);

// Of a row with its filter's number.
size_t png_row_bytes(const png_form *form, int width);
// Of the chunks with the palette.
size_t png_palette_bytes(const png_form *form, const png_colours *colours);

// Some rows of the picture one after the other. CODEC_NO_MEMORY, CODEC_DEADLINE or CODEC_OK.
codec_status png_make_rows(
    const pixel_view *view, const png_colours *colours, const png_form *form, int from, int count, uint64_t deadline,
    uint8_t *out);
