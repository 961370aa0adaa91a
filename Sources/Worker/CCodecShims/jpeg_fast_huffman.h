// SPDX-License-Identifier: Apache-2.0
//
// A faster Huffman decoder for baseline files, in the place of libjpeg's own.
#pragma once
#include <stdio.h>
#include <jpeglib.h>

// Takes over the entropy decoding of a picture, if it is one of those that it does: call it after
// jpeg_start_decompress, when the components' DCT scales are final, and before the first row. The whole file must lie
// in the source's buffer. Coefficients, warnings and errors are those of libjpeg: where anything is odd, libjpeg's own
// decoder gets to read the scan from its beginning.
void jpeg_fast_huffman_start(struct jpeg_decompress_struct *info);
