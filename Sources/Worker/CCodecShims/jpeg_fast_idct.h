// SPDX-License-Identifier: Apache-2.0
//
// The inverse DCT at half scale, of two blocks at once: two of luma that lie side by side, or the MCU's two of chroma.
// libjpeg's own does one at a time, and is what this is compared with.
#pragma once
#include <stdio.h>
#include <jpeglib.h>

// For a file with one scan, when the scales of all components have been chosen. Nothing happens where it is of no use.
void jpeg_fast_idct_install(struct jpeg_decompress_struct *info);
