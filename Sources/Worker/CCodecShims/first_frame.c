// SPDX-License-Identifier: Apache-2.0
#include "first_frame.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    pixel_source base;
    animation_source *animation;
    int y;
} first_frame;

static codec_status read_row(pixel_source *base, uint8_t *row) {
    first_frame *s = (first_frame *)base;
    if (s->y >= base->height) return CODEC_CORRUPT;
    const uint8_t *from = s->animation->pixels + 4 * (size_t)base->width * (size_t)s->y++;
    if (base->channels == 4) {
        memcpy(row, from, 4 * (size_t)base->width);
        return CODEC_OK;
    }
    for (int x = 0; x < base->width; x++, from += 4, row += 3) {
        row[0] = from[0];
        row[1] = from[1];
        row[2] = from[2];
    }
    return CODEC_OK;
}

static void close_source(pixel_source *base) {
    animation_source *animation = ((first_frame *)base)->animation;
    animation->close(animation);
    free(base);
}

static int is_opaque(const uint8_t *pixels, size_t count) {
    uint8_t all = 255;
    for (size_t i = 0; i < count; i++) all &= pixels[4 * i + 3];
    return all == 255;
}

codec_status first_frame_open(animation_source *animation, pixel_source **source) {
    codec_status status = animation->read_frame(animation);
    first_frame *s = status == CODEC_OK ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        animation->close(animation);
        return status == CODEC_OK ? CODEC_NO_MEMORY : status;
    }
    size_t area = (size_t)animation->width * (size_t)animation->height;
    s->animation = animation;
    s->base = (pixel_source){
        .width = animation->width,
        .height = animation->height,
        .channels = is_opaque(animation->pixels, area) ? 3 : 4,
        .orientation = 1,
        .icc = animation->icc,
        .icc_count = animation->icc_count,
        .read_row = read_row,
        .close = close_source,
    };
    *source = &s->base;
    return CODEC_OK;
}
