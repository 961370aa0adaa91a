// SPDX-License-Identifier: Apache-2.0
//
// libtiff on memory instead of files, with its messages as one flag instead of text.
#pragma once
#include <tiffio.h>

#include "byte_sink.h"

typedef struct {
    const uint8_t *bytes;  // to read
    byte_sink *sink;       // to write
    size_t count, offset;
    int has_failed;        // libtiff reported an error, or a warning that means lost pixels
    int is_short;          // a tag's value lies beyond the end: libtiff would go on without it
} tiff_file;

// Has libtiff know nothing of the codings that are never read, so that it calls none of the libraries behind them.
// Files in these are opened, and their pixels cannot be read. Once, before any is opened.
void tiff_forget_codings(void);

// `max_memory` bounds each single allocation; 0 = none. The file must outlive what is returned.
TIFF *tiff_open_file(tiff_file *file, const char *mode, uint64_t max_memory);
