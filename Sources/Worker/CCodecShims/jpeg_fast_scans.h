// SPDX-License-Identifier: Apache-2.0
//
// A faster reader of the scans of progressive files. It fills libjpeg's coefficient arrays; the rest is libjpeg's.
#pragma once
#include <stdio.h>
#include <jpeglib.h>

// jpeg_start_decompress, which is where libjpeg reads a progressive file. The whole file must lie in the source's
// buffer. Coefficients and errors are those of libjpeg under a guard that takes lost data for an error.
void jpeg_fast_scans_start(struct jpeg_decompress_struct *info);
