// SPDX-License-Identifier: Apache-2.0
//
// Resampling a picture that changes in part: only what a change can be seen in is made again.
#pragma once
#include "CResample.h"

typedef struct {
    int x, y, width, height;
} cr_area;

typedef struct cr_frames cr_frames;

// For canvases of one size, RGBA with straight alpha, rows without a gap. `is_down_first`: in which order the passes
// are. When `transposes`, rows become columns at the end. NULL without memory.
cr_frames *cr_frames_open(
    int width, int height, const cr_span *columns, const cr_span *rows, int is_down_first, int transposes);
// Has the result follow a canvas of which `changed` is new since the last time; the first time all of it must be.
// `made` is what has been made anew. 0, or -1 without memory.
int cr_frames_update(cr_frames *frames, const uint8_t *canvas, cr_area changed, cr_area *made);
// The result, in the same form as the canvas.
const uint8_t *cr_frames_pixels(const cr_frames *frames);
void cr_frames_close(cr_frames *frames);
