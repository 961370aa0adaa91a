// SPDX-License-Identifier: Apache-2.0
//
// A decoder on hostile bytes, and nothing else: one harness for each, all of them this program, which the name that it is
// started by tells which. What a decoder says of a picture must be true of what it hands out, to the byte.
//
// scripts/fuzz builds it, with AddressSanitizer and UndefinedBehaviorSanitizer. It is C only, so it needs no package build.
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CCodecShims.h"
#include "png_private.h"

enum { MAX_PIXELS = 1 << 18, MAX_MEMORY = 32 << 20, MAX_RESULT = 1 << 20 };

static const source_limits limits = {
    .max_pixels = MAX_PIXELS, .max_memory = MAX_MEMORY, .max_unpacked = 8 * MAX_PIXELS,
    .max_work = 64 * MAX_PIXELS, .deadline = 0};

static void require(int is_true, const char *what) {
    if (is_true) return;
    fprintf(stderr, "not true: %s\n", what);
    abort();
}

// So that a byte that is not there is a finding.
static void touch(const uint8_t *bytes, size_t count) {
    static volatile uint8_t sum;
    for (size_t i = 0; i < count; i++) sum = (uint8_t)(sum + bytes[i]);
}

// What a profile makes of every value, in rows of odd lengths.
static void convert(const uint8_t *profile, size_t count, colour_kind kind) {
    colour_transform *transform = colour_transform_open(profile, count, kind);
    if (!transform) return;
    enum { PIXELS = 85 };
    size_t from = kind == COLOUR_GRAY ? 1 : kind == COLOUR_RGB ? 3 : 4, to = from == 4 && kind != COLOUR_RGBA ? 3 : from;
    uint8_t *in = malloc(PIXELS * from), *out = malloc(PIXELS * to);
    for (size_t i = 0; i < PIXELS * from; i++) in[i] = (uint8_t)(i * 89);
    colour_transform_row(transform, in, out, PIXELS);
    if (kind == COLOUR_RGBA)
        for (size_t i = 3; i < PIXELS * from; i += 4) require(out[i] == in[i], "alpha is no colour");
    touch(out, PIXELS * to);
    free(in);
    free(out);
    colour_transform_close(transform);
}

static void check_header(const pixel_source *source) {
    require(source->width > 0 && source->height > 0, "a picture has pixels");
    require((uint64_t)source->width * (uint64_t)source->height <= limits.max_pixels, "no more pixels than allowed");
    require(source->channels == 1 || source->channels == 3 || source->channels == 4, "channels are 1, 3 or 4");
    require(source->orientation >= 1 && source->orientation <= 8, "orientation is EXIF's");
    if (!source->icc) return;
    touch(source->icc, source->icc_count);
    convert(source->icc, source->icc_count,
            source->channels == 1 ? COLOUR_GRAY : source->channels == 3 ? COLOUR_RGB : COLOUR_RGBA);
}

// All rows, each into memory that has no byte more than that. NULL when one of them cannot be read. Takes the source.
static uint8_t *read_all(pixel_source *source, size_t *size) {
    check_header(source);
    size_t stride = (size_t)source->width * (size_t)source->channels;
    *size = stride * (size_t)source->height;
    uint8_t *pixels = malloc(*size), *row = malloc(stride);
    int y = 0;
    for (; y < source->height && source->read_row(source, row) == CODEC_OK; y++)
        memcpy(pixels + stride * (size_t)y, row, stride);
    int is_whole = y == source->height;
    source->close(source);
    free(row);
    if (is_whole) return pixels;
    free(pixels);
    return NULL;
}

static void read_still(codec_status status, pixel_source *source) {
    if (status != CODEC_OK) return;
    size_t size;
    uint8_t *pixels = read_all(source, &size);
    if (pixels) touch(pixels, size);
    free(pixels);
}

static int is_inside(pixel_area area, int x, int y) {
    return x >= area.x && x < area.x + area.width && y >= area.y && y < area.y + area.height;
}

// Every frame; nothing changes but where it says so.
static void read_frames(codec_status status, animation_source *source) {
    if (status != CODEC_OK) return;
    require(source->width > 0 && source->height > 0 && source->frames > 0, "an animation has frames");
    size_t area = (size_t)source->width * (size_t)source->height;
    require(area * (size_t)source->frames <= 4 * MAX_PIXELS, "no more frames than allowed");
    if (source->icc) touch(source->icc, source->icc_count);
    if (source->exif) touch(source->exif, source->exif_count);
    uint32_t *before = calloc(area, sizeof *before);
    uint64_t changing = 0;
    for (int frame = 0; frame < source->frames && source->read_frame(source) == CODEC_OK; frame++) {
        pixel_area changed = source->changed;
        if (changed.width > 0 && changed.height > 0) changing += (uint64_t)changed.width * (uint64_t)changed.height;
        if (changed.width > 0 && changed.height > 0)
            require(changed.x >= 0 && changed.y >= 0 && changed.x <= source->width - changed.width &&
                        changed.y <= source->height - changed.height,
                    "what changes is part of the picture");
        for (int y = 0; y < source->height; y++)
            for (int x = 0; x < source->width; x++) {
                size_t at = (size_t)source->width * (size_t)y + (size_t)x;
                uint32_t pixel;
                memcpy(&pixel, source->pixels + 4 * at, 4);
                require(pixel == before[at] || is_inside(changed, x, y), "nothing else changes");
                before[at] = pixel;
            }
        if (source->colours) require(source->colours->count >= 0 && source->colours->count <= 256, "256 colours at most");
    }
    require(changing <= source->changing, "no more changes than the file has said");
    free(before);
    source->close(source);
}

static const animation_limits frames_limits = {
    .each = {.max_pixels = MAX_PIXELS, .max_memory = MAX_MEMORY, .max_unpacked = UINT64_MAX,
             .max_work = UINT64_MAX},
    .max_frames = 100,
    .max_total_pixels = 4 * MAX_PIXELS,
    .max_work = UINT64_MAX,
};

// MARK: Decoders

static void decode_bmp(const uint8_t *bytes, size_t count) {
    pixel_source *source = NULL;
    read_still(bmp_open(bytes, count, &limits, &source), source);
}

static void decode_tiff(const uint8_t *bytes, size_t count) {
    pixel_source *source = NULL;
    read_still(tiff_open(bytes, count, &limits, &source), source);
}

static void decode_avif(const uint8_t *bytes, size_t count) {
    pixel_source *source = NULL;
    read_still(avif_open(bytes, count, &limits, &source), source);
}

// With giflib's reader of codes and with ours: the same frames, and the same end, or an earlier one where a code is not
// defined.
static void compare_codes(const uint8_t *bytes, size_t count) {
    animation_source *ours = NULL, *theirs = NULL;
    if (gif_animation_open(bytes, count, &frames_limits, &ours) != CODEC_OK) return;
    require(gif_animation_open(bytes, count, &frames_limits, &theirs) == CODEC_OK, "a file opens twice");
    size_t area = 4 * (size_t)ours->width * (size_t)ours->height;
    for (int frame = 0; frame < ours->frames; frame++) {
        codec_status by_us = ours->read_frame(ours);
        gif_lzw_enable(0);
        codec_status by_giflib = theirs->read_frame(theirs);
        gif_lzw_enable(1);
        require(by_us == by_giflib || by_us == CODEC_CORRUPT, "both read the same frames");
        if (by_us != CODEC_OK) break;
        require(!memcmp(ours->pixels, theirs->pixels, area), "both read the same pixels");
        require(!memcmp(&ours->changed, &theirs->changed, sizeof ours->changed), "both see the same changes");
    }
    ours->close(ours);
    theirs->close(theirs);
}

static void decode_gif(const uint8_t *bytes, size_t count) {
    compare_codes(bytes, count);
    pixel_source *source = NULL;
    read_still(gif_open(bytes, count, &limits, &source), source);
    animation_source *animation = NULL;
    read_frames(gif_animation_open(bytes, count, &frames_limits, &animation), animation);
}

typedef codec_status transcoder(const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result);

// What becomes of a picture in planes. The last byte, behind its end, chooses.
static planar_job job_for(uint8_t choice, int source_width, int source_height) {
    int width = 1 + (source_width - 1) / (1 + (choice >> 2 & 7)), height = 1 + (source_height - 1) / (1 + (choice >> 5));
    return (planar_job){
        .source_width = source_width, .source_height = source_height, .resampled_width = width,
        .resampled_height = height, .window_width = width, .window_height = height, .mirrored_x = choice & 1,
        .mirrored_y = choice >> 1 & 1, .transposed = choice >> 2 & 1, .quality = 80, .max_bytes = MAX_RESULT,
        .max_memory = MAX_MEMORY};
}

static void transcode(transcoder *run, const uint8_t *bytes, size_t count, int source_width, int source_height) {
    planar_job job = job_for(bytes[count - 1], source_width, source_height);
    planar_result result = {0};
    if (run(bytes, count, &job, &result) == CODEC_OK) {
        int width = job.resampled_width, height = job.resampled_height;
        require(result.width == (job.transposed ? height : width) && result.height == (job.transposed ? width : height),
                "a result is as large as was asked for");
        require(result.image.count <= MAX_RESULT, "no more bytes than allowed");
        touch(result.image.bytes, result.image.count);
        free(result.image.bytes);
    }
    free(result.planes);
}

static void decode_webp(const uint8_t *bytes, size_t count) {
    pixel_source *source = NULL;
    const uint8_t *exif = NULL;
    size_t exif_count = 0;
    codec_status status = webp_open(bytes, count, &limits, &source, &exif, &exif_count);
    if (status == CODEC_OK && exif) touch(exif, exif_count);
    read_still(status, source);
    webp_header header = {0};
    if (webp_read_header_of(bytes, count, MAX_PIXELS, &header) == CODEC_OK) {
        if (header.exif) touch(header.exif, header.exif_count);
        if (header.icc) touch(header.icc, header.icc_count);
        if (header.is_planar) transcode(webp_planar_transcode, bytes, count, header.width, header.height);
    }
    animation_source *animation = NULL;
    status = webp_animation_open(bytes, count, &frames_limits, &animation);
    // Of one that does not move only the header is known here.
    if (status == CODEC_OK && !animation->pixels) animation->close(animation);
    else read_frames(status, animation);
}

// No mutation survives checksums: what lies behind them is to be tried.
static void repair_checksums(uint8_t *bytes, size_t count) {
    for (size_t at = 8; count >= at + PNG_CHUNK_FRAME;) {
        size_t length = png_word(bytes + at);
        if (length > count - at - PNG_CHUNK_FRAME) return;
        uint32_t sum = ~(uint32_t)0;
        for (size_t i = at + 4; i < at + 8 + length; i++) {
            sum ^= bytes[i];
            for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ 0xEDB88320 : sum >> 1;
        }
        for (int i = 0; i < 4; i++) bytes[at + 8 + length + (size_t)i] = (uint8_t)(~sum >> (24 - 8 * i));
        at += PNG_CHUNK_FRAME + length;
    }
}

// By our own reader where it takes the file, and by libpng: the same pixels, if both read them all.
static void decode_png(const uint8_t *bytes, size_t count) {
    uint8_t *file = malloc(count ? count : 1);
    memcpy(file, bytes, count);
    repair_checksums(file, count);
    pixel_source *source = NULL;
    read_still(png_rgba_open(file, count, &limits, &source), source);
    png_skeleton skeleton;
    pixel_source *fast = NULL, *slow = NULL;
    if (png_read_skeleton(file, count, &skeleton) == CODEC_OK &&
        (uint64_t)skeleton.width * skeleton.height <= MAX_PIXELS && skeleton.width <= PNG_MAX_SIDE &&
        skeleton.height <= PNG_MAX_SIDE && png_fast_open(&skeleton, &limits, &fast) == CODEC_OK && fast &&
        png_slow_open(file, count, &skeleton, &limits, &slow) == CODEC_OK) {
        size_t ours = 0, theirs = 0;
        uint8_t *by_us = read_all(fast, &ours), *by_libpng = read_all(slow, &theirs);
        if (by_us && by_libpng) require(ours == theirs && !memcmp(by_us, by_libpng, ours), "both read the same pixels");
        free(by_us);
        free(by_libpng);
    } else if (fast) {
        fast->close(fast);
    }
    free(file);
}

// Planes that are looked at before they are used: what is made of them then is what is made without a look.
static void look_at_planes(const uint8_t *bytes, size_t count, int source_width, int source_height) {
    enum { CELL = 8 };
    uint8_t choice = bytes[count - 1];
    planar_job job = job_for(choice, source_width, source_height);
    job.scale = 1 << (choice >> 3 & 3);
    planar_result kept = {0}, at_once = {0};
    jpeg_planes *planes = NULL;
    if (jpeg_planes_open(bytes, count, &job, &kept, &planes) != CODEC_OK) return;
    planar_job look = job;
    look.resampled_width = look.window_width = CELL * (1 + (choice & 7)) + (choice >> 4);
    look.resampled_height = look.window_height = CELL * (1 + (choice >> 5)) + (choice & 7);
    int columns = look.window_width / CELL * 3, rows = look.window_height / CELL * 3;
    int channels = jpeg_planes_channels(planes);
    require(channels == 1 || channels == 3, "samples are gray or RGB");
    size_t size = (size_t)columns * (size_t)rows * (size_t)channels;
    uint8_t *samples = malloc(size);
    if (jpeg_planes_sample(planes, &look, CELL, samples) == CODEC_OK) touch(samples, size);
    free(samples);
    codec_status later = jpeg_planes_transcode(planes, &job, &kept);
    jpeg_planes_close(planes);
    codec_status soon = jpeg_planar_transcode(bytes, count, &job, &at_once);
    require(later == soon, "a look changes nothing");
    if (later == CODEC_OK) {
        require(kept.image.count == at_once.image.count &&
                    !memcmp(kept.image.bytes, at_once.image.bytes, kept.image.count),
                "a look changes no byte");
        free(kept.image.bytes);
        free(at_once.image.bytes);
    }
}

// Whatever the bytes are good for: at every scale, in planes, and turned without being decoded. The last byte, behind a
// picture's end, chooses how.
static void decode_jpeg(const uint8_t *bytes, size_t count) {
    if (count == 0) return;
    uint8_t choice = bytes[count - 1];
    pixel_source *source = NULL;
    read_still(jpeg_rgb_open(bytes, count, &limits, 1 << (choice & 3), &source), source);

    jpeg_header header = {0};
    if (jpeg_read_header_of(bytes, count, &header) != CODEC_OK) return;
    if ((uint64_t)header.width * (uint64_t)header.height > MAX_PIXELS) return;
    if (header.is_planar) {
        transcode(jpeg_planar_transcode, bytes, count, header.width, header.height);
        look_at_planes(bytes, count, header.width, header.height);
    }
    jpeg_turn turn = {
        .mirrored_x = choice & 1, .mirrored_y = choice >> 1 & 1, .transposed = choice >> 2 & 1, .max_bytes = MAX_RESULT,
        .max_memory = MAX_MEMORY};
    encoded_image turned = {0};
    int width = 0, height = 0;
    if (jpeg_lossless_turn(bytes, count, &turn, &turned, &width, &height) == CODEC_OK) {
        require(turned.count <= MAX_RESULT, "no more bytes than allowed");
        jpeg_header after = {0};
        require(jpeg_read_header_of(turned.bytes, turned.count, &after) == CODEC_OK && after.width == width &&
                    after.height == height,
                "what was turned can be read again");
        free(turned.bytes);
    }
}

static void convert_colours(const uint8_t *bytes, size_t count) {
    for (colour_kind kind = COLOUR_GRAY; kind <= COLOUR_INVERTED_INK; kind++) convert(bytes, count, kind);
}

// Any bytes at all as rows to be compressed, in either way, in as much room as their first two say: libdeflate reads them
// again.
static void deflate(const uint8_t *bytes, size_t count) {
    if (count < 3) return;
    size_t most = png_deflate_room(count), room = bytes[0] & 1 ? most : (size_t)(bytes[0] << 8 | bytes[1]) % most;
    uint8_t *out = malloc(room ? room : 1), *again = malloc(count);
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    for (int is_noise = 0; is_noise < 2; is_noise++) {
        size_t deflated = 0, inflated = 0;
        codec_status status = is_noise ? png_deflate_noise(bytes, count, 0, out, room, &deflated)
                                       : png_deflate(bytes, count, 6, 0, out, room, &deflated);
        require(status == CODEC_OK || (status == CODEC_TOO_LARGE && room < most), "there is room enough");
        if (status != CODEC_OK) continue;
        require(deflated <= room, "no more bytes than allowed");
        require(!is_noise || deflated <= png_size_as_noise(bytes, count), "no more bytes than counted");
        require(libdeflate_zlib_decompress(inflater, out, deflated, again, count, &inflated) == LIBDEFLATE_SUCCESS &&
                    inflated == count && !memcmp(again, bytes, count),
                "what was compressed is what is read");
    }
    libdeflate_free_decompressor(inflater);
    free(out);
    free(again);
}

static const struct {
    const char *name;
    void (*run)(const uint8_t *bytes, size_t count);
} decoders[] = {
    {"DecodeJPEG", decode_jpeg}, {"DecodePNG", decode_png}, {"DecodeWebP", decode_webp}, {"DecodeGIF", decode_gif},
    {"DecodeTIFF", decode_tiff}, {"DecodeBMP", decode_bmp}, {"DecodeAVIF", decode_avif},
    {"ConvertColours", convert_colours}, {"DeflateRows", deflate},
};

static void (*run)(const uint8_t *bytes, size_t count);

static void choose(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        if (!strcmp(name, decoders[i].name)) run = decoders[i].run;
    if (run) return;
    fprintf(stderr, "no decoder is called %s\n", name);
    exit(2);
}

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    choose((*arguments)[0]);
    codec_warm_up();
    jpeg_shortcuts_warm_up();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    run(bytes, count);
    return 0;
}
