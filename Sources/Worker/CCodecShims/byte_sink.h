// SPDX-License-Identifier: Apache-2.0
//
// Bytes of a result that grow up to a limit. The first failure sticks and later writes do nothing, so that an encoder
// needs to look once, at the end.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "pixel_source.h"

typedef struct {
    uint8_t *bytes;
    size_t count, capacity;
    size_t limit;
    codec_status status;
} byte_sink;

static inline byte_sink sink_make(size_t limit) { return (byte_sink){.limit = limit, .status = CODEC_OK}; }
// Room for `count` more bytes at the end, which count as written; NULL after a failure.
uint8_t *sink_extend(byte_sink *sink, size_t count);
void sink_put(byte_sink *sink, const void *bytes, size_t count);
void sink_put_byte(byte_sink *sink, unsigned value);
void sink_put_16(byte_sink *sink, unsigned value);  // little-endian, as the next
void sink_put_32(byte_sink *sink, uint32_t value);
// Hands the bytes out, or frees them and says what went wrong.
codec_status sink_finish(byte_sink *sink, encoded_image *out);
void sink_free(byte_sink *sink);
