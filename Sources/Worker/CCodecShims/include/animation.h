// SPDX-License-Identifier: Apache-2.0
//
// Pictures that move: what decoders hand out frame by frame, composed, and what encoders take. Between the two the
// caller resamples, and `changed` lets both sides do only what a frame needs.
#pragma once
#include "pixel_source.h"

typedef struct {
    int x, y, width, height;
} pixel_area;

// Colours that a frame was made of, for an encoder that can use them again.
typedef struct {
    uint8_t colours[256][3];
    int count;
} colour_table;

typedef struct {
    source_limits each;         // for the canvas, and for the whole of the work
    uint64_t max_frames;
    uint64_t max_total_pixels;  // of all canvases together, as every one of them is handed out
    uint64_t max_work;          // of what may change and what its data adds to it, see below
} animation_limits;

typedef struct animation_source animation_source;

struct animation_source {
    int width, height;   // of the canvas
    int frames;          // known before the first is read
    uint64_t changing;   // pixels that any of them may change, by what the file says of each, all together
    uint64_t dense;      // what their data takes to decode beyond that, in pixels of the usual kind
    int plays;           // how often all of them are shown; 0 = for ever
    const uint8_t *icc;  // as of a `pixel_source`
    size_t icc_count;
    const uint8_t *exif;
    size_t exif_count;
    // Of the frame that was read last: the whole canvas as it is shown, RGBA with straight alpha, rows without a gap.
    const uint8_t *pixels;
    pixel_area changed;  // all that differs from the frame before, and perhaps more; empty when nothing does
    uint32_t milliseconds;
    const colour_table *colours;  // or NULL
    // The next frame; not to be called more than `frames` times, nor after a failure.
    codec_status (*read_frame)(animation_source *);
    void (*close)(animation_source *);
};

// Both refuse what is over the limits, or broken in its structure, before they decode a single pixel.
codec_status gif_animation_open(
    const uint8_t *bytes, size_t count, const animation_limits *limits, animation_source **source);
codec_status webp_animation_open(
    const uint8_t *bytes, size_t count, const animation_limits *limits, animation_source **source);

typedef struct animation_encoder animation_encoder;

struct animation_encoder {
    // `pixels` is the whole picture as it is to be shown, RGBA, rows without a gap; only `changed` of it, at least all
    // that differs from the frame before, is looked at.
    codec_status (*add_frame)(
        animation_encoder *, const uint8_t *pixels, pixel_area changed, uint32_t milliseconds,
        const colour_table *colours);
    codec_status (*finish)(animation_encoder *, encoded_image *out);
    void (*close)(animation_encoder *);  // needed after `finish`, too
};

typedef struct {
    int width, height;
    int plays;  // 0 = for ever
    size_t max_bytes;
    uint64_t deadline;  // 0 = none
    float quality;      // WebP: 0...100
    int method;
    int is_lossless;
    // What making the frames may cost. GIF: so many times the closest of a table's colours may be looked for, then there
    // are no new tables. WebP: in pixels to decode, by how much differs between neighbours; beyond, CODEC_TOO_LARGE.
    uint64_t max_searches;
    double max_work;
} animation_settings;

codec_status gif_encoder_open(const animation_settings *settings, animation_encoder **encoder);
codec_status webp_encoder_open(const animation_settings *settings, animation_encoder **encoder);
