// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "animation.h"
#include "first_frame.h"
#include "webp_codec.h"
#include "webp_file.h"

typedef struct {
    pixel_source base;
    uint8_t *pixels;
    int y;
} webp_source;

static codec_status read_row(pixel_source *base, uint8_t *row) {
    webp_source *s = (webp_source *)base;
    if (s->y >= base->height) return CODEC_CORRUPT;
    size_t row_bytes = (size_t)base->width * (size_t)base->channels;
    memcpy(row, s->pixels + row_bytes * (size_t)s->y++, row_bytes);
    return CODEC_OK;
}

static void close_source(pixel_source *base) {
    free(((webp_source *)base)->pixels);
    free(base);
}

// A still has the size of its canvas: that the demuxer checks.
static codec_status decode(webp_source *s, const WebPData *bitstream, const source_limits *limits) {
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(bitstream->bytes, bitstream->size, &features) != VP8_STATUS_OK) return CODEC_CORRUPT;
    s->base.channels = features.has_alpha ? 4 : 3;
    if (webp_file_work(&features, bitstream->size) > limits->max_work) return CODEC_TOO_MANY_PIXELS;
    uint64_t row_bytes = (uint64_t)s->base.width * (uint64_t)s->base.channels;
    uint64_t size = row_bytes * (uint64_t)s->base.height;
    if (size + webp_file_cost(&features) > limits->max_memory) return CODEC_TOO_MANY_PIXELS;
    s->pixels = malloc(size);
    if (!s->pixels) return CODEC_NO_MEMORY;
    return webp_file_decode(
        bitstream, s->base.width, s->base.height, s->base.channels, s->pixels, row_bytes, limits->deadline);
}

static codec_status open_still(const WebPDemuxer *demuxer, const source_limits *limits, pixel_source **source) {
    WebPIterator frame;
    if (!WebPDemuxGetFrame(demuxer, 1, &frame)) return CODEC_CORRUPT;
    webp_source *s = calloc(1, sizeof *s);
    codec_status status = CODEC_NO_MEMORY;
    if (s) {
        s->base = (pixel_source){
            .width = (int)WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH),
            .height = (int)WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT),
            .orientation = 1,
            .read_row = read_row,
            .close = close_source,
        };
        s->base.icc = webp_file_chunk(demuxer, "ICCP", &s->base.icc_count);
        status = frame.complete ? decode(s, &frame.fragment, limits) : CODEC_CORRUPT;
    }
    WebPDemuxReleaseIterator(&frame);
    if (status == CODEC_OK) {
        *source = &s->base;
    } else if (s) {
        close_source(&s->base);
    }
    return status;
}

codec_status webp_open(
    const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source, const uint8_t **exif,
    size_t *exif_count) {
    WebPDemuxer *demuxer;
    codec_status status = webp_file_open(bytes, count, limits->max_pixels, &demuxer);
    if (status != CODEC_OK) return status;
    *exif = webp_file_chunk(demuxer, "EXIF", exif_count);
    int is_animated = (WebPDemuxGetI(demuxer, WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG) != 0;
    if (!is_animated) status = open_still(demuxer, limits, source);
    WebPDemuxDelete(demuxer);
    if (!is_animated) return status;

    // Of the others nothing is looked at.
    animation_limits all = {.each = *limits, .max_frames = UINT64_MAX, .max_total_pixels = UINT64_MAX, .max_work = UINT64_MAX};
    animation_source *animation;
    status = webp_animation_open(bytes, count, &all, &animation);
    return status == CODEC_OK ? first_frame_open(animation, source) : status;
}
