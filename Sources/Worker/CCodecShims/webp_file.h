// SPDX-License-Identifier: Apache-2.0
//
// What stills and animations of WebP have in common: the container, and decoding one bitstream within a deadline.
#pragma once
#include <webp/decode.h>
#include <webp/demux.h>

#include "pixel_source.h"

// Opens the container, which must be all there, and compares its canvas with the limit. WebPDemuxDelete it.
codec_status webp_file_open(const uint8_t *bytes, size_t count, uint64_t max_pixels, WebPDemuxer **demuxer);
// A chunk's content, which is inside the file, or NULL.
const uint8_t *webp_file_chunk(const WebPDemuxer *demuxer, const char name[4], size_t *count);
// Bytes that decoding a bitstream allocates beyond what it decodes into.
uint64_t webp_file_cost(const WebPBitstreamFeatures *features);
// What decoding a bitstream of so many bytes takes, told as bytes that decompression gives: each stands for about 5 ns.
uint64_t webp_file_work(const WebPBitstreamFeatures *features, size_t bytes);
// Decodes a bitstream of exactly width times height pixels into whatever `output` says, which has room for them.
codec_status webp_file_decode_into(
    const WebPData *bitstream, int width, int height, const WebPDecBuffer *output, uint64_t deadline);
// The same, into rows of pixels; `channels` is 3 or 4.
codec_status webp_file_decode(
    const WebPData *bitstream, int width, int height, int channels, uint8_t *pixels, size_t stride, uint64_t deadline);
