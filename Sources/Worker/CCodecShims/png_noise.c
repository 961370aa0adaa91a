// SPDX-License-Identifier: Apache-2.0
#include <endian.h>
#include <libdeflate.h>
#include <string.h>

#include "huffman_code.h"
#include "png_deflate.h"

enum {
    PIECE = 8 << 10,      // bytes that are looked at together
    MOST = 65535,         // bytes of a block: what one that is stored can hold
    END = 256,            // the symbol after the last byte; those of lengths follow
    LONGEST_CODE = 14,    // so that four of them are written at once
    ORDERS = 19, LONGEST_ORDER = 7,
    SHORTEST_RUN = 8, LONGEST_RUN = 258, RUN_PARTS = MOST / SHORTEST_RUN,
    HEADER_BITS = 500,    // what a block costs, about, beside its symbols
    STORED = 6,           // bytes that one that is stored takes beside its own, at most
};

// A run repeats the byte before it.
typedef struct {
    uint16_t from, length;  // from the block's first byte on
} run;

typedef struct {
    size_t from, count;  // bytes of the data
    uint32_t symbols[HUFFMAN_MOST];
    uint64_t bits;       // without its header, about
    run runs[RUN_PARTS];
    int run_count;
} block;

typedef struct {
    uint8_t *at;
    uint64_t bits;
    int count;
} bit_writer;

// Up to 64 bits, those left from before included, which are fewer than eight after a flush.
static inline void put(bit_writer *w, uint64_t bits, int count) {
    w->bits |= bits << w->count;
    w->count += count;
}

// Writes eight bytes, of which some count.
static inline void flush(bit_writer *w) {
    uint64_t bytes = htole64(w->bits);
    memcpy(w->at, &bytes, sizeof bytes);
    w->at += w->count >> 3;
    w->bits >>= w->count & ~7;
    w->count &= 7;
}

static inline uint64_t word_at(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

// 256 times the logarithm to the base of two, to a hundredth; in whole numbers, so that every machine makes the same file.
static uint32_t log_of(uint32_t value) {
    int whole = 31 - __builtin_clz(value);
    uint32_t part = (uint32_t)(((uint64_t)value << 8 >> whole) - 256);
    return (uint32_t)whole * 256 + part + part * (256 - part) * 88 / 65536;
}

static inline int extra_bits(int length) {
    int over = length - 3;
    return over < 8 || length == LONGEST_RUN ? 0 : 29 - __builtin_clz((unsigned)over);
}

static inline int symbol_of(int length) {
    int over = length - 3, extra = extra_bits(length);
    return length == LONGEST_RUN ? 285 : over < 8 ? 257 + over : 261 + 4 * extra + (over >> extra & 3);
}

// Of as many symbols as these, with what lengths of runs take beside theirs.
static uint64_t bits_of(const uint32_t *symbols, int run_count) {
    uint32_t total = 0;
    uint64_t bits = 0;
    for (int i = 0; i < HUFFMAN_MOST; i++) total += symbols[i];
    uint32_t most = log_of(total);
    for (int i = 0; i < HUFFMAN_MOST; i++)
        if (symbols[i]) bits += (uint64_t)symbols[i] * (most - log_of(symbols[i]));
    return bits / 256 + 4 * (uint64_t)run_count;
}

static void count_bytes(block *b, const uint8_t *data, size_t from, size_t to) {
    // Two tables: a byte that comes twice in a row need not wait for its count to be stored.
    uint32_t other[256] = {0};
    for (; from + 2 <= to; from += 2) {
        b->symbols[data[from]]++;
        other[data[from + 1]]++;
    }
    if (from < to) b->symbols[data[from]]++;
    for (int i = 0; i < 256; i++) b->symbols[i] += other[i];
}

static void add_run(block *b, size_t from, size_t length) {
    while (length >= SHORTEST_RUN) {
        int part = length < LONGEST_RUN ? (int)length : LONGEST_RUN;
        b->runs[b->run_count++] = (run){(uint16_t)(from - b->from), (uint16_t)part};
        b->symbols[symbol_of(part)]++;
        from += (size_t)part;
        length -= (size_t)part;
    }
}

// Looked for at every eighth byte, which misses none of 15 bytes or more.
static void find_runs(block *b, const uint8_t *data, size_t from, size_t to) {
    size_t done = from;
    for (size_t at = from > 0 ? from : 1; at + 8 <= to;) {
        if (word_at(data + at) != word_at(data + at - 1)) {
            at += 8;
            continue;
        }
        size_t start = at, end = at + 8;
        while (start > done && start > 1 && data[start - 1] == data[start - 2]) start--;
        while (end < to && data[end] == data[end - 1]) end++;
        add_run(b, start, end - start);
        done = at = end;
    }
}

// Of the data from `from` on.
static void look(block *b, const uint8_t *data, size_t count, size_t from) {
    b->from = from;
    b->count = count - from < PIECE ? count - from : PIECE;
    b->run_count = 0;
    memset(b->symbols, 0, sizeof b->symbols);
    find_runs(b, data, from, from + b->count);
    size_t at = from;
    for (int i = 0; i < b->run_count; i++) {
        count_bytes(b, data, at, from + b->runs[i].from);
        at = from + b->runs[i].from + b->runs[i].length;
    }
    count_bytes(b, data, at, from + b->count);
    b->symbols[END]++;
    b->bits = bits_of(b->symbols, b->run_count);
}

// Makes one block of two that follow each other, unless they are better off apart.
static int join(block *b, const block *next) {
    if (b->count + next->count > MOST) return 0;
    uint32_t symbols[HUFFMAN_MOST];
    for (int i = 0; i < HUFFMAN_MOST; i++) symbols[i] = b->symbols[i] + next->symbols[i];
    symbols[END] = 1;
    uint64_t bits = bits_of(symbols, b->run_count + next->run_count);
    if (bits > b->bits + next->bits + HEADER_BITS) return 0;
    memcpy(b->symbols, symbols, sizeof symbols);
    b->bits = bits;
    for (int i = 0; i < next->run_count; i++) {
        run moved = next->runs[i];
        moved.from = (uint16_t)(moved.from + b->count);
        b->runs[b->run_count++] = moved;
    }
    b->count += next->count;
    return 1;
}

// How a block's codes are told: their lengths, in which what repeats is said so.
typedef struct {
    uint8_t lengths[HUFFMAN_MOST];
    uint16_t codes[HUFFMAN_MOST];
    int used;  // symbols of which the lengths are told
    uint8_t orders[HUFFMAN_MOST + 2], extras[HUFFMAN_MOST + 2];
    int order_count;
    uint8_t order_lengths[ORDERS];
    uint16_t order_codes[ORDERS];
    int orders_told;
} code_table;

static const uint8_t order_bits[ORDERS] = {[16] = 2, [17] = 3, [18] = 7};
static const uint8_t order_places[ORDERS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

static void make_orders(code_table *t) {
    // Two distances of one bit each: decoders want a code that is complete.
    uint8_t told[HUFFMAN_MOST + 2];
    int count = t->used + 2;
    memcpy(told, t->lengths, (size_t)t->used);
    told[t->used] = told[t->used + 1] = 1;
    t->order_count = 0;
    for (int i = 0; i < count;) {
        int length = told[i], same = 1;
        while (i + same < count && told[i + same] == length && same < 138) same++;
        int order = length, extra = 0;
        if (length == 0 && same >= 11) {
            order = 18;
            extra = same - 11;
        } else if (length == 0 && same >= 3) {
            order = 17;
            extra = same - 3;
        } else if (i > 0 && told[i - 1] == length && same >= 3) {
            order = 16;
            if (same > 6) same = 6;
            extra = same - 3;
        } else same = 1;
        t->orders[t->order_count] = (uint8_t)order;
        t->extras[t->order_count++] = (uint8_t)extra;
        i += same;
    }
}

// Returns what the block takes with it, in bits.
static size_t make_table(code_table *t, const block *b) {
    huffman_lengths(b->symbols, HUFFMAN_MOST, LONGEST_CODE, t->lengths);
    huffman_codes(t->lengths, HUFFMAN_MOST, t->codes);
    for (t->used = HUFFMAN_MOST; t->lengths[t->used - 1] == 0; t->used--) {}
    make_orders(t);
    uint32_t occurrences[ORDERS] = {0};
    for (int i = 0; i < t->order_count; i++) occurrences[t->orders[i]]++;
    huffman_lengths(occurrences, ORDERS, LONGEST_ORDER, t->order_lengths);
    huffman_codes(t->order_lengths, ORDERS, t->order_codes);
    for (t->orders_told = ORDERS; t->order_lengths[order_places[t->orders_told - 1]] == 0; t->orders_told--) {}
    size_t bits = 17 + 3 * (size_t)t->orders_told;
    for (int o = 0; o < ORDERS; o++) bits += occurrences[o] * (size_t)(t->order_lengths[o] + order_bits[o]);
    for (int i = 0; i < HUFFMAN_MOST; i++) bits += (size_t)b->symbols[i] * t->lengths[i];
    for (int i = 0; i < b->run_count; i++) bits += (size_t)extra_bits(b->runs[i].length) + 1;
    return bits;
}

static void put_table(bit_writer *w, const code_table *t, int is_last) {
    put(w, (uint64_t)is_last | 2 << 1 | (uint64_t)(t->used - 257) << 3 | 1 << 8, 13);
    put(w, (uint64_t)(t->orders_told - 4), 4);
    flush(w);
    for (int i = 0; i < t->orders_told; i++) {
        put(w, t->order_lengths[order_places[i]], 3);
        flush(w);
    }
    for (int i = 0; i < t->order_count; i++) {
        int order = t->orders[i];
        put(w, t->order_codes[order], t->order_lengths[order]);
        put(w, t->extras[i], order_bits[order]);
        flush(w);
    }
}

static void put_bytes(bit_writer *writer, const code_table *t, const uint8_t *at, const uint8_t *end) {
    bit_writer w = *writer;
    for (; at + 4 <= end; at += 4) {
        for (int i = 0; i < 4; i++) put(&w, t->codes[at[i]], t->lengths[at[i]]);
        flush(&w);
    }
    for (; at < end; at++) {
        put(&w, t->codes[*at], t->lengths[*at]);
        flush(&w);
    }
    *writer = w;
}

static void put_symbols(bit_writer *w, const code_table *t, const block *b, const uint8_t *data) {
    const uint8_t *at = data + b->from;
    for (int i = 0; i < b->run_count; i++) {
        const uint8_t *start = data + b->from + b->runs[i].from;
        put_bytes(w, t, at, start);
        int length = b->runs[i].length, symbol = symbol_of(length), extra = extra_bits(length);
        put(w, t->codes[symbol], t->lengths[symbol]);
        put(w, (uint64_t)(length - 3) & ((1u << extra) - 1), extra);
        // The first of the two distances is 1.
        put(w, 0, 1);
        flush(w);
        at = start + length;
    }
    put_bytes(w, t, at, data + b->from + b->count);
    put(w, t->codes[END], t->lengths[END]);
    flush(w);
}

static void store(bit_writer *w, const block *b, const uint8_t *data, int is_last) {
    put(w, (uint64_t)is_last, 3);
    w->count = (w->count + 7) & ~7;
    put(w, b->count | (uint64_t)(~b->count & 0xFFFF) << 16, 32);
    flush(w);
    memcpy(w->at, data + b->from, b->count);
    w->at += b->count;
}

// 0 when there is no room before `end`.
static int write_block(bit_writer *w, const block *b, const uint8_t *data, int is_last, const uint8_t *end) {
    code_table table;
    size_t bits = make_table(&table, b), stored = b->count + STORED;
    int is_stored = bits / 8 >= stored;
    // What a flush writes beyond what counts, and the checksum.
    size_t wanted = (is_stored ? stored : bits / 8 + 1) + 16;
    if ((size_t)(end - w->at) < wanted) return 0;
    if (is_stored) {
        store(w, b, data, is_last);
    } else {
        put_table(w, &table, is_last);
        put_symbols(w, &table, b, data);
    }
    return 1;
}

codec_status png_deflate_noise(
    const uint8_t *data, size_t count, uint64_t deadline, uint8_t *out, size_t room, size_t *deflated) {
    if (room < 16) return CODEC_TOO_LARGE;
    bit_writer w = {.at = out};
    // Deflate with a window of 32 KB, made in little time.
    put(&w, 0x0178, 16);
    flush(&w);
    block now, next;
    look(&now, data, count, 0);
    while (1) {
        size_t after = now.from + now.count;
        int is_last = after == count;
        if (!is_last) {
            look(&next, data, count, after);
            if (join(&now, &next)) continue;
        }
        if (!write_block(&w, &now, data, is_last, out + room)) return CODEC_TOO_LARGE;
        if (is_last) break;
        if (deadline && codec_now() > deadline) return CODEC_DEADLINE;
        now = next;
    }
    w.count = (w.count + 7) & ~7;
    put(&w, htobe32(libdeflate_adler32(1, data, count)), 32);
    flush(&w);
    *deflated = (size_t)(w.at - out);
    return CODEC_OK;
}

size_t png_size_as_noise(const uint8_t *data, size_t count) {
    block now, next;
    size_t bits = 0;
    look(&now, data, count, 0);
    while (1) {
        size_t after = now.from + now.count;
        if (after < count) {
            look(&next, data, count, after);
            if (join(&now, &next)) continue;
        }
        code_table table;
        size_t own = make_table(&table, &now), stored = 8 * (now.count + STORED);
        bits += own < stored ? own : stored;
        if (after == count) return bits / 8 + 7;
        now = next;
    }
}
