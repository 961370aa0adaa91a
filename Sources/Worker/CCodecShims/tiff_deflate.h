// SPDX-License-Identifier: Apache-2.0
//
// The data of strips and tiles in Deflate, down to the checksum at its end: libtiff, which reads rows, never comes to that.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct tiff_deflate tiff_deflate;

// `spare` bounds what all data together may give beyond what is asked for: some writers fill their last strip up. NULL when
// there is no memory. The data must outlive the reading of it.
tiff_deflate *tiff_deflate_open(uint64_t spare);
void tiff_deflate_close(tiff_deflate *);

// All of it at once, which is faster. Every one of these answers 0 for data that is damaged or too short.
int tiff_deflate_all(tiff_deflate *, const uint8_t *data, size_t count, uint8_t *out, size_t size);

// By and by: after the last piece comes the end, where the checksum is.
int tiff_deflate_begin(tiff_deflate *, const uint8_t *data, size_t count);
int tiff_deflate_next(tiff_deflate *, uint8_t *out, size_t size);
int tiff_deflate_end(tiff_deflate *);
