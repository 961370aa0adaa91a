// SPDX-License-Identifier: Apache-2.0
#include "gif_lzw.h"

#include <stdlib.h>
#include <string.h>

// So many indices are decoded at a time, and what is not asked for yet is moved to the front. So a long string costs short
// rows no more than long ones.
enum { BATCH = 1 << 15, LONGEST = GIF_LZW_CODES + GIF_LZW_CHUNK };

int gif_lzw_start(gif_lzw *z, const uint8_t *bytes, const uint8_t *end, int code_size) {
    // Of codes for one bit: readers differ on when they become longer.
    if (code_size < 2 || code_size > 8) return -1;
    z->bytes = bytes;
    z->end = end;
    z->is_last = z->is_odd = z->is_wrong = 0;
    z->packed_at = z->packed_count = 0;
    z->bits = 0;
    z->held = 0;
    z->code_size = code_size;
    z->width = code_size + 1;
    z->next = (1 << code_size) + 2;
    z->previous = -1;
    z->from = z->to = 0;
    for (unsigned i = 0; i < 1u << code_size; i++)
        z->strings[i] = (gif_lzw_string){.tail = i, .length = 1, .first = i};
    return 0;
}

// Takes sub-blocks as long as there is room for any.
static void pack(gif_lzw *z) {
    memmove(z->packed, z->packed + z->packed_at, z->packed_count - z->packed_at);
    z->packed_count -= z->packed_at;
    z->packed_at = 0;
    while (!z->is_last && GIF_LZW_PACKED - z->packed_count >= 255) {
        size_t length = z->bytes < z->end ? *z->bytes : 0;
        if (length == 0 || length > (size_t)(z->end - z->bytes) - 1) {
            z->is_last = 1;
            break;
        }
        memcpy(z->packed + z->packed_count, z->bytes + 1, length);
        z->packed_count += length;
        z->bytes += 1 + length;
    }
}

// At least 56 bits, as far as there are so many. In the order of bytes of every machine that matters.
static inline void refill(gif_lzw *z) {
    if (z->packed_count - z->packed_at < 8) pack(z);
    size_t left = z->packed_count - z->packed_at;
    if (left >= 8) {
        uint64_t word;
        memcpy(&word, z->packed + z->packed_at, 8);
        z->bits |= word << z->held;
        size_t taken = (size_t)(63 - z->held) / 8;
        z->packed_at += taken;
        z->held += (int)(8 * taken);
        return;
    }
    for (; left > 0 && z->held <= 56; left--, z->held += 8) z->bits |= (uint64_t)z->packed[z->packed_at++] << z->held;
}

// Appends the string of a code, of which there must be one.
static inline void put(const gif_lzw_string *strings, const gif_lzw_string *string, uint8_t *out) {
    size_t at = (size_t)(string->length - 1) / GIF_LZW_CHUNK * GIF_LZW_CHUNK;
    memcpy(out + at, &string->tail, GIF_LZW_CHUNK);
    while (at > 0) {
        at -= GIF_LZW_CHUNK;
        string = &strings[string->before];
        memcpy(out + at, &string->tail, GIF_LZW_CHUNK);
    }
}

static int is_undefined(gif_lzw *z) {
    z->is_wrong = 1;
    return 0;
}

// Until there are `enough`; 0 when something is odd.
static int decode(gif_lzw *z, size_t enough) {
    const int clear = 1 << z->code_size;
    while (z->to < enough) {
        if (z->held < z->width) {
            refill(z);
            if (z->held < z->width) return 0;
        }
        int code = (int)(z->bits & ((1u << z->width) - 1));
        z->bits >>= z->width;
        z->held -= z->width;
        if (code == clear) {
            z->width = z->code_size + 1;
            z->next = clear + 2;
            z->previous = -1;
            continue;
        }
        if (code == clear + 1) return 0;
        if (z->previous < 0) {
            if (code > clear) return is_undefined(z);
        } else if (z->next < GIF_LZW_CODES) {
            if (code > z->next) return is_undefined(z);
            // The string of the code before and one index more: the first of this one, which may be that very string.
            const gif_lzw_string *previous = &z->strings[z->previous];
            gif_lzw_string *made = &z->strings[z->next];
            uint32_t index = code == z->next ? previous->first : z->strings[code].first;
            unsigned rest = previous->length % GIF_LZW_CHUNK;
            made->tail = rest ? previous->tail | (uint64_t)index << (8 * rest) : index;
            made->before = rest ? previous->before : (uint16_t)z->previous;
            made->length = (uint16_t)(previous->length + 1);
            made->first = previous->first;
            z->next++;
            if (z->next == 1 << z->width && z->next < GIF_LZW_CODES) z->width++;
        }
        const gif_lzw_string *string = &z->strings[code];
        put(z->strings, string, z->indices + z->to);
        z->to += string->length;
        z->previous = code;
    }
    return 1;
}

const uint8_t *gif_lzw_read(gif_lzw *z, size_t count) {
    if (z->to - z->from < count) {
        size_t needed = (count > BATCH ? count : BATCH) + LONGEST;
        if (z->from > 0) memmove(z->indices, z->indices + z->from, z->to - z->from);
        z->to -= z->from;
        z->from = 0;
        if (needed > z->room) {
            uint8_t *more = realloc(z->indices, needed);
            if (!more) return NULL;
            z->indices = more;
            z->room = needed;
        }
        // As far as it goes, which may be far enough.
        if (!z->is_odd) z->is_odd = !decode(z, count > BATCH ? count : BATCH);
        if (z->to < count) return NULL;
    }
    const uint8_t *indices = z->indices + z->from;
    z->from += count;
    return indices;
}
