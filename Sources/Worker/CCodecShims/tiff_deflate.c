// SPDX-License-Identifier: Apache-2.0
#include "tiff_deflate.h"

#include <libdeflate.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct tiff_deflate {
    struct libdeflate_decompressor *whole;
    z_stream stream;
    int is_open;        // the stream is
    int is_over;        // its end has been read, and its checksum was right
    size_t waiting;     // bytes that the stream has not been given, as it counts in 32 bits
    uint64_t spare;
};

tiff_deflate *tiff_deflate_open(uint64_t spare) {
    tiff_deflate *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->spare = spare;
    s->whole = libdeflate_alloc_decompressor();
    if (s->whole) return s;
    free(s);
    return NULL;
}

void tiff_deflate_close(tiff_deflate *s) {
    if (!s) return;
    libdeflate_free_decompressor(s->whole);
    if (s->is_open) inflateEnd(&s->stream);
    free(s);
}

int tiff_deflate_begin(tiff_deflate *s, const uint8_t *data, size_t count) {
    s->stream.next_in = (Bytef *)data;  // zlib does not write to it
    s->stream.avail_in = 0;
    s->waiting = count;
    s->is_over = 0;
    if (s->is_open) return inflateReset(&s->stream) == Z_OK;
    s->is_open = inflateInit(&s->stream) == Z_OK;
    return s->is_open;
}

// Up to `size` bytes, less only where the data ends; 0 when it is damaged.
static int fill(tiff_deflate *s, uint8_t *out, size_t size, size_t *filled) {
    z_stream *stream = &s->stream;
    *filled = 0;
    while (*filled < size && !s->is_over) {
        if (stream->avail_in == 0) {
            stream->avail_in = s->waiting < UINT_MAX ? (uInt)s->waiting : UINT_MAX;
            s->waiting -= stream->avail_in;
        }
        uInt room = size - *filled < UINT_MAX ? (uInt)(size - *filled) : UINT_MAX;
        stream->next_out = out + *filled;
        stream->avail_out = room;
        int code = inflate(stream, Z_NO_FLUSH);
        *filled += room - stream->avail_out;
        s->is_over = code == Z_STREAM_END;
        // Without progress there is no more data.
        if (code != Z_OK && !s->is_over) return 0;
    }
    return 1;
}

int tiff_deflate_next(tiff_deflate *s, uint8_t *out, size_t size) {
    size_t filled;
    return fill(s, out, size, &filled) && filled == size;
}

int tiff_deflate_end(tiff_deflate *s) {
    uint8_t surplus[16 << 10];
    while (!s->is_over) {
        size_t filled;
        if (!fill(s, surplus, sizeof surplus, &filled) || filled > s->spare) return 0;
        s->spare -= filled;
    }
    return 1;
}

int tiff_deflate_all(tiff_deflate *s, const uint8_t *data, size_t count, uint8_t *out, size_t size) {
    enum libdeflate_result result = libdeflate_zlib_decompress(s->whole, data, count, out, size, NULL);
    // There is more than that, whose end it does not look for.
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
        return tiff_deflate_begin(s, data, count) && tiff_deflate_next(s, out, size) && tiff_deflate_end(s);
    return result == LIBDEFLATE_SUCCESS;
}
