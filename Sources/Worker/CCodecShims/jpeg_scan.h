// SPDX-License-Identifier: Apache-2.0
//
// One scan of a progressive file, with its restart markers.
#pragma once
#include <stdio.h>
#include <jpeglib.h>

#include "jpeg_codes.h"

typedef struct {
    jpeg_bits bits;
    unsigned before_restart;  // MCUs
    int marker;               // the next one, 0...7
    int sums[MAX_COMPS_IN_SCAN];
    jpeg_codes codes[MAX_COMPS_IN_SCAN];  // by component of the scan
} jpeg_scan;

// One block of each MCU, on its way along a row of MCUs.
typedef struct {
    int component;  // in the scan
    int x, y;       // in the MCU
    int columns, rows;  // blocks that an MCU has of this component
    JCOEF *at;
    size_t step;  // coefficients from one MCU to the next
} jpeg_walk;

// Leaves through libjpeg's error handler.
void jpeg_scan_fail(struct jpeg_decompress_struct *info, int code) __attribute__((noreturn));

// Calls the progress monitor, which looks at the time and at the number of scans.
void jpeg_scan_monitor(struct jpeg_decompress_struct *info);

// From where the source is, after the scan's header; and to where the scan's data has ended.
void jpeg_scan_begin(jpeg_scan *, struct jpeg_decompress_struct *info);
void jpeg_scan_end(const jpeg_scan *, struct jpeg_decompress_struct *info);

// To the marker after the scan, without a look at its data.
void jpeg_scan_skip(struct jpeg_decompress_struct *info);

// The Huffman tables that the scan has use for.
void jpeg_scan_make_codes(jpeg_scan *, struct jpeg_decompress_struct *info);

// The blocks of an MCU. Says how many.
int jpeg_scan_walks(struct jpeg_decompress_struct *info, jpeg_walk walks[D_MAX_BLOCKS_IN_MCU]);
JDIMENSION jpeg_scan_columns(const struct jpeg_decompress_struct *info);

// The DC coefficients of one row of MCUs.
void jpeg_scan_read_dc(jpeg_scan *, struct jpeg_decompress_struct *info, jpeg_walk *walks, int blocks);

// Out of line, for jpeg_scan_restarts.
void jpeg_scan_restart(jpeg_scan *, struct jpeg_decompress_struct *info);

// Before each MCU: whether a new restart interval begins with it.
static inline int jpeg_scan_restarts(jpeg_scan *scan, struct jpeg_decompress_struct *info) {
    if (!info->restart_interval || scan->before_restart--) return 0;
    jpeg_scan_restart(scan, info);
    return 1;
}
