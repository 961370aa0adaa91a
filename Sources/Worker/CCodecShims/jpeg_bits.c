// SPDX-License-Identifier: Apache-2.0
#include "jpeg_bits.h"

// As many bytes as fit, up to the first marker or the end of the file.
static void unstuff(jpeg_bits *bits) {
    uint8_t *to = bits->window + bits->count;
    const uint8_t *limit = bits->window + JPEG_WINDOW;
    while (to < limit && !bits->is_complete) {
        size_t count = (size_t)(bits->end - bits->source), room = (size_t)(limit - to);
        if (count > room) count = room;
        // The byte after a 0xFF, which is one in some two hundred, says what it is.
        uint8_t *after = memccpy(to, bits->source, 0xFF, count);
        size_t copied = after ? (size_t)(after - to) : count;
        const uint8_t *zero = bits->source + copied;
        if (after) {
            // Several of them before a zero are one byte to libjpeg.
            while (zero < bits->end && *zero == 0xFF) zero++;
            bits->is_complete = zero == bits->end || *zero != 0;
            bits->is_odd |= !bits->is_complete && zero != bits->source + copied;
        } else {
            bits->is_complete = bits->source + count == bits->end;
        }
        if (after && bits->is_complete) copied--;
        to += copied;
        bits->source = after && !bits->is_complete ? zero + 1 : bits->source + copied;
    }
    bits->count = (int)(to - bits->window);
    // In the last window each MCU is looked at.
    bits->safe = bits->is_complete ? bits->window - 1 : to - JPEG_MARGIN;
}

void jpeg_bits_open(jpeg_bits *bits, const uint8_t *source, const uint8_t *end) {
    bits->segment = bits->source = source;
    bits->end = end;
    bits->reader = (jpeg_reader){.next = bits->window};
    bits->is_complete = bits->is_odd = bits->count = 0;
    unstuff(bits);
}

void jpeg_bits_fill(jpeg_bits *bits) {
    // From the byte on that the next bit is in: the reader has more of them in its register, and may give them back.
    size_t read = (size_t)(bits->count - (jpeg_bits_unread(bits) + 7) / 8);
    bits->count -= (int)read;
    memmove(bits->window, bits->window + read, (size_t)bits->count);
    bits->reader.next -= read;
    unstuff(bits);
}

int jpeg_bits_restart(jpeg_bits *bits, int number) {
    if (!bits->is_complete || jpeg_bits_unread(bits) >= 8) return 0;
    const uint8_t *marker = bits->source;
    while (marker < bits->end && *marker == 0xFF) marker++;
    if (marker == bits->source || marker == bits->end || *marker != 0xD0 + number) return 0;
    jpeg_bits_open(bits, marker + 1, bits->end);
    return 1;
}

const uint8_t *jpeg_bits_position(const jpeg_bits *bits) {
    const uint8_t *position = bits->source;
    const uint8_t *byte = bits->window + bits->count;
    // From the end of the window backward, putting back what was stuffed.
    for (ptrdiff_t unread = jpeg_bits_unread(bits) / 8; unread > 0; unread--) {
        position--;
        if (*--byte != 0xFF) continue;
        while (position > bits->segment && position[-1] == 0xFF) position--;
    }
    return position;
}
