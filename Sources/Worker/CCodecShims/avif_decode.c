// SPDX-License-Identifier: Apache-2.0
#include <avif/avif.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "avif_codec.h"
#include "avif_reader.h"

// Rows that are turned into RGB together, and how many rows around them the chroma's interpolation looks at. Both even:
// a row of chroma belongs to two of luma.
enum { BAND = 64, MARGIN = 4 };
// Bytes that one dav1d needs besides pixels.
enum { DECODER = 448 << 10 };

typedef struct {
    pixel_source base;
    avifDecoder *decoder;
    avif_reader reader;
    avifCropRect crop;
    uint64_t deadline;
    uint8_t *band;  // whole rows of the picture, before cropping
    size_t stride;
    int band_top, band_rows;  // in rows of the picture
    int y;                    // next row of the result
} avif_source;

static codec_status status_of(avifResult result) {
    switch (result) {
    case AVIF_RESULT_OK: return CODEC_OK;
    case AVIF_RESULT_OUT_OF_MEMORY: return CODEC_NO_MEMORY;
    case AVIF_RESULT_UNSUPPORTED_DEPTH:
    case AVIF_RESULT_REFORMAT_FAILED:
    case AVIF_RESULT_NOT_IMPLEMENTED:
    case AVIF_RESULT_NO_CODEC_AVAILABLE: return CODEC_UNSUPPORTED;
    default: return CODEC_CORRUPT;
    }
}

// Fills the band with the rows around `row`, converted together with a margin that is thrown away, so that seams do not
// show.
static codec_status fill_band(avif_source *s, int row) {
    avifImage *whole = s->decoder->image;
    int top = row / BAND * BAND, bottom = top + BAND < (int)whole->height ? top + BAND : (int)whole->height;
    int from = top >= MARGIN ? top - MARGIN : 0;
    int to = bottom + MARGIN < (int)whole->height ? bottom + MARGIN : (int)whole->height;
    avifCropRect part = {0, (uint32_t)from, whole->width, (uint32_t)(to - from)};
    avifImage *view = avifImageCreateEmpty();
    if (!view) return CODEC_NO_MEMORY;
    avifResult result = avifImageSetViewRect(view, whole, &part);
    if (result == AVIF_RESULT_OK) {
        // A view has the pixels and nothing that says what they mean.
        view->yuvRange = whole->yuvRange;
        view->matrixCoefficients = whole->matrixCoefficients;
        view->colorPrimaries = whole->colorPrimaries;
        view->transferCharacteristics = whole->transferCharacteristics;
        view->yuvChromaSamplePosition = whole->yuvChromaSamplePosition;
        view->alphaPremultiplied = whole->alphaPremultiplied;
        avifRGBImage rgb;
        avifRGBImageSetDefaults(&rgb, view);
        rgb.depth = 8;
        rgb.format = s->base.channels == 4 ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
        rgb.chromaUpsampling = AVIF_CHROMA_UPSAMPLING_BEST_QUALITY;
        rgb.pixels = s->band;
        rgb.rowBytes = (uint32_t)s->stride;
        result = avifImageYUVToRGB(view, &rgb);
    }
    avifImageDestroy(view);
    s->band_top = from;
    s->band_rows = bottom - from;
    return status_of(result);
}

static codec_status read_row(pixel_source *base, uint8_t *row) {
    avif_source *s = (avif_source *)base;
    if (s->y >= base->height) return CODEC_CORRUPT;
    if (s->deadline && codec_now() > s->deadline) return CODEC_DEADLINE;
    int at = (int)s->crop.y + s->y;
    if (s->band_top < 0 || at >= s->band_top + s->band_rows) {
        codec_status status = fill_band(s, at);
        if (status != CODEC_OK) return status;
    }
    size_t channels = (size_t)base->channels;
    const uint8_t *from = s->band + s->stride * (size_t)(at - s->band_top) + channels * s->crop.x;
    memcpy(row, from, channels * (size_t)base->width);
    s->y++;
    return CODEC_OK;
}

static void close_source(pixel_source *base) {
    avif_source *s = (avif_source *)base;
    if (s->decoder) avifDecoderDestroy(s->decoder);
    free(s->band);
    free(s);
}

// What turns and then mirrors as the file says, in EXIF's numbers.
static int orientation_of(const avifImage *image) {
    int turns = image->transformFlags & AVIF_TRANSFORM_IROT ? image->irot.angle & 3 : 0;  // counter-clockwise
    if (!(image->transformFlags & AVIF_TRANSFORM_IMIR)) return (const int[]){1, 8, 3, 6}[turns];
    // Mirroring left to right is top to bottom after half a turn.
    if (image->imir.mode == 1) turns = (turns + 2) & 3;
    return (const int[]){4, 5, 2, 7}[turns];
}

static codec_status parse(avif_source *s, const uint8_t *bytes, size_t count, const source_limits *limits) {
    avifDecoder *decoder = s->decoder;
    decoder->maxThreads = 1;
    // The others are not there, see before_forks.c.
    decoder->codecChoice = AVIF_CODEC_CHOICE_DAV1D;
    decoder->ignoreExif = decoder->ignoreXMP = AVIF_TRUE;
    decoder->imageSizeLimit = limits->max_pixels < AVIF_DEFAULT_IMAGE_SIZE_LIMIT ? (uint32_t)limits->max_pixels
                                                                                 : AVIF_DEFAULT_IMAGE_SIZE_LIMIT;
    if (decoder->imageSizeLimit == 0) return CODEC_TOO_MANY_PIXELS;
    decoder->imageCountLimit = 10000;
    // Required by the format, missing in many files, and nothing depends on it.
    decoder->strictFlags = AVIF_STRICT_ENABLED & ~(avifStrictFlags)AVIF_STRICT_PIXI_REQUIRED;
    // Most sequences have a still for those who want one; else it is the sequence's first picture.
    int is_sequence = count >= 32 && memmem(bytes + 8, 24, "avis", 4) != NULL;
    avifResult result = AVIF_RESULT_OK;
    static const avifDecoderSource sources[] = {AVIF_DECODER_SOURCE_PRIMARY_ITEM, AVIF_DECODER_SOURCE_TRACKS};
    for (int i = 0; i < 1 + is_sequence; i++) {
        avifDecoderSetSource(decoder, sources[i]);
        avif_reader_init(&s->reader, bytes, count);
        avifDecoderSetIO(decoder, &s->reader.io);
        result = avifDecoderParse(decoder);
        if (result == AVIF_RESULT_OK) break;
    }
    return status_of(result);
}

// Whether the file says that it is of a level that AV1 does not define: 7.0 to 7.3 are a proposal, by which libaom writes
// what has more than 35 million pixels, and which most decoders take for damage.
static int is_beyond_levels(const uint8_t *bytes, size_t count) {
    static const char name[4] = {'a', 'v', '1', 'C'};
    const uint8_t *box = memmem(bytes, count, name, sizeof name);
    // After the name: marker and version, then three bits of profile and five of level.
    if (!box || bytes + count - box < 6) return 0;
    int level = box[5] & 31;
    return level >= 20 && level <= 23;
}

// Pictures of which the file is made: tiles of a grid, alpha, thumbnails. An entry's name that stands somewhere else by
// chance makes them seem more, never less.
static uint64_t count_items(const uint8_t *bytes, size_t count) {
    static const char entry[4] = {'i', 'n', 'f', 'e'}, picture[4] = {'a', 'v', '0', '1'};
    const uint8_t *end = bytes + count;
    uint64_t items = 0;
    // After the name: version and flags, a number of 16 or 32 bits, 16 bits more, and what it is.
    for (const uint8_t *at = bytes; (at = memmem(at, (size_t)(end - at), entry, sizeof entry)); at += sizeof entry)
        items += (end - at >= 16 && !memcmp(at + 12, picture, 4)) || (end - at >= 18 && !memcmp(at + 14, picture, 4));
    return items;
}

// What decoding takes is told as bytes that decompression gives: each stands for about 4 ns. A pixel takes up to 27 ns, and
// more where chroma is as fine as luma, or samples are deep; what is coded for it takes 75 for each byte.
enum { BYTE = 20 };

static uint64_t work_of_pixel(const avif_source *s) {
    const avifImage *image = s->decoder->image;
    int is_fine = image->yuvFormat == AVIF_PIXEL_FORMAT_YUV444 || image->yuvFormat == AVIF_PIXEL_FORMAT_YUV422;
    uint64_t pixel = image->depth > 8 ? 12 : is_fine ? 10 : 7;
    return s->decoder->alphaPresent ? pixel + 4 : pixel;
}

static uint64_t work_of_data(const avif_source *s, size_t count) {
    // Of a sequence only the first picture.
    avifExtent extent;
    avifResult result = avifDecoderNthImageMaxExtent(s->decoder, 0, &extent);
    if (result == AVIF_RESULT_OK && extent.size < count) count = extent.size;
    return BYTE * (uint64_t)count;
}

static codec_status prepare(avif_source *s, const uint8_t *bytes, size_t count, const source_limits *limits) {
    codec_status status = parse(s, bytes, count, limits);
    if (status != CODEC_OK) return status;
    avifImage *image = s->decoder->image;
    uint64_t area = (uint64_t)image->width * image->height;
    if (area == 0) return CODEC_CORRUPT;
    if (area > limits->max_pixels || image->width > INT_MAX / 4 || image->height > INT_MAX / 4)
        return CODEC_TOO_MANY_PIXELS;
    // The planes, a second time for pictures made of tiles, a decoder for each of these, and the band.
    uint64_t sample = image->depth > 8 ? 2 : 1, planes = s->decoder->alphaPresent ? 4 : 3;
    uint64_t channels = s->decoder->alphaPresent ? 4 : 3, stride = channels * image->width;
    uint64_t rows = BAND + 2 * MARGIN < image->height ? BAND + 2 * MARGIN : image->height;
    uint64_t decoders = DECODER * count_items(bytes, count);
    if (2 * area * sample * planes + decoders + stride * rows > limits->max_memory) return CODEC_TOO_MANY_PIXELS;
    if (avif_has_inner_data(bytes, count)) return CODEC_UNSUPPORTED;
    uint64_t pixel = work_of_pixel(s);
    if (pixel * area + work_of_data(s, count) > limits->max_work) return CODEC_TOO_MANY_PIXELS;
    // Alpha is a picture of its own, which has its part in `pixel`.
    uint64_t each = s->decoder->alphaPresent ? (pixel + 1) / 2 : pixel;
    if (!avif_reader_begin(&s->reader, area, each, BYTE, limits->max_work)) return CODEC_TOO_MANY_PIXELS;
    s->decoder->imageSizeLimit = (uint32_t)area;
    if (limits->deadline && codec_now() > limits->deadline) return CODEC_DEADLINE;

    uint32_t width = image->width, height = image->height;
    status = status_of(avifDecoderNextImage(s->decoder));
    if (s->reader.is_over) return CODEC_TOO_MANY_PIXELS;
    if (status == CODEC_CORRUPT && is_beyond_levels(bytes, count)) return CODEC_UNSUPPORTED;
    if (status != CODEC_OK) return status;
    image = s->decoder->image;
    // The bitstream may disagree with the container, on whose word the limits were checked.
    if (image->width != width || image->height != height) return CODEC_CORRUPT;
    s->crop = (avifCropRect){0, 0, width, height};
    if (image->transformFlags & AVIF_TRANSFORM_CLAP) {
        avifDiagnostics diagnostics;
        avifDiagnosticsClearError(&diagnostics);
        if (!avifCropRectConvertCleanApertureBox(
                &s->crop, &image->clap, width, height, image->yuvFormat, &diagnostics))
            return CODEC_CORRUPT;
        if (s->crop.width == 0 || s->crop.height == 0 || s->crop.x > width - s->crop.width ||
            s->crop.y > height - s->crop.height)
            return CODEC_CORRUPT;
    }
    s->base.width = (int)s->crop.width;
    s->base.height = (int)s->crop.height;
    s->base.channels = (int)channels;
    s->base.orientation = orientation_of(image);
    if (image->icc.size > 0) {
        s->base.icc = image->icc.data;
        s->base.icc_count = image->icc.size;
    } else {
        s->base.primaries = image->colorPrimaries;
        s->base.transfer = image->transferCharacteristics;
    }
    s->stride = stride;
    s->band = malloc(stride * rows);
    return s->band ? CODEC_OK : CODEC_NO_MEMORY;
}

codec_status avif_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source) {
    avif_source *s = calloc(1, sizeof *s);
    if (!s) return CODEC_NO_MEMORY;
    s->base.read_row = read_row;
    s->base.close = close_source;
    s->deadline = limits->deadline;
    s->band_top = -1;
    s->decoder = avifDecoderCreate();
    codec_status status = s->decoder ? prepare(s, bytes, count, limits) : CODEC_NO_MEMORY;
    if (status != CODEC_OK) {
        close_source(&s->base);
        return status;
    }
    *source = &s->base;
    return CODEC_OK;
}
