// SPDX-License-Identifier: Apache-2.0
//
// What libavif is given of a file, and what there is to decode in it. A picture's data may have any number of frames, of
// any size, before the one that is shown: each takes as long as a picture, and no decoder can be interrupted.
#pragma once
#include <avif/avif.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    avifIO io;
    const uint8_t *bytes;
    uint64_t picture;  // pixels that a frame has at most, while decoding
    uint64_t parsed;   // frames that parsing has seen in one piece; before decoding, as pieces come several times then
    uint64_t work, most;  // of what has been given out to be decoded, and of what may be
    uint64_t pixel, byte;
    int is_decoding, is_over;
} avif_reader;

// For `avifDecoderSetIO`. The bytes must outlive it.
void avif_reader_init(avif_reader *reader, const uint8_t *bytes, size_t count);
// After parsing. From then on nothing is given out that makes for more than `most`: each pixel of each frame counts
// `pixel`, each byte `byte`. Frames that are larger than `picture` pixels are the decoder's to refuse. 0 when it is too
// much already.
int avif_reader_begin(avif_reader *reader, uint64_t picture, uint64_t pixel, uint64_t byte, uint64_t most);
// Whether pictures may be inside of the container's own data, where libavif reads them by itself.
int avif_has_inner_data(const uint8_t *bytes, size_t count);
