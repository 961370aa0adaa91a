// SPDX-License-Identifier: Apache-2.0
#include "webp_encode.h"

#include <string.h>

#include "webp_codec.h"

int webp_may_go_on(int percent, const WebPPicture *picture) {
    (void)percent;
    const webp_writing *writing = picture->user_data;
    return !writing->deadline || codec_now() <= writing->deadline;
}

static int write_bytes(const uint8_t *bytes, size_t count, const WebPPicture *picture) {
    byte_sink *sink = picture->custom_ptr;
    sink_put(sink, bytes, count);
    return sink->status == CODEC_OK;
}

codec_status webp_status_of(WebPEncodingError error) {
    switch (error) {
    case VP8_ENC_OK: return CODEC_OK;
    case VP8_ENC_ERROR_USER_ABORT: return CODEC_DEADLINE;
    case VP8_ENC_ERROR_BAD_DIMENSION: return CODEC_TOO_LARGE;
    // Partitions of more than the format can count, and files beyond 4 GB.
    case VP8_ENC_ERROR_PARTITION0_OVERFLOW:
    case VP8_ENC_ERROR_PARTITION_OVERFLOW:
    case VP8_ENC_ERROR_FILE_TOO_BIG:
    case VP8_ENC_ERROR_BAD_WRITE: return CODEC_TOO_LARGE;
    default: return CODEC_NO_MEMORY;
    }
}

int webp_configure(WebPConfig *config, float quality, int method, int is_lossless) {
    if (!WebPConfigInit(config)) return 0;
    config->quality = quality < 0 ? 0 : quality > 100 ? 100 : quality;
    config->method = method < 0 ? 0 : method > 6 ? 6 : method;
    config->lossless = is_lossless;
    config->thread_level = 0;
    return WebPValidateConfig(config);
}

static codec_status encode(WebPPicture *picture, const webp_settings *settings, encoded_image *out) {
    WebPConfig config;
    if (!webp_configure(&config, settings->quality, settings->method, settings->is_lossless)) return CODEC_NO_MEMORY;
    byte_sink sink = sink_make(settings->max_bytes);
    webp_writing writing = {.deadline = settings->deadline};
    picture->writer = write_bytes;
    picture->custom_ptr = &sink;
    picture->progress_hook = webp_may_go_on;
    picture->user_data = &writing;
    int is_encoded = WebPEncode(&config, picture);
    if (!is_encoded && sink.status == CODEC_OK) sink.status = webp_status_of(picture->error_code);
    return sink_finish(&sink, out);
}

// Gray is luma alone: the same rounding as the library's own conversion, without its detour through RGB.
static int import_gray(WebPPicture *picture, const pixel_view *view) {
    picture->use_argb = 0;
    if (!WebPPictureAlloc(picture)) return 0;
    for (int y = 0; y < view->height; y++) {
        const uint8_t *from = view->pixels + view->stride * (size_t)y;
        uint8_t *to = picture->y + (size_t)picture->y_stride * (size_t)y;
        for (int x = 0; x < view->width; x++) to[x] = (uint8_t)((from[x] * 56318 + (16 << 16) + (1 << 15)) >> 16);
    }
    for (int y = 0; y < (view->height + 1) / 2; y++) {
        memset(picture->u + (size_t)picture->uv_stride * (size_t)y, 128, (size_t)(view->width + 1) / 2);
        memset(picture->v + (size_t)picture->uv_stride * (size_t)y, 128, (size_t)(view->width + 1) / 2);
    }
    return 1;
}

static int import_gray_exactly(WebPPicture *picture, const pixel_view *view) {
    picture->use_argb = 1;
    if (!WebPPictureAlloc(picture)) return 0;
    for (int y = 0; y < view->height; y++) {
        const uint8_t *from = view->pixels + view->stride * (size_t)y;
        uint32_t *to = picture->argb + (size_t)picture->argb_stride * (size_t)y;
        for (int x = 0; x < view->width; x++) to[x] = 0xFF000000u | from[x] * 0x010101u;
    }
    return 1;
}

codec_status webp_encode(const pixel_view *view, const webp_settings *settings, encoded_image *out) {
    if (view->width > WEBP_MAX_DIMENSION || view->height > WEBP_MAX_DIMENSION) return CODEC_TOO_LARGE;
    WebPPicture picture;
    if (!WebPPictureInit(&picture)) return CODEC_NO_MEMORY;
    picture.width = view->width;
    picture.height = view->height;
    picture.use_argb = settings->is_lossless;
    int stride = (int)view->stride, is_imported;
    if (view->channels == 1) {
        is_imported = settings->is_lossless ? import_gray_exactly(&picture, view) : import_gray(&picture, view);
    } else if (view->channels == 3) {
        is_imported = WebPPictureImportRGB(&picture, view->pixels, stride);
    } else {
        is_imported = WebPPictureImportRGBA(&picture, view->pixels, stride);
    }
    codec_status status = is_imported ? encode(&picture, settings, out) : CODEC_NO_MEMORY;
    WebPPictureFree(&picture);
    return status;
}

codec_status webp_encode_planes(const planar_view *view, const void *settings, encoded_image *out) {
    if (view->width > WEBP_MAX_DIMENSION || view->height > WEBP_MAX_DIMENSION) return CODEC_TOO_LARGE;
    WebPPicture picture;
    if (!WebPPictureInit(&picture)) return CODEC_NO_MEMORY;
    picture.width = view->width;
    picture.height = view->height;
    picture.use_argb = 0;
    // The encoder only reads them.
    picture.y = (uint8_t *)view->planes[0];
    picture.y_stride = view->strides[0];
    uint8_t *no_colour = NULL;
    if (view->count == 3) {
        picture.u = (uint8_t *)view->planes[1];
        picture.v = (uint8_t *)view->planes[2];
        picture.uv_stride = view->strides[1];
    } else {
        size_t width = ((size_t)view->width + 1) / 2, count = width * (((size_t)view->height + 1) / 2);
        no_colour = malloc(count);
        if (!no_colour) return CODEC_NO_MEMORY;
        memset(no_colour, 128, count);
        picture.u = picture.v = no_colour;
        picture.uv_stride = (int)width;
    }
    codec_status status = encode(&picture, settings, out);
    WebPPictureFree(&picture);
    free(no_colour);
    return status;
}
