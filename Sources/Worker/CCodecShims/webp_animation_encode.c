// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <webp/mux.h>

#include "pixel_area.h"
#include "webp_encode.h"

typedef struct {
    animation_encoder base;
    animation_settings settings;
    WebPAnimEncoder *encoder;
    WebPConfig config;
    webp_writing writing;
    uint64_t now;  // milliseconds since the first frame
    double work;
    int is_clear_somewhere;
    uint8_t *canvas;  // what the library is given once something is not opaque and its coding is lossy; see take()
} webp_encoder;

static codec_status failure(const webp_encoder *e, const WebPPicture *picture) {
    if (e->settings.deadline && codec_now() > e->settings.deadline) return CODEC_DEADLINE;
    return picture && picture->error_code != VP8_ENC_OK ? webp_status_of(picture->error_code) : CODEC_NO_MEMORY;
}

static int is_clear_in(const uint8_t *pixels, int width, pixel_area area) {
    uint8_t all = 255;
    for (int y = area.y; y < area.y + area.height; y++) {
        const uint8_t *row = pixels + 4 * ((size_t)width * (size_t)y + (size_t)area.x);
        for (int x = 0; x < area.width; x++) all &= row[4 * x + 3];
    }
    return all != 255;
}

// What encoding an area takes, in pixels to decode, by how much neighbours differ in some of its rows. Noise, which has the
// most bits to write, takes as long with every method.
static double work_of(const webp_encoder *e, const uint8_t *pixels, pixel_area area) {
    enum { ROWS = 64, NOISE = 85 };
    const double flat = e->settings.method == 0 ? 2 : 3, noise = e->settings.method == 0 ? 10 : 10.5;
    uint64_t sum = 0, count = 0;
    size_t stride = 4 * (size_t)e->settings.width;
    int step = area.height / ROWS + 1;
    for (int y = area.y; y < area.y + area.height; y += step) {
        const uint8_t *row = pixels + stride * (size_t)y + 4 * (size_t)area.x;
        for (int x = 1; x < area.width; x++) sum += (uint64_t)abs(row[4 * x + 1] - row[4 * x - 3]);
        count += (uint64_t)area.width;
        if (y == area.y) continue;
        for (int x = 0; x < area.width; x++) sum += (uint64_t)abs(row[4 * x + 1] - row[4 * x + 1 - (ptrdiff_t)stride]);
        count += (uint64_t)area.width;
    }
    double activity = count ? (double)sum / (double)count / NOISE : 0;
    double share = sqrt(activity < 1 ? activity : 1);
    return (double)area.width * (double)area.height * (flat + (noise - flat) * share);
}

// Takes what has changed over to the canvas. Coding with loss, the library blends a frame over the one before also where
// half-clear pixels have stayed as they were, and leaves these in it, so that they show twice. It does so only as long as
// the alpha of no such pixel in the frame is another one: if all are the same, one of them is made so, by a step.
static void take(uint8_t *canvas, const uint8_t *pixels, int width, pixel_area area) {
    uint8_t *same = NULL;
    int differs = 0;
    for (int y = area.y; y < area.y + area.height; y++) {
        size_t at = 4 * ((size_t)width * (size_t)y + (size_t)area.x);
        for (int x = 0; x < area.width; x++) {
            uint8_t alpha = pixels[at + 4 * (size_t)x + 3], *before = canvas + at + 4 * (size_t)x + 3;
            if (alpha != 255 && alpha != *before) differs = 1;
            if (alpha != 255 && alpha == *before && alpha > 0) same = before;
        }
        memcpy(canvas + at, pixels + at, 4 * (size_t)area.width);
    }
    if (same && !differs) *same = (uint8_t)(*same < 254 ? *same + 1 : *same - 1);
}

// What the library is to be given for a frame; NULL without memory.
static const uint8_t *canvas_of(webp_encoder *e, const uint8_t *pixels, pixel_area area) {
    if (e->settings.is_lossless || !e->is_clear_somewhere) return pixels;
    int width = e->settings.width;
    if (e->canvas) {
        take(e->canvas, pixels, width, area);
        return e->canvas;
    }
    // Nothing was clear before, so what is now is different.
    size_t size = 4 * (size_t)width * (size_t)e->settings.height;
    e->canvas = malloc(size);
    return e->canvas ? memcpy(e->canvas, pixels, size) : NULL;
}

// The library compares frames itself, so that it needs the whole of each.
static codec_status add_frame(
    animation_encoder *base, const uint8_t *pixels, pixel_area changed, uint32_t milliseconds,
    const colour_table *colours) {
    (void)colours;
    webp_encoder *e = (webp_encoder *)base;
    if (e->settings.deadline && codec_now() > e->settings.deadline) return CODEC_DEADLINE;
    pixel_area area = area_clipped(changed, e->settings.width, e->settings.height);
    e->work += work_of(e, pixels, area);
    if (e->work > e->settings.max_work) return CODEC_TOO_LARGE;
    if (!e->is_clear_somewhere) e->is_clear_somewhere = is_clear_in(pixels, e->settings.width, area);
    const uint8_t *canvas = canvas_of(e, pixels, area);
    if (!canvas) return CODEC_NO_MEMORY;
    WebPPicture picture;
    if (!WebPPictureInit(&picture)) return CODEC_NO_MEMORY;
    picture.use_argb = 1;
    picture.width = e->settings.width;
    picture.height = e->settings.height;
    picture.progress_hook = webp_may_go_on;
    picture.user_data = &e->writing;
    codec_status status = CODEC_OK;
    if (!WebPPictureImportRGBA(&picture, canvas, 4 * e->settings.width)) {
        status = CODEC_NO_MEMORY;
    } else if (e->now > INT_MAX || !WebPAnimEncoderAdd(e->encoder, &picture, (int)e->now, &e->config)) {
        status = failure(e, &picture);
    }
    WebPPictureFree(&picture);
    e->now += milliseconds;
    return status;
}

static codec_status finish(animation_encoder *base, encoded_image *out) {
    webp_encoder *e = (webp_encoder *)base;
    WebPData data;
    WebPDataInit(&data);
    if (e->now > INT_MAX || !WebPAnimEncoderAdd(e->encoder, NULL, (int)e->now, NULL) ||
        !WebPAnimEncoderAssemble(e->encoder, &data))
        return failure(e, NULL);
    // The library says so only where a frame has alpha of its own; but what one takes away with it is clear as well, and
    // readers that were not told show it black.
    enum { FLAGS = 20, HAS_ALPHA = 0x10 };
    if (e->is_clear_somewhere && data.size > FLAGS && !memcmp(data.bytes + 12, "VP8X", 4))
        ((uint8_t *)data.bytes)[FLAGS] |= HAS_ALPHA;
    byte_sink sink = sink_make(e->settings.max_bytes);
    sink_put(&sink, data.bytes, data.size);
    WebPDataClear(&data);
    return sink_finish(&sink, out);
}

static void close_encoder(animation_encoder *base) {
    webp_encoder *e = (webp_encoder *)base;
    WebPAnimEncoderDelete(e->encoder);
    free(e->canvas);
    free(e);
}

codec_status webp_encoder_open(const animation_settings *settings, animation_encoder **encoder) {
    if (settings->width > WEBP_MAX_DIMENSION || settings->height > WEBP_MAX_DIMENSION) return CODEC_TOO_LARGE;
    webp_encoder *e = calloc(1, sizeof *e);
    if (!e) return CODEC_NO_MEMORY;
    e->base = (animation_encoder){add_frame, finish, close_encoder};
    e->settings = *settings;
    e->writing.deadline = settings->deadline;
    WebPAnimEncoderOptions options;
    if (WebPAnimEncoderOptionsInit(&options)) {
        options.anim_params.loop_count = settings->plays;
        options.anim_params.bgcolor = 0;
        options.minimize_size = 0;
        // Key frames would be for seeking, and each costs a second encoding.
        options.kmax = 0;
        e->encoder = WebPAnimEncoderNew(settings->width, settings->height, &options);
    }
    if (!e->encoder || !webp_configure(&e->config, settings->quality, settings->method, settings->is_lossless)) {
        close_encoder(&e->base);
        return CODEC_NO_MEMORY;
    }
    *encoder = &e->base;
    return CODEC_OK;
}
