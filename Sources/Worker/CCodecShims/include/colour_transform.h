// SPDX-License-Identifier: Apache-2.0
//
// From the colours that an ICC profile describes to sRGB, 8 bits to a sample.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum {
    COLOUR_GRAY,
    COLOUR_RGB,
    COLOUR_RGBA,          // alpha stays as it is
    COLOUR_INK,           // CMYK, 255 = full; becomes RGB
    COLOUR_INVERTED_INK,  // CMYK, 0 = full
} colour_kind;

typedef struct colour_transform colour_transform;

// NULL when the profile is damaged, describes other pixels than these, or is absurdly large: then it counts for nothing.
colour_transform *colour_transform_open(const uint8_t *profile, size_t count, colour_kind kind);
// The same for colours that are described by the numbers of ITU-T H.273, in RGB or RGBA. NULL when they are sRGB's or near
// enough, or unknown: the curve of BT.709 is taken for sRGB's, as everybody does. What is brighter than white, of which
// HDR pictures have much, becomes white.
colour_transform *colour_transform_open_coded(int primaries, int transfer, colour_kind kind);
// From CIE L*a*b* under D50: L* of 0...100 in 0...255, a* and b* plus 128.
colour_transform *colour_transform_open_lab(void);
// `to` may be `from`, but for ink.
void colour_transform_row(const colour_transform *transform, const uint8_t *from, uint8_t *to, size_t pixels);
void colour_transform_close(colour_transform *transform);

// Makes what every transform ends in. It takes down the date, for which libc reads files.
void colour_transform_warm_up(void);
