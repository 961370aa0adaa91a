// SPDX-License-Identifier: Apache-2.0
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "png_deflate.h"
#include "png_private.h"
#include "png_rgba.h"

enum { HEADER_CHUNK = 13, FRONT = PNG_SIGNATURE_SIZE + PNG_CHUNK_FRAME + HEADER_CHUNK + 8, BACK = 4 + PNG_CHUNK_FRAME };

static void put(uint8_t *at, uint32_t word) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(word >> (24 - 8 * i));
}

// Length, type and checksum around a content that is already in its place, 8 bytes after `at`.
static uint8_t *frame(uint8_t *at, const char *type, size_t length) {
    put(at, (uint32_t)length);
    memcpy(at + 4, type, 4);
    put(at + 8 + length, libdeflate_crc32(0, at + 4, length + 4));
    return at + PNG_CHUNK_FRAME + length;
}

static int is_opaque(const pixel_view *view) {
    for (int y = 0; y < view->height; y++) {
        const uint8_t *row = view->pixels + (size_t)y * view->stride;
        uint8_t all = 255;
        for (int x = 0; x < view->width; x++) all &= row[4 * x + 3];
        if (all != 255) return 0;
    }
    return 1;
}

static void drop_alpha(const uint8_t *in, int width, uint8_t *out) {
    for (int x = 0; x < width; x++, in += 4, out += 3) memcpy(out, in, 3);
}

// All rows, filtered; NULL without memory or time.
static uint8_t *filtered(const pixel_view *view, int channels, uint64_t deadline, codec_status *status) {
    size_t stride = (size_t)view->width * (size_t)channels;
    // Two rows with room for the pixel before the first; they swap roles.
    uint8_t *rows = calloc(2, stride + 4), *out = malloc((size_t)view->height * (stride + 1));
    *status = rows && out ? CODEC_OK : CODEC_NO_MEMORY;
    for (int y = 0; *status == CODEC_OK && y < view->height; y++) {
        uint8_t *row = rows + 4 + (size_t)(y & 1) * (stride + 4), *above = rows + 4 + (size_t)(~y & 1) * (stride + 4);
        const uint8_t *in = view->pixels + (size_t)y * view->stride;
        if (channels == view->channels) memcpy(row, in, stride);
        else drop_alpha(in, view->width, row);
        png_filter(row, above, stride, channels, out + (size_t)y * (stride + 1));
        if (y % 64 == 0 && deadline && codec_now() > deadline) *status = CODEC_DEADLINE;
    }
    free(rows);
    if (*status == CODEC_OK) return out;
    free(out);
    return NULL;
}

codec_status png_rgba_encode(
    const pixel_view *view, int level, size_t max_bytes, uint64_t deadline, encoded_image *image) {
    *image = (encoded_image){0};
    int channels = view->channels == 4 && is_opaque(view) ? 3 : view->channels;
    codec_status status;
    uint8_t *rows = filtered(view, channels, deadline, &status);
    if (!rows) return status;
    size_t size = (size_t)view->height * ((size_t)view->width * (size_t)channels + 1);
    size_t room = png_deflate_room(size);
    if (room > max_bytes) room = max_bytes;
    // A chunk's length has 31 bits.
    if (room > INT32_MAX) room = INT32_MAX;
    uint8_t *bytes = malloc(FRONT + room + BACK);
    size_t deflated = 0;
    status = bytes ? png_deflate(rows, size, level, deadline, bytes + FRONT, room, &deflated) : CODEC_NO_MEMORY;
    free(rows);
    if (status == CODEC_OK && FRONT + deflated + BACK > max_bytes) status = CODEC_TOO_LARGE;
    if (status != CODEC_OK) {
        free(bytes);
        return status;
    }

    static const uint8_t signature[PNG_SIGNATURE_SIZE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    memcpy(bytes, signature, sizeof signature);
    uint8_t *at = bytes + sizeof signature, *header = at + 8;
    memset(header, 0, HEADER_CHUNK);
    put(header, (uint32_t)view->width);
    put(header + 4, (uint32_t)view->height);
    header[8] = 8;
    header[9] = channels == 1 ? 0 : channels == 3 ? 2 : 6;
    at = frame(at, "IHDR", HEADER_CHUNK);
    at = frame(at, "IDAT", deflated);
    at = frame(at, "IEND", 0);
    uint8_t *exact = realloc(bytes, (size_t)(at - bytes));
    *image = (encoded_image){.bytes = exact ? exact : bytes, .count = (size_t)(at - bytes)};
    return CODEC_OK;
}
