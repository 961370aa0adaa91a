// SPDX-License-Identifier: Apache-2.0
//
// What libavif is given of a file, and what there is to decode in it. A picture's data may have any number of frames, of
// any size, before the one that is shown: each takes as long as a picture, and no decoder can be interrupted.
#pragma once
#include <avif/avif.h>
#include <stddef.h>
#include <stdint.h>

// A walk through AV1 data, which may come in pieces.
typedef struct {
    uint64_t area;    // the largest that frames may be
    uint64_t pixels;  // of all frames so far
    uint64_t rest;    // bytes of a unit that goes on in the next piece
} av1_walk;

void av1_walk_on(av1_walk *walk, const uint8_t *data, size_t count);

typedef struct {
    avifIO io;
    const uint8_t *bytes;
    uint64_t parsed;  // pixels of frames in what was looked at by parsing, in one piece: pieces come several times
    av1_walk walk;    // through what is decoded
    uint64_t most;    // pixels in it: beyond that nothing is given out
    int is_decoding, is_over;
} avif_reader;

// For `avifDecoderSetIO`. The bytes must outlive it.
void avif_reader_init(avif_reader *reader, const uint8_t *bytes, size_t count);
// After parsing, for a picture of so many pixels; 0 when more was seen already than may be decoded.
int avif_reader_begin(avif_reader *reader, uint64_t picture, uint64_t most);
// Whether pictures may be inside of the container's own data, where libavif reads them by itself.
int avif_has_inner_data(const uint8_t *bytes, size_t count);
