// SPDX-License-Identifier: Apache-2.0
//
// What every format costs with every setting worth a thought: CPU time and bytes, of pictures as they are. See
// scripts/quality, which scores what this writes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CCodecShims.h"

enum { MOST_BYTES = 1 << 28, ROUNDS = 9 };

typedef struct {
    const char *name;  // of the setting, and of the file that it makes
    const char *extension;
    enum { JPEG, PNG, WEBP, AVIF, GIF, TIFF, BMP } format;
    int quality;
    int effort;  // coding, level, method or speed
} setting;

static const setting settings[] = {
    {"jpeg q80 baseline", "jpg", JPEG, 80, JPEG_BASELINE},
    {"jpeg q80 optimised", "jpg", JPEG, 80, JPEG_OPTIMISED},
    {"jpeg q80 progressive", "jpg", JPEG, 80, JPEG_PROGRESSIVE},
    {"jpeg q95 baseline", "jpg", JPEG, 95, JPEG_BASELINE},
    {"jpeg q95 optimised", "jpg", JPEG, 95, JPEG_OPTIMISED},
    {"jpeg q95 progressive", "jpg", JPEG, 95, JPEG_PROGRESSIVE},
    {"webp q80 method 0", "webp", WEBP, 80, 0},
    {"webp q80 method 1", "webp", WEBP, 80, 1},
    {"webp q80 method 2", "webp", WEBP, 80, 2},
    {"webp q80 method 3", "webp", WEBP, 80, 3},
    {"webp q80 method 4", "webp", WEBP, 80, 4},
    {"webp q80 method 6", "webp", WEBP, 80, 6},
    {"avif q55 speed 10", "avif", AVIF, 55, 10},
    {"avif q55 speed 9", "avif", AVIF, 55, 9},
    {"avif q55 speed 8", "avif", AVIF, 55, 8},
    {"avif q55 speed 7", "avif", AVIF, 55, 7},
    {"avif q55 speed 6", "avif", AVIF, 55, 6},
    {"png", "png", PNG, 0, 6},
    {"gif", "gif", GIF, 0, 0},
    {"tiff", "tiff", TIFF, 0, 0},
    {"bmp", "bmp", BMP, 0, 0},
};

static void fail(const char *what, const char *which) {
    fprintf(stderr, "bench-encoders: %s: %s\n", what, which);
    exit(2);
}

static uint8_t *contents(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) fail("cannot read", path);
    long size = ftell(file);
    rewind(file);
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size) fail("cannot read", path);
    fclose(file);
    *count = (size_t)size;
    return bytes;
}

// The pixels of a PNG file.
static pixel_view picture(const char *path) {
    size_t count;
    uint8_t *bytes = contents(path, &count);
    source_limits limits = {
        .max_pixels = 1 << 26, .max_memory = MOST_BYTES, .max_unpacked = MOST_BYTES, .max_work = MOST_BYTES};
    pixel_source *source;
    if (png_rgba_open(bytes, count, &limits, &source) != CODEC_OK) fail("no PNG file", path);
    pixel_view view = {
        .width = source->width,
        .height = source->height,
        .channels = source->channels,
        .stride = (size_t)source->width * (size_t)source->channels,
    };
    uint8_t *pixels = malloc(view.stride * (size_t)view.height);
    for (int y = 0; y < view.height; y++)
        if (source->read_row(source, pixels + view.stride * (size_t)y) != CODEC_OK) fail("damaged", path);
    view.pixels = pixels;
    source->close(source);
    free(bytes);
    return view;
}

static codec_status encode(const pixel_view *view, const setting *s, encoded_image *out) {
    webp_settings webp = {.quality = (float)s->quality, .method = s->effort, .max_bytes = MOST_BYTES};
    avif_settings avif = {.quality = s->quality, .speed = s->effort, .max_bytes = MOST_BYTES};
    switch (s->format) {
    case JPEG: return jpeg_rgb_encode(view, s->quality, (jpeg_coding)s->effort, MOST_BYTES, 0, out);
    case PNG: return png_rgba_encode(view, s->effort, MOST_BYTES, 0, out);
    case WEBP: return webp_encode(view, &webp, out);
    case AVIF: return avif_encode(view, &avif, out);
    case GIF: return gif_encode(view, MOST_BYTES, 0, out);
    case TIFF: return tiff_encode(view, MOST_BYTES, 0, out);
    case BMP: return bmp_encode(view, MOST_BYTES, out);
    }
    return CODEC_UNSUPPORTED;
}

static double cpu_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int count, char **words) {
    if (count < 3) {
        fprintf(stderr, "usage: bench-encoders DIRECTORY PNG…\n"
                        "Writes one file for each setting, and a line for each to standard output: setting, file, bytes, "
                        "milliseconds.\n");
        return 2;
    }
    const size_t settings_count = sizeof settings / sizeof *settings;
    for (int i = 2; i < count; i++) {
        pixel_view view = picture(words[i]);
        const char *slash = strrchr(words[i], '/'), *name = slash ? slash + 1 : words[i];
        int stem = (int)strcspn(name, ".");
        double times[sizeof settings / sizeof *settings][ROUNDS];
        encoded_image images[sizeof settings / sizeof *settings];
        // In turns, so that a busy machine disturbs all alike.
        for (int round = 0; round < ROUNDS; round++) {
            for (size_t s = 0; s < settings_count; s++) {
                double before = cpu_milliseconds();
                if (encode(&view, &settings[s], &images[s]) != CODEC_OK) fail(settings[s].name, words[i]);
                times[s][round] = cpu_milliseconds() - before;
                if (round < ROUNDS - 1) free(images[s].bytes);
            }
        }
        for (size_t s = 0; s < settings_count; s++) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%.*s-%zu.%s", words[1], stem, name, s, settings[s].extension);
            FILE *file = fopen(path, "wb");
            if (!file || fwrite(images[s].bytes, 1, images[s].count, file) != images[s].count || fclose(file) != 0)
                fail("cannot write", path);
            qsort(times[s], ROUNDS, sizeof(double), compare);
            printf("%s\t%s\t%zu\t%.3f\n", settings[s].name, path, images[s].count, times[s][ROUNDS / 2]);
            free(images[s].bytes);
        }
        free((void *)view.pixels);
    }
    return 0;
}
