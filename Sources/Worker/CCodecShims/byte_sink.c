// SPDX-License-Identifier: Apache-2.0
#include "byte_sink.h"

#include <stdlib.h>
#include <string.h>

uint8_t *sink_extend(byte_sink *sink, size_t count) {
    if (sink->status != CODEC_OK) return NULL;
    if (count > sink->limit || sink->count > sink->limit - count) {
        sink->status = CODEC_TOO_LARGE;
        return NULL;
    }
    size_t needed = sink->count + count;
    if (needed > sink->capacity) {
        // At least doubled, so that the copies cost no more than the bytes themselves.
        size_t capacity = sink->capacity < 4096 ? 4096 : sink->capacity;
        while (capacity < needed) capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
        uint8_t *bytes = realloc(sink->bytes, capacity);
        if (!bytes) {
            sink->status = CODEC_NO_MEMORY;
            return NULL;
        }
        sink->bytes = bytes;
        sink->capacity = capacity;
    }
    uint8_t *room = sink->bytes + sink->count;
    sink->count = needed;
    return room;
}

void sink_put(byte_sink *sink, const void *bytes, size_t count) {
    uint8_t *room = count ? sink_extend(sink, count) : NULL;
    if (room) memcpy(room, bytes, count);
}

void sink_put_byte(byte_sink *sink, unsigned value) {
    uint8_t byte = (uint8_t)value;
    sink_put(sink, &byte, 1);
}

void sink_put_16(byte_sink *sink, unsigned value) {
    uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    sink_put(sink, bytes, sizeof bytes);
}

void sink_put_32(byte_sink *sink, uint32_t value) {
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    sink_put(sink, bytes, sizeof bytes);
}

codec_status sink_finish(byte_sink *sink, encoded_image *out) {
    codec_status status = sink->status;
    if (status == CODEC_OK) {
        *out = (encoded_image){.bytes = sink->bytes, .count = sink->count};
    } else {
        free(sink->bytes);
    }
    *sink = (byte_sink){0};
    return status;
}

void sink_free(byte_sink *sink) {
    free(sink->bytes);
    *sink = (byte_sink){0};
}
