// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tiff_file.h"

// What decoding a picture takes that has so many samples' bytes, by what its header and the markers in its data say: told as
// bytes that decompression gives, each of which stands for about 4 ns. Beyond `most` it is not told how much more.
uint64_t tiff_work(TIFF *tiff, const tiff_file *file, uint64_t unpacked, uint64_t most);
