// SPDX-License-Identifier: Apache-2.0
#include "avif_reader.h"

#include <string.h>

// Kinds of units.
enum { SEQUENCE = 1, FRAME_HEADER = 3, FRAME = 6, REDUNDANT_FRAME_HEADER = 7 };

typedef struct {
    const uint8_t *data;
    size_t count, bit;
} bits;

// Beyond the end there are zeros.
static uint32_t take(bits *b, int count) {
    uint32_t value = 0;
    for (; count > 0; count--, b->bit++) {
        size_t byte = b->bit / 8;
        value = value << 1 | (byte < b->count ? b->data[byte] >> (7 - b->bit % 8) & 1 : 0);
    }
    return value;
}

static void skip_timing(bits *b, int *has_model, int *delay_bits) {
    take(b, 32);
    take(b, 32);
    // Equal intervals, and how long they are: as many bits as there were zeros before the first one.
    int zeros = 0;
    if (take(b, 1))
        for (; zeros < 32 && !take(b, 1);) zeros++;
    if (zeros < 32) take(b, zeros);
    *has_model = (int)take(b, 1);
    if (!*has_model) return;
    *delay_bits = (int)take(b, 5) + 1;
    take(b, 32);
    take(b, 10);
}

// The largest that frames may be by a sequence's header: of a still with a short header what it says, else what the bits
// for a frame's own size can tell, as decoders do not hold the two against each other.
static uint64_t area_of(const uint8_t *data, size_t count) {
    bits b = {data, count, 0};
    take(&b, 4);  // profile, still picture
    int is_short = (int)take(&b, 1);
    if (is_short) {
        take(&b, 5);
    } else {
        int has_model = 0, delay_bits = 0;
        if (take(&b, 1)) skip_timing(&b, &has_model, &delay_bits);
        int has_delays = (int)take(&b, 1);
        for (int points = (int)take(&b, 5) + 1; points > 0; points--) {
            take(&b, 12);
            if (take(&b, 5) > 7) take(&b, 1);
            if (has_model && take(&b, 1)) {
                take(&b, delay_bits);
                take(&b, delay_bits);
                take(&b, 1);
            }
            if (has_delays && take(&b, 1)) take(&b, 4);
        }
    }
    int across = (int)take(&b, 4) + 1, down = (int)take(&b, 4) + 1;
    if (!is_short) return UINT64_C(1) << (across + down);
    uint64_t width = (uint64_t)take(&b, across) + 1;
    return width * ((uint64_t)take(&b, down) + 1);
}

// What there is in a piece of AV1 data.
typedef struct {
    uint64_t frames;
    uint64_t area;  // the largest that any of them may be, in pixels; 0 when that is not told
    int is_cut;     // a unit does not end in it
} av1_piece;

// As decoders do it: they look at no bit that has to be zero.
static av1_piece look_at(const uint8_t *data, size_t count) {
    av1_piece piece = {0};
    size_t at = 0;
    while (at < count) {
        uint8_t head = data[at++];
        if (head & 4) at++;
        uint64_t length = 0;
        int goes_on = head & 2;
        for (int shift = 0; goes_on && shift < 56 && at < count; shift += 7) {
            length |= (uint64_t)(data[at] & 127) << shift;
            goes_on = data[at++] & 128;
        }
        piece.is_cut = goes_on || at > count || ((head & 2) && length > count - at);
        if (goes_on || at > count) return piece;
        // Without a length it is the last one.
        size_t here = !(head & 2) || piece.is_cut ? count - at : (size_t)length;
        int kind = head >> 3 & 15;
        if (kind == SEQUENCE) {
            uint64_t area = area_of(data + at, here);
            if (area > piece.area) piece.area = area;
        }
        piece.frames += kind == FRAME_HEADER || kind == FRAME || kind == REDUNDANT_FRAME_HEADER;
        at += here;
    }
    return piece;
}

static avifResult read_part(avifIO *io, uint32_t flags, uint64_t offset, size_t size, avifROData *out) {
    avif_reader *r = io->data;
    if (flags != 0 || offset > io->sizeHint) return AVIF_RESULT_IO_ERROR;
    if (size > io->sizeHint - offset) size = (size_t)(io->sizeHint - offset);
    *out = (avifROData){r->bytes + offset, size};
    av1_piece piece = look_at(out->data, size);
    if (!r->is_decoding) {
        if (piece.frames > r->parsed) r->parsed = piece.frames;
        return AVIF_RESULT_OK;
    }
    // Who wants to hide frames cuts their heads in two.
    if (piece.is_cut) return AVIF_RESULT_TRUNCATED_DATA;
    uint64_t area = piece.area > 0 && piece.area < r->picture ? piece.area : r->picture;
    r->work += r->pixel * area * piece.frames + r->byte * size;
    r->is_over = r->work > r->most;
    return r->is_over ? AVIF_RESULT_IO_ERROR : AVIF_RESULT_OK;
}

void avif_reader_init(avif_reader *reader, const uint8_t *bytes, size_t count) {
    *reader = (avif_reader){
        .io = {.read = read_part, .sizeHint = count, .persistent = AVIF_TRUE, .data = reader},
        .bytes = bytes,
    };
}

int avif_reader_begin(avif_reader *reader, uint64_t picture, uint64_t pixel, uint64_t byte, uint64_t most) {
    reader->is_decoding = 1;
    reader->picture = picture;
    reader->pixel = pixel;
    reader->byte = byte;
    reader->most = most;
    // Data that parsing has had as a whole does not come again; the beginning of an only frame does.
    if (reader->parsed > 1) reader->work = reader->parsed * picture * pixel;
    return reader->work <= most;
}

static uint32_t word(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int avif_has_inner_data(const uint8_t *bytes, size_t count) {
    // What describes the grid of a picture and that of its alpha takes 8 or 12 bytes each.
    enum { HEAD = 8, GRIDS = 256 };
    for (size_t at = 0; count - at >= HEAD;) {
        uint64_t size = word(bytes + at), left = count - at;
        if (size == 1 && left >= 16) size = (uint64_t)word(bytes + at + 8) << 32 | word(bytes + at + 12);
        if (size < HEAD || size > left) size = left;
        const uint8_t *box = bytes + at, *end = box + size, *found = box + HEAD;
        if (!memcmp(box + 4, "meta", 4))
            for (; (found = memmem(found, (size_t)(end - found), "idat", 4)); found += 4)
                if (word(found - 4) > HEAD + GRIDS || word(found - 4) < HEAD) return 1;
        at += size;
    }
    return 0;
}
