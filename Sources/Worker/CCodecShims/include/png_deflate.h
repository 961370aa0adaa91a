// SPDX-License-Identifier: Apache-2.0
//
// The zlib stream of a PNG's filtered rows, in one of two ways.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "codec_status.h"

// Room that is enough for the stream of so many bytes, at least one, whatever they are.
size_t png_deflate_room(size_t count);

// By libdeflate at this level, or as noise, whichever suits the data. CODEC_TOO_LARGE when `room` bytes are not enough.
codec_status png_deflate(
    const uint8_t *data, size_t count, int level, uint64_t deadline, uint8_t *out, size_t room, size_t *deflated);

// What is left of a photograph when its rows are filtered is noise, in which nothing comes again but by chance: looking for
// what does takes nine tenths of the time, and what is found saves few bits. So bytes are written one by one, in Huffman
// codes that change where the bytes do; of what repeats only runs of one byte are looked for.
codec_status png_deflate_noise(
    const uint8_t *data, size_t count, uint64_t deadline, uint8_t *out, size_t room, size_t *deflated);
// The size of that, or a few bytes more.
size_t png_size_as_noise(const uint8_t *data, size_t count);
