// SPDX-License-Identifier: Apache-2.0
#include "gif_writer.h"

#include <string.h>

int gif_bits_for(int colours) {
    int bits = 1;
    while (1 << bits < colours) bits++;
    return bits;
}

static void put_table(byte_sink *sink, const colour_table *table, int bits) {
    uint8_t *room = sink_extend(sink, (size_t)3 << bits);
    if (!room) return;
    size_t count = 3 * (size_t)table->count;
    memcpy(room, table->colours, count);
    memset(room + count, 0, ((size_t)3 << bits) - count);
}

void gif_put_header(byte_sink *sink, int width, int height, const colour_table *table, int bits) {
    sink_put(sink, "GIF89a", 6);
    sink_put_16(sink, (unsigned)width);
    sink_put_16(sink, (unsigned)height);
    sink_put_byte(sink, table ? 0xF0u | (unsigned)(bits - 1) : 0x70u);
    sink_put_16(sink, 0);
    if (table) put_table(sink, table, bits);
}

void gif_put_plays(byte_sink *sink, int plays) {
    if (plays == 1) return;
    sink_put(sink, "\x21\xFF\x0BNETSCAPE2.0\x03\x01", 16);
    int repetitions = plays == 0 ? 0 : plays - 1 > 0xFFFF ? 0xFFFF : plays - 1;
    sink_put_16(sink, (unsigned)repetitions);
    sink_put_byte(sink, 0);
}

// MARK: LZW

enum { BLOCK = 255, MAX_CODE = 4095, TABLE_BITS = 13, TABLE_SIZE = 1 << TABLE_BITS };

static const uint32_t EMPTY = UINT32_MAX;

typedef struct {
    byte_sink *sink;
    uint64_t bits;
    int held;  // bits that are not written yet
    uint8_t block[BLOCK + 8];  // written eight bytes at a time
    int count;
    int width;  // of the next code
    int next;   // the code that the next new string gets
    uint32_t table[TABLE_SIZE];  // a string's code and last index above, its own code in the low twelve bits
} lzw;

static void flush_block(lzw *z, int count) {
    if (count == 0) return;
    sink_put_byte(z->sink, (unsigned)count);
    sink_put(z->sink, z->block, (size_t)count);
}

static void put_code(lzw *z, int code) {
    z->bits |= (uint64_t)code << z->held;
    z->held += z->width;
    // All of it, whole bytes or not: what is no whole one yet is written over. In the order of every machine that matters.
    memcpy(z->block + z->count, &z->bits, sizeof z->bits);
    int whole = z->held / 8;
    z->count += whole;
    z->bits >>= 8 * whole;
    z->held -= 8 * whole;
    if (z->count >= BLOCK) {
        flush_block(z, BLOCK);
        z->count -= BLOCK;
        memcpy(z->block, z->block + BLOCK, sizeof z->block - BLOCK);
    }
    // What is defined next may need a bit more.
    if (z->next >= 1 << z->width && z->next <= MAX_CODE) z->width++;
}

static void start_over(lzw *z, int bits) {
    memset(z->table, 0xFF, sizeof z->table);
    z->width = bits + 1;
    z->next = (1 << bits) + 2;
}

// Finds the string of a prefix and one more index, or the place where it belongs.
static uint32_t *find(lzw *z, uint32_t key) {
    uint32_t at = (key * 2654435761u) >> (32 - TABLE_BITS);
    while (z->table[at] != EMPTY && z->table[at] >> 12 != key) at = (at + 1) & (TABLE_SIZE - 1);
    return &z->table[at];
}

static void compress(byte_sink *sink, const gif_frame *frame, int bits) {
    // Codes start with more than one bit.
    if (bits < 2) bits = 2;
    int clear = 1 << bits;
    lzw z;
    z.sink = sink;
    z.bits = 0;
    z.held = z.count = 0;
    start_over(&z, bits);
    sink_put_byte(sink, (unsigned)bits);
    put_code(&z, clear);
    int prefix = frame->indices[0];
    for (int y = 0; y < frame->area.height && sink->status == CODEC_OK; y++) {
        const uint8_t *row = frame->indices + frame->stride * (size_t)y;
        for (int x = y == 0; x < frame->area.width; x++) {
            uint32_t key = (uint32_t)prefix << 8 | row[x], *entry = find(&z, key);
            if (*entry != EMPTY) {
                prefix = (int)(*entry & MAX_CODE);
                continue;
            }
            put_code(&z, prefix);
            prefix = row[x];
            if (z.next >= MAX_CODE) {
                put_code(&z, clear);
                start_over(&z, bits);
            } else {
                *entry = key << 12 | (uint32_t)z.next++;
            }
        }
    }
    put_code(&z, prefix);
    put_code(&z, clear + 1);
    flush_block(&z, z.count + (z.held > 0));
    sink_put_byte(sink, 0);
}

void gif_put_frame(byte_sink *sink, const gif_frame *frame, int bits) {
    sink_put(sink, "\x21\xF9\x04", 3);
    sink_put_byte(sink, (unsigned)frame->disposal << 2 | (frame->transparent >= 0));
    sink_put_16(sink, frame->delay > 0xFFFF ? 0xFFFF : frame->delay);
    sink_put_byte(sink, frame->transparent >= 0 ? (unsigned)frame->transparent : 0);
    sink_put_byte(sink, 0);
    sink_put_byte(sink, 0x2C);
    sink_put_16(sink, (unsigned)frame->area.x);
    sink_put_16(sink, (unsigned)frame->area.y);
    sink_put_16(sink, (unsigned)frame->area.width);
    sink_put_16(sink, (unsigned)frame->area.height);
    sink_put_byte(sink, frame->uses_global_table ? 0 : 0x80u | (unsigned)(bits - 1));
    if (!frame->uses_global_table) put_table(sink, frame->table, bits);
    compress(sink, frame, bits);
}

void gif_put_end(byte_sink *sink) { sink_put_byte(sink, 0x3B); }
