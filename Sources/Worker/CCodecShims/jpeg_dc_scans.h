// SPDX-License-Identifier: Apache-2.0
//
// A progressive file at an eighth of its size: nothing but its DC coefficients is needed, two bytes for each block
// where libjpeg keeps 128, and most of the file is looked through for markers only.
#pragma once
#include <stdio.h>
#include <jpeglib.h>

// In the place of jpeg_start_decompress, when the output is raw data at a scale of 1/8: says 0 if it is not for this
// picture, and has done nothing then. Otherwise the file has been read to its end marker, jpeg_read_raw_data gives what
// it would have given with a scale of 1 for every component, and there is no jpeg_finish_decompress.
//
// What is wrong with the file's markers or DC scans is what libjpeg says it is. The data of AC scans are not looked at.
int jpeg_dc_scans_start(struct jpeg_decompress_struct *info);
