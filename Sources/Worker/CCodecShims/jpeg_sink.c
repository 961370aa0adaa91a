// SPDX-License-Identifier: Apache-2.0
#include "jpeg_sink.h"

#include <stdlib.h>
#include <jerror.h>

enum { FIRST_SIZE = 32 << 10 };

static jpeg_sink *sink_of(j_compress_ptr info) { return (jpeg_sink *)info->dest; }

static void start(j_compress_ptr info) {
    jpeg_sink *sink = sink_of(info);
    sink->bytes = malloc(FIRST_SIZE);
    if (!sink->bytes) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
    sink->capacity = FIRST_SIZE;
    sink->manager.next_output_byte = sink->bytes;
    sink->manager.free_in_buffer = FIRST_SIZE;
}

static boolean grow(j_compress_ptr info) {
    jpeg_sink *sink = sink_of(info);
    size_t filled = sink->capacity;
    if (filled >= sink->maximum) ERREXIT(info, JERR_FILE_WRITE);
    uint8_t *larger = realloc(sink->bytes, 2 * filled);
    if (!larger) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
    sink->bytes = larger;
    sink->capacity = 2 * filled;
    sink->manager.next_output_byte = larger + filled;
    sink->manager.free_in_buffer = filled;
    return TRUE;
}

static void end(j_compress_ptr info) {
    jpeg_sink *sink = sink_of(info);
    sink->count = sink->capacity - sink->manager.free_in_buffer;
    if (sink->count > sink->maximum) ERREXIT(info, JERR_FILE_WRITE);
}

void jpeg_sink_attach(jpeg_sink *sink, struct jpeg_compress_struct *info, size_t maximum) {
    *sink = (jpeg_sink){
        .manager = {.init_destination = start, .empty_output_buffer = grow, .term_destination = end},
        .maximum = maximum,
    };
    info->dest = &sink->manager;
}

encoded_image jpeg_sink_take(jpeg_sink *sink) {
    encoded_image image = {.bytes = sink->bytes, .count = sink->count};
    sink->bytes = NULL;
    return image;
}

void jpeg_sink_free(jpeg_sink *sink) { free(sink->bytes); }
