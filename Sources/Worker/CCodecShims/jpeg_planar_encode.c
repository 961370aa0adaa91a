// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "jpeg_planar_private.h"

static int round_up(int value, int unit) { return (value + unit - 1) / unit * unit; }

void planar_make_outputs(planar_transcoder *t, const planar_job *job) {
    for (int i = 0; i < t->count; i++) {
        planar_plane *p = &t->planes[i];
        int unit = i == 0 ? 1 : 2;
        int columns = (job->window_width + unit - 1) / unit, rows = (job->window_height + unit - 1) / unit;
        p->out_width = job->transposed ? rows : columns;
        p->out_height = job->transposed ? columns : rows;
        // The encoder's MCU is two blocks of luma and one of chroma, in both directions; gray has one block.
        int block = t->count == 1 ? PLANAR_DCT : i == 0 ? 2 * PLANAR_DCT : PLANAR_DCT;
        p->out_stride = round_up(p->out_width, block);
        p->out_rows = p->plane_rows = round_up(p->out_height, block);
        // Rows come by batches, and those of chroma for twice as many rows of luma.
        int few = (i == 0 ? 4 : 2) * CR_ROWS;
        if (t->streams && p->plane_rows > few) p->plane_rows = few;
        p->taken = 0;
        if (!job->floor_planes) p->plane = planar_get(t, (size_t)p->out_stride * (size_t)p->plane_rows);
    }
}

// The encoder takes whole MCUs; repeating the edge keeps what is outside from ringing into the picture.
static void pad_row(const planar_plane *p, uint8_t *row) {
    memset(row + p->out_width, row[p->out_width - 1], (size_t)(p->out_stride - p->out_width));
}

static void pad(planar_plane *p) {
    int rows = p->out_height;
    for (int y = 0; y < rows; y++) pad_row(p, p->plane + (size_t)y * (size_t)p->out_stride);
    const uint8_t *last = p->plane + (size_t)(rows - 1) * (size_t)p->out_stride;
    for (int y = rows; y < p->out_rows; y++)
        memcpy(p->plane + (size_t)y * (size_t)p->out_stride, last, (size_t)p->out_stride);
}

static size_t size_of(const planar_plane *p) { return (size_t)p->out_stride * (size_t)p->out_rows; }

static void set_view(const planar_transcoder *t, const planar_job *job, planar_view *view) {
    const uint8_t *given = job->floor_planes;
    view->count = t->count;
    for (int i = 0; i < t->count; i++) {
        view->planes[i] = given ? given : t->planes[i].plane;
        view->strides[i] = t->planes[i].out_stride;
        if (given) given += size_of(&t->planes[i]);
    }
}

static void start(planar_transcoder *t, const planar_job *job, int width, int height) {
    struct jpeg_compress_struct *out = &t->out;
    jpeg_create_compress(out);
    out->progress = &t->encoding.progress;
    jpeg_sink_attach(&t->sink, out, job->max_bytes);
    out->image_width = (JDIMENSION)width;
    out->image_height = (JDIMENSION)height;
    out->input_components = t->count;
    out->in_color_space = t->count == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
    jpeg_set_defaults(out);
    jpeg_set_quality(out, job->quality, TRUE);
    jpeg_set_coding(out, job->coding);
    out->raw_data_in = TRUE;
    jpeg_start_compress(out, TRUE);
}

// How many rows of a plane a row of MCUs has.
static int group_of(const planar_transcoder *t, int index) {
    return t->count > 1 && index == 0 ? 2 * PLANAR_DCT : PLANAR_DCT;
}

static codec_status encode(planar_transcoder *t, const planar_job *job, const planar_view *view) {
    if (setjmp(t->encoding.escape)) return t->encoding.status;
    struct jpeg_compress_struct *out = &t->out;
    start(t, job, view->width, view->height);
    JSAMPROW rows[PLANAR_MOST][2 * PLANAR_DCT];
    JSAMPARRAY groups[PLANAR_MOST] = {rows[0], rows[1], rows[2]};
    for (int y = 0; out->next_scanline < out->image_height; y++) {
        for (int i = 0; i < view->count; i++) {
            int count = group_of(t, i);
            for (int r = 0; r < count; r++)
                rows[i][r] = (JSAMPROW)view->planes[i] + (size_t)(y * count + r) * (size_t)view->strides[i];
        }
        jpeg_write_raw_data(out, groups, (JDIMENSION)group_of(t, 0));
    }
    jpeg_finish_compress(out);
    return CODEC_OK;
}

static uint8_t *copy_of_planes(const planar_transcoder *t) {
    size_t total = 0, at = 0;
    for (int i = 0; i < t->count; i++) total += size_of(&t->planes[i]);
    uint8_t *copy = malloc(total);
    for (int i = 0; copy && i < t->count; i++) {
        memcpy(copy + at, t->planes[i].plane, size_of(&t->planes[i]));
        at += size_of(&t->planes[i]);
    }
    return copy;
}

codec_status planar_encode(planar_transcoder *t, const planar_job *job, planar_result *result) {
    uint64_t before = codec_now();
    for (int i = 0; i < t->count && !job->floor_planes; i++) pad(&t->planes[i]);
    result->width = job->transposed ? job->window_height : job->window_width;
    result->height = job->transposed ? job->window_width : job->window_height;
    planar_view view = {.width = result->width, .height = result->height};
    set_view(t, job, &view);
    codec_status status =
        job->encode ? job->encode(&view, job->settings, &result->image) : encode(t, job, &view);
    result->encode_ns = codec_now() - before;
    if (status != CODEC_OK || job->encode) return status;
    if (job->keeps_planes) result->planes = copy_of_planes(t);
    result->image = jpeg_sink_take(&t->sink);
    return CODEC_OK;
}

int planar_streams(const planar_job *job) {
    // Others are given planes; and what is mirrored or turned does not have its first row first.
    return !job->encode && !job->keeps_planes && !job->floor_planes && !job->transposed && !job->mirrored_y;
}

void planar_start_stream(planar_transcoder *t, const planar_job *job, planar_result *result) {
    result->width = job->window_width;
    result->height = job->window_height;
    start(t, job, result->width, result->height);
}

static uint8_t *row_of(const planar_plane *p, int y) {
    return p->plane + (size_t)(y % p->plane_rows) * (size_t)p->out_stride;
}

void planar_make_room(planar_transcoder *t, planar_plane *p) {
    if (p->produced - p->taken <= p->plane_rows) return;
    planar_plane larger = *p;
    larger.plane_rows *= 2;
    larger.plane = planar_get(t, (size_t)larger.out_stride * (size_t)larger.plane_rows);
    for (int y = p->taken; y < p->produced - p->waiting; y++)
        memcpy(row_of(&larger, y), row_of(p, y), (size_t)p->out_width);
    free(p->plane);
    *p = larger;
}

// The last row, again and again, below the picture.
static int last_of(const planar_plane *p, int y) { return y < p->out_height ? y : p->out_height - 1; }

void planar_write_ready(planar_transcoder *t) {
    struct jpeg_compress_struct *out = &t->out;
    JSAMPROW rows[PLANAR_MOST][2 * PLANAR_DCT];
    JSAMPARRAY groups[PLANAR_MOST] = {rows[0], rows[1], rows[2]};
    while (out->next_scanline < out->image_height) {
        for (int i = 0; i < t->count; i++) {
            planar_plane *p = &t->planes[i];
            int count = group_of(t, i), finished = p->produced - p->waiting;
            if (last_of(p, p->taken + count - 1) >= finished) return;
            for (int r = 0; r < count; r++) {
                uint8_t *row = row_of(p, last_of(p, p->taken + r));
                pad_row(p, row);
                rows[i][r] = row;
            }
        }
        jpeg_write_raw_data(out, groups, (JDIMENSION)group_of(t, 0));
        for (int i = 0; i < t->count; i++) t->planes[i].taken += group_of(t, i);
    }
}

void planar_finish_stream(planar_transcoder *t, planar_result *result) {
    uint64_t before = codec_now();
    jpeg_finish_compress(&t->out);
    result->image = jpeg_sink_take(&t->sink);
    result->encode_ns += codec_now() - before;
}
