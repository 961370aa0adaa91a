// SPDX-License-Identifier: Apache-2.0
#include "png_chunks.h"

#include <libdeflate.h>
#include <string.h>

#define TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

// Where the walk is: each part may only follow the one before it.
typedef enum { AT_HEADER, BEFORE_DATA, IN_DATA, AFTER_DATA } place;

static int read_header(const uint8_t *at, uint32_t length, png_skeleton *s) {
    if (length != 13) return 0;
    s->width = png_word(at);
    s->height = png_word(at + 4);
    s->depth = at[8];
    s->colour = at[9];
    s->is_interlaced = at[12];
    if (s->width == 0 || s->height == 0 || s->width > INT32_MAX || s->height > INT32_MAX) return 0;
    if (at[10] != 0 || at[11] != 0 || at[12] > 1) return 0;
    switch (s->colour) {
    case 0: return s->depth == 1 || s->depth == 2 || s->depth == 4 || s->depth == 8 || s->depth == 16;
    case 3: return s->depth == 1 || s->depth == 2 || s->depth == 4 || s->depth == 8;
    case 2:
    case 4:
    case 6: return s->depth == 8 || s->depth == 16;
    default: return 0;
    }
}

static int take(png_bytes *part, const uint8_t *at, uint32_t length) {
    if (part->bytes) return 0;
    *part = (png_bytes){at, length};
    return 1;
}

codec_status png_read_skeleton(const uint8_t *bytes, size_t count, png_skeleton *s) {
    static const uint8_t signature[PNG_SIGNATURE_SIZE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    memset(s, 0, sizeof *s);
    if (count < sizeof signature || memcmp(bytes, signature, sizeof signature)) return CODEC_CORRUPT;
    place at = AT_HEADER;
    size_t offset = sizeof signature;
    while (count - offset >= PNG_CHUNK_FRAME) {
        const uint8_t *chunk = bytes + offset, *content = chunk + 8;
        uint32_t length = png_word(chunk), type = png_word(chunk + 4);
        if (length > count - offset - PNG_CHUNK_FRAME) return CODEC_CORRUPT;
        if (libdeflate_crc32(0, chunk + 4, (size_t)length + 4) != png_word(content + length)) return CODEC_CORRUPT;
        if ((type == TYPE('I', 'H', 'D', 'R')) != (at == AT_HEADER)) return CODEC_CORRUPT;
        if (at == IN_DATA && type != TYPE('I', 'D', 'A', 'T')) at = AFTER_DATA;
        switch (type) {
        case TYPE('I', 'H', 'D', 'R'):
            if (!read_header(content, length, s)) return CODEC_CORRUPT;
            at = BEFORE_DATA;
            break;
        case TYPE('P', 'L', 'T', 'E'):
            if (at != BEFORE_DATA || length == 0 || length % 3 || length > 768) return CODEC_CORRUPT;
            if (!take(&s->palette, content, length)) return CODEC_CORRUPT;
            break;
        case TYPE('t', 'R', 'N', 'S'):
            if (at == BEFORE_DATA && length > 0 && !take(&s->transparency, content, length)) return CODEC_CORRUPT;
            break;
        case TYPE('i', 'C', 'C', 'P'):
            if (at == BEFORE_DATA && !s->profile.bytes) take(&s->profile, content, length);
            break;
        case TYPE('c', 'I', 'C', 'P'):
            if (at == BEFORE_DATA && !s->coding.bytes) take(&s->coding, content, length);
            break;
        case TYPE('I', 'D', 'A', 'T'):
            if (at == AFTER_DATA) return CODEC_CORRUPT;
            if (at == BEFORE_DATA) s->data = chunk;
            at = IN_DATA;
            s->data_chunks++;
            s->data_count += length;
            break;
        case TYPE('I', 'E', 'N', 'D'):
            if (!s->data || (s->colour == 3 && !s->palette.bytes)) return CODEC_CORRUPT;
            return CODEC_OK;
        default:
            // A small first letter means that a decoder need not know it.
            if (!(chunk[4] & 0x20)) return CODEC_CORRUPT;
        }
        offset += PNG_CHUNK_FRAME + length;
    }
    return CODEC_CORRUPT;
}
