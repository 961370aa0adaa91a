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

// WebP's samples are of the narrow range: luma in 16...235, chroma in 16...240.
static void narrow(const uint8_t *from, int stride, uint8_t *to, int to_stride, int width, int height, int is_luma) {
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)(is_luma ? (16 * 255 + i * 219 + 127) / 255 : (128 * 255 + (i - 128) * 224 + 127) / 255);
    for (int y = 0; y < height; y++, from += stride, to += to_stride)
        for (int x = 0; x < width; x++) to[x] = table[from[x]];
}

static void narrow_planes(WebPPicture *picture, const planar_view *view) {
    int half_width = (view->width + 1) / 2, half_height = (view->height + 1) / 2;
    narrow(view->planes[0], view->strides[0], picture->y, picture->y_stride, view->width, view->height, 1);
    uint8_t *chroma[2] = {picture->u, picture->v};
    for (int i = 0; i < 2; i++) {
        if (view->count == 3) {
            narrow(
                view->planes[i + 1], view->strides[i + 1], chroma[i], picture->uv_stride, half_width, half_height, 0);
        } else {
            for (int y = 0; y < half_height; y++)
                memset(chroma[i] + (size_t)picture->uv_stride * (size_t)y, 128, (size_t)half_width);
        }
    }
}

codec_status webp_encode_planes(const planar_view *view, const void *settings, encoded_image *out) {
    if (view->width > WEBP_MAX_DIMENSION || view->height > WEBP_MAX_DIMENSION) return CODEC_TOO_LARGE;
    WebPPicture picture;
    if (!WebPPictureInit(&picture)) return CODEC_NO_MEMORY;
    picture.width = view->width;
    picture.height = view->height;
    picture.use_argb = 0;
    codec_status status = CODEC_NO_MEMORY;
    if (WebPPictureAlloc(&picture)) {
        narrow_planes(&picture, view);
        status = encode(&picture, settings, out);
    }
    WebPPictureFree(&picture);
    return status;
}
