// SPDX-License-Identifier: Apache-2.0
#include <avif/avif.h>
#include <stdlib.h>
#include <string.h>

#include "avif_codec.h"
#include "byte_sink.h"

// AV1's quantizers run from 0, lossless, to 63.
static int quantizer_of(int quality) {
    int bounded = quality < 0 ? 0 : quality > 100 ? 100 : quality;
    return ((100 - bounded) * AVIF_QUANTIZER_WORST_QUALITY + 50) / 100;
}

// Nanoseconds that encoding a pixel takes at most, at least: half of what was measured for a detailed photograph on one
// core. Only to give up early what has no chance.
uint64_t avif_least_time(uint64_t pixels, int speed) {
    static const uint8_t by_speed[] = {255, 255, 255, 250, 220, 200, 180, 150, 120, 40, 40};
    return pixels * by_speed[speed < 0 ? 0 : speed > 10 ? 10 : speed];
}

static avifImage *describe(int width, int height, int is_gray) {
    avifPixelFormat format = is_gray ? AVIF_PIXEL_FORMAT_YUV400 : AVIF_PIXEL_FORMAT_YUV420;
    avifImage *image = avifImageCreate((uint32_t)width, (uint32_t)height, 8, format);
    if (!image) return NULL;
    image->yuvRange = AVIF_RANGE_FULL;
    image->colorPrimaries = AVIF_COLOR_PRIMARIES_BT709;
    image->transferCharacteristics = AVIF_TRANSFER_CHARACTERISTICS_SRGB;
    image->matrixCoefficients = AVIF_MATRIX_COEFFICIENTS_BT601;
    return image;
}

static avifImage *import(const pixel_view *view) {
    avifImage *image = describe(view->width, view->height, view->channels == 1);
    if (!image) return NULL;
    if (view->channels == 1) {
        avifImageAllocatePlanes(image, AVIF_PLANES_YUV);
        for (int y = 0; image->yuvPlanes[0] && y < view->height; y++)
            memcpy(
                image->yuvPlanes[0] + (size_t)image->yuvRowBytes[0] * (size_t)y,
                view->pixels + view->stride * (size_t)y, (size_t)view->width);
        if (image->yuvPlanes[0]) return image;
    } else {
        avifRGBImage rgb;
        avifRGBImageSetDefaults(&rgb, image);
        rgb.format = view->channels == 4 ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
        rgb.pixels = (uint8_t *)view->pixels;
        rgb.rowBytes = (uint32_t)view->stride;
        rgb.chromaDownsampling = AVIF_CHROMA_DOWNSAMPLING_AVERAGE;
        if (avifImageRGBToYUV(image, &rgb) == AVIF_RESULT_OK) return image;
    }
    avifImageDestroy(image);
    return NULL;
}

static codec_status write_image(const avifImage *image, const avif_settings *settings, encoded_image *out) {
    avifEncoder *encoder = avifEncoderCreate();
    if (!encoder) return CODEC_NO_MEMORY;
    int quantizer = quantizer_of(settings->quality);
    encoder->codecChoice = AVIF_CODEC_CHOICE_AOM;
    encoder->maxThreads = 1;
    encoder->speed = settings->speed;
    encoder->minQuantizer = encoder->maxQuantizer = quantizer;
    // Steps in alpha show as halos, and it costs few bytes.
    encoder->minQuantizerAlpha = encoder->maxQuantizerAlpha = quantizer / 2;
    avifRWData data = AVIF_DATA_EMPTY;
    avifResult result = avifEncoderWrite(encoder, image, &data);
    byte_sink sink = sink_make(settings->max_bytes);
    if (result == AVIF_RESULT_OK) {
        sink_put(&sink, data.data, data.size);
    } else {
        sink.status = result == AVIF_RESULT_NO_CODEC_AVAILABLE ? CODEC_UNSUPPORTED : CODEC_NO_MEMORY;
    }
    avifRWDataFree(&data);
    avifEncoderDestroy(encoder);
    return sink_finish(&sink, out);
}

static codec_status check(int width, int height, const avif_settings *settings) {
    // What AV1 can hold.
    enum { MAX_SIDE = 65536 };
    if (width > MAX_SIDE || height > MAX_SIDE) return CODEC_TOO_LARGE;
    uint64_t area = (uint64_t)width * (uint64_t)height;
    if (settings->deadline && codec_now() + avif_least_time(area, settings->speed) > settings->deadline)
        return CODEC_DEADLINE;
    return CODEC_OK;
}

codec_status avif_encode_planes(const planar_view *view, const void *settings, encoded_image *out) {
    codec_status status = check(view->width, view->height, settings);
    if (status != CODEC_OK) return status;
    avifImage *image = describe(view->width, view->height, view->count == 1);
    if (!image) return CODEC_NO_MEMORY;
    // The image does not own them, and the encoder only reads.
    for (int i = 0; i < view->count; i++) {
        image->yuvPlanes[i] = (uint8_t *)view->planes[i];
        image->yuvRowBytes[i] = (uint32_t)view->strides[i];
    }
    status = write_image(image, settings, out);
    avifImageDestroy(image);
    return status;
}

codec_status avif_encode(const pixel_view *view, const avif_settings *settings, encoded_image *out) {
    codec_status status = check(view->width, view->height, settings);
    if (status != CODEC_OK) return status;
    avifImage *image = import(view);
    if (!image) return CODEC_NO_MEMORY;
    status = write_image(image, settings, out);
    avifImageDestroy(image);
    return status;
}
