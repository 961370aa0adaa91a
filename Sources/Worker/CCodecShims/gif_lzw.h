// SPDX-License-Identifier: Apache-2.0
//
// GIF's LZW codes, several times faster than giflib reads them. Goes on only where nothing is odd: a frame whose codes are
// not what an encoder writes is giflib's, from its beginning. A code that is not defined is wrong for everybody but giflib,
// which makes up a string for it.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
    GIF_LZW_CODES = 4096,
    // Strings are written so many indices at a time, from the last ones on.
    GIF_LZW_CHUNK = 8,
    // Sub-blocks are taken together in pieces of this size.
    GIF_LZW_PACKED = 8192,
};

typedef struct {
    uint64_t tail;    // the last indices of the string: those after its last whole chunk
    uint16_t before;  // the string without them; of no meaning when it has no whole chunk
    uint16_t length;
    uint32_t first;   // its first index
} gif_lzw_string;

typedef struct {
    const uint8_t *bytes;        // of the file, from the next sub-block on
    const uint8_t *end;
    int is_last;                 // the block of no length has been seen
    int is_odd;                  // nothing comes after what is decoded
    int is_wrong;                // because the next code is not defined
    uint8_t packed[GIF_LZW_PACKED + 8];
    size_t packed_at, packed_count;
    uint64_t bits;
    int held;
    int code_size, width, next;  // of the next code, and the code that the next new string gets
    int previous;                // code, or -1
    uint8_t *indices;            // decoded, from `from` to `to` not handed out yet
    size_t room, from, to;
    gif_lzw_string strings[GIF_LZW_CODES];
} gif_lzw;

// Before a frame, whose first sub-block is at `bytes`. `*z` is zeros before the first of them, and `indices` is to be freed
// after the last. 0, or -1 where this is not for codes of such a size.
int gif_lzw_start(gif_lzw *z, const uint8_t *bytes, const uint8_t *end, int code_size);
// The next `count` indices, valid until the next call. NULL when something is odd or wrong, or without memory.
const uint8_t *gif_lzw_read(gif_lzw *z, size_t count);
