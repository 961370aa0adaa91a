// SPDX-License-Identifier: Apache-2.0
#include "gif_scan.h"

#include <string.h>

enum { SCREEN = 13, DESCRIPTOR = 10 };
// From this one on, a frame is taken away again.
enum { BACK_TO_NOTHING = 2 };

static int get_16(const uint8_t *bytes) { return bytes[0] | bytes[1] << 8; }

static size_t table_length(uint8_t flags) { return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0; }

// The position behind a chain of sub-blocks, or 0 when it has no end.
static size_t skip_blocks(const uint8_t *bytes, size_t count, size_t at) {
    while (at < count) {
        size_t length = bytes[at++];
        if (length == 0) return at;
        at += length;
    }
    return 0;
}

// How often an animation is played: the one application block that everybody reads.
static void read_plays(const uint8_t *bytes, size_t count, size_t at, gif_summary *summary) {
    if (count - at < 16 || bytes[at] != 11) return;
    if (memcmp(bytes + at + 1, "NETSCAPE2.0", 11) && memcmp(bytes + at + 1, "ANIMEXTS1.0", 11)) return;
    if (bytes[at + 12] < 3 || (bytes[at + 13] & 7) != 1) return;
    // It counts repetitions.
    int repetitions = get_16(bytes + at + 14);
    summary->plays = repetitions ? repetitions + 1 : 0;
}

static codec_status add_frame(const uint8_t *descriptor, gif_summary *summary) {
    int left = get_16(descriptor + 1), top = get_16(descriptor + 3);
    int width = get_16(descriptor + 5), height = get_16(descriptor + 7);
    uint64_t area = (uint64_t)width * (uint64_t)height;
    if (summary->frames++ == 0 && (summary->width == 0 || summary->height == 0)) {
        summary->width = left + width;
        summary->height = top + height;
        if (summary->width == 0 || summary->height == 0) return CODEC_CORRUPT;
    }
    if (area > summary->largest_frame) summary->largest_frame = area;
    summary->all_frames += area;
    pixel_area shown = area_clipped((pixel_area){left, top, width, height}, summary->width, summary->height);
    // The first one makes all of the screen.
    pixel_area changed = summary->frames == 1 ? (pixel_area){0, 0, summary->width, summary->height}
                                              : area_union(summary->vanishing, shown);
    summary->changing += (uint64_t)changed.width * (uint64_t)changed.height;
    summary->vanishing = summary->disposal >= BACK_TO_NOTHING ? shown : (pixel_area){0};
    summary->disposal = 0;
    return CODEC_OK;
}

codec_status gif_scan(const uint8_t *bytes, size_t count, gif_summary *summary) {
    if (count < SCREEN || (memcmp(bytes, "GIF87a", 6) && memcmp(bytes, "GIF89a", 6))) return CODEC_CORRUPT;
    *summary = (gif_summary){.width = get_16(bytes + 6), .height = get_16(bytes + 8), .plays = 1};
    size_t at = SCREEN + table_length(bytes[10]);
    while (at < count) {
        switch (bytes[at]) {
        case 0x3B: return summary->frames ? CODEC_OK : CODEC_CORRUPT;
        case 0x21:
            if (count - at < 2) return CODEC_CORRUPT;
            if (bytes[at + 1] == 0xFF) read_plays(bytes, count, at + 2, summary);
            if (bytes[at + 1] == 0xF9 && count - at > 3 && bytes[at + 2] == 4) summary->disposal = bytes[at + 3] >> 2 & 7;
            at = skip_blocks(bytes, count, at + 2);
            break;
        case 0x2C: {
            if (count - at < DESCRIPTOR) return CODEC_CORRUPT;
            codec_status status = add_frame(bytes + at, summary);
            if (status != CODEC_OK) return status;
            // The colour table, the code size, the pixels.
            at = skip_blocks(bytes, count, at + DESCRIPTOR + table_length(bytes[at + 9]) + 1);
            break;
        }
        default: return CODEC_CORRUPT;
        }
        if (at == 0) return CODEC_CORRUPT;
    }
    return CODEC_CORRUPT;
}
