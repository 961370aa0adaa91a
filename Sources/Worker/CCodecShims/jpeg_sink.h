// SPDX-License-Identifier: Apache-2.0
//
// Where a JPEG encoder writes: memory that grows up to a limit. libjpeg's own jpeg_mem_dest has no limit, and loses or
// doubly frees its memory when an error ends the encoding.
#pragma once
#include <stddef.h>
#include <stdio.h>
#include <jpeglib.h>

#include "pixel_source.h"

typedef struct {
    struct jpeg_destination_mgr manager;
    uint8_t *bytes;
    size_t capacity, count, maximum;
} jpeg_sink;

// After jpeg_create_compress. More than `maximum` bytes end in CODEC_TOO_LARGE.
void jpeg_sink_attach(jpeg_sink *sink, struct jpeg_compress_struct *info, size_t maximum);
// After jpeg_finish_compress.
encoded_image jpeg_sink_take(jpeg_sink *sink);
void jpeg_sink_free(jpeg_sink *sink);
