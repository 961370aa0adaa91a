// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "animation.h"
#include "pixel_area.h"
#include "webp_file.h"

typedef struct {
    animation_source base;
    WebPDemuxer *demuxer;
    source_limits limits;
    uint8_t *canvas;
    int next;             // frames are counted from 1
    pixel_area disposed;  // what is cleared before the next frame
    uint8_t *patch;       // a frame that is blended over the canvas
    size_t patch_size;
} webp_animation;

static uint8_t *pixel_at(const webp_animation *s, int x, int y) {
    return s->canvas + 4 * ((size_t)s->base.width * (size_t)y + (size_t)x);
}

// Source over destination, both with straight alpha.
static void blend(const uint8_t *from, uint8_t *to) {
    unsigned alpha = from[3], behind = to[3] * (255 - alpha), all = 255 * alpha + behind;
    for (int i = 0; i < 3; i++) to[i] = (uint8_t)((from[i] * alpha * 255 + to[i] * behind + all / 2) / all);
    to[3] = (uint8_t)((all + 127) / 255);
}

static void blend_row(const uint8_t *from, uint8_t *to, int width) {
    for (int x = 0; x < width; x++, from += 4, to += 4) {
        if (from[3] == 255) {
            memcpy(to, from, 4);
        } else if (from[3] > 0) {
            blend(from, to);
        }
    }
}

static codec_status draw(webp_animation *s, const WebPIterator *frame) {
    size_t stride = 4 * (size_t)s->base.width;
    uint8_t *target = pixel_at(s, frame->x_offset, frame->y_offset);
    if (frame->blend_method == WEBP_MUX_NO_BLEND || !frame->has_alpha)
        return webp_file_decode(
            &frame->fragment, frame->width, frame->height, 4, target, stride, s->limits.deadline);

    size_t row_bytes = 4 * (size_t)frame->width, size = row_bytes * (size_t)frame->height;
    if (size > s->patch_size) {
        free(s->patch);
        s->patch = malloc(size);
        s->patch_size = s->patch ? size : 0;
        if (!s->patch) return CODEC_NO_MEMORY;
    }
    codec_status status = webp_file_decode(
        &frame->fragment, frame->width, frame->height, 4, s->patch, row_bytes, s->limits.deadline);
    for (int y = 0; status == CODEC_OK && y < frame->height; y++)
        blend_row(s->patch + row_bytes * (size_t)y, target + stride * (size_t)y, frame->width);
    return status;
}

static codec_status read_frame(animation_source *base) {
    webp_animation *s = (webp_animation *)base;
    WebPIterator frame;
    if (!s->canvas || !WebPDemuxGetFrame(s->demuxer, s->next, &frame)) return CODEC_CORRUPT;
    for (int y = 0; y < s->disposed.height; y++)
        memset(pixel_at(s, s->disposed.x, s->disposed.y + y), 0, 4 * (size_t)s->disposed.width);

    // The demuxer has checked that frames lie inside the canvas and are as large as their headers say.
    pixel_area area = {frame.x_offset, frame.y_offset, frame.width, frame.height};
    codec_status status = frame.complete ? draw(s, &frame) : CODEC_CORRUPT;
    base->changed = s->next == 1 ? (pixel_area){0, 0, base->width, base->height} : area_union(s->disposed, area);
    base->milliseconds = frame.duration > 0 ? (uint32_t)frame.duration : 0;
    s->disposed = frame.dispose_method == WEBP_MUX_DISPOSE_BACKGROUND ? area : (pixel_area){0};
    s->next++;
    WebPDemuxReleaseIterator(&frame);
    return status;
}

static void close_source(animation_source *base) {
    webp_animation *s = (webp_animation *)base;
    if (s->demuxer) WebPDemuxDelete(s->demuxer);
    free(s->canvas);
    free(s->patch);
    free(s);
}

// What a frame's data takes beyond what as many pixels of a photograph do. A byte of lossy data is a few coefficients, and
// takes as long as three pixels; one of alpha, as long as one. Lossless pixels take twice as long, however few bytes they
// are.
static uint64_t density(const WebPIterator *frame) {
    const uint8_t *bytes = frame->fragment.bytes;
    uint64_t size = frame->fragment.size, alpha = 0;
    if (size >= 8 && !memcmp(bytes, "ALPH", 4)) {
        alpha = 8 + ((uint64_t)bytes[4] | (uint64_t)bytes[5] << 8 | (uint64_t)bytes[6] << 16 | (uint64_t)bytes[7] << 24);
        if (alpha > size) alpha = size;
    }
    if (size - alpha >= 4 && !memcmp(bytes + alpha, "VP8L", 4))
        return (uint64_t)frame->width * (uint64_t)frame->height;
    return 3 * (size - alpha) + alpha;
}

// Frames lie inside the canvas, and the first one makes all of it.
static uint64_t count_changing(webp_animation *s) {
    uint64_t sum = 0;
    pixel_area vanishing = {0, 0, s->base.width, s->base.height};
    WebPIterator frame;
    for (int is_there = WebPDemuxGetFrame(s->demuxer, 1, &frame); is_there; is_there = WebPDemuxNextFrame(&frame)) {
        pixel_area shown = {frame.x_offset, frame.y_offset, frame.width, frame.height};
        pixel_area changed = area_union(vanishing, shown);
        sum += (uint64_t)changed.width * (uint64_t)changed.height;
        s->base.dense += density(&frame);
        vanishing = frame.dispose_method == WEBP_MUX_DISPOSE_BACKGROUND ? shown : (pixel_area){0};
    }
    WebPDemuxReleaseIterator(&frame);
    return sum;
}

static codec_status check(webp_animation *s, const animation_limits *limits) {
    animation_source *base = &s->base;
    uint64_t area = (uint64_t)base->width * (uint64_t)base->height;
    uint64_t frames = WebPDemuxGetI(s->demuxer, WEBP_FF_FRAME_COUNT);
    if (frames > limits->max_frames || frames > INT_MAX || frames > limits->max_total_pixels / area)
        return CODEC_TOO_MANY_PIXELS;
    base->frames = (int)frames;
    base->changing = count_changing(s);
    // A still is one frame, which is not decoded here: there is less of it in memory elsewhere.
    if (!(WebPDemuxGetI(s->demuxer, WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG)) return CODEC_OK;
    if (base->changing > limits->max_work || base->dense > limits->max_work - base->changing)
        return CODEC_TOO_MANY_PIXELS;
    // The canvas, a frame as large that is blended, and what decoding that needs.
    WebPBitstreamFeatures largest = {.width = base->width, .height = base->height, .has_alpha = 1, .format = 2};
    if (8 * area + webp_file_cost(&largest) > limits->each.max_memory) return CODEC_TOO_MANY_PIXELS;
    s->canvas = calloc(area, 4);
    return s->canvas ? CODEC_OK : CODEC_NO_MEMORY;
}

codec_status webp_animation_open(
    const uint8_t *bytes, size_t count, const animation_limits *limits, animation_source **source) {
    webp_animation *s = calloc(1, sizeof *s);
    if (!s) return CODEC_NO_MEMORY;
    codec_status status = webp_file_open(bytes, count, limits->each.max_pixels, &s->demuxer);
    if (status == CODEC_OK) {
        animation_source *base = &s->base;
        base->width = (int)WebPDemuxGetI(s->demuxer, WEBP_FF_CANVAS_WIDTH);
        base->height = (int)WebPDemuxGetI(s->demuxer, WEBP_FF_CANVAS_HEIGHT);
        uint32_t plays = WebPDemuxGetI(s->demuxer, WEBP_FF_LOOP_COUNT);
        base->plays = plays > INT_MAX ? 0 : (int)plays;
        base->icc = webp_file_chunk(s->demuxer, "ICCP", &base->icc_count);
        base->exif = webp_file_chunk(s->demuxer, "EXIF", &base->exif_count);
        base->read_frame = read_frame;
        base->close = close_source;
        s->limits = limits->each;
        s->next = 1;
        status = check(s, limits);
    }
    if (status != CODEC_OK) {
        close_source(&s->base);
        return status;
    }
    s->base.pixels = s->canvas;
    *source = &s->base;
    return CODEC_OK;
}
