// SPDX-License-Identifier: Apache-2.0
//
// What every use of libjpeg here has in common: errors become a status through one longjmp that stays inside C, warnings
// that mean lost data are errors, and nothing goes on for ever.
#pragma once
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <jpeglib.h>

#include "codec_status.h"
#include "jpeg_coding.h"

enum {
    // Progressive files have about ten scans; hundreds are an attack on the CPU.
    JPEG_MAX_SCANS = 100,
    JPEG_MAX_WARNINGS = 500,
    // What arithmetic coding may take: see `max_work`.
    JPEG_MAX_WORK = 400 << 20,
};

typedef struct {
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    struct jpeg_source_mgr source;
    jmp_buf escape;
    codec_status status;
    uint64_t deadline;  // 0 = none
    int ran_dry;        // the file ended before its end marker
    // What arithmetic coding takes and may take, in coefficients, of about 4 ns each.
    uint64_t work, max_work;
    int counted_scans;
} jpeg_guard;

struct jpeg_error_mgr *jpeg_guard_init(jpeg_guard *guard, uint64_t deadline);
// After jpeg_create_decompress.
void jpeg_guard_source(jpeg_guard *guard, struct jpeg_decompress_struct *info, const uint8_t *bytes, size_t count);
// After jpeg_set_defaults, or the source's own parameters.
void jpeg_set_coding(struct jpeg_compress_struct *out, jpeg_coding coding);
// Whether the decoded picture is all there: call it after the last row.
int jpeg_guard_is_whole(const jpeg_guard *guard, const struct jpeg_decompress_struct *info);
