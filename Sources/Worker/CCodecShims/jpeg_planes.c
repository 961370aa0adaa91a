// SPDX-License-Identifier: Apache-2.0
#include "jpeg_planes.h"

#include <stdlib.h>
#include <string.h>

#include "jpeg_planar_private.h"

static codec_status decode(
    planar_transcoder *t, const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result) {
    if (setjmp(t->decoding.escape)) return t->decoding.status;
    planar_start(t, bytes, count, job, result);
    planar_make_rings(t, 1);
    planar_decode(t, NULL, result);
    return CODEC_OK;
}

codec_status jpeg_planes_open(
    const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result, jpeg_planes **planes) {
    *planes = NULL;
    memset(result, 0, sizeof *result);
    planar_transcoder *t = planar_make(job->deadline);
    if (!t) return CODEC_NO_MEMORY;
    codec_status status = decode(t, bytes, count, job, result);
    if (status == CODEC_OK) *planes = t;
    else planar_free(t);
    return status;
}

int jpeg_planes_channels(const jpeg_planes *planes) { return planes->count; }

static uint8_t clamped(int value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

// BT.601 in the full range, in 16 bits after the point.
static void to_rgb(const uint8_t *luma, const uint8_t *blue, const uint8_t *red, size_t count, uint8_t *out) {
    enum { BITS = 16, HALF = 1 << (BITS - 1) };
    for (size_t i = 0; i < count; i++, out += 3) {
        int y = luma[i], b = blue[i] - 128, r = red[i] - 128;
        out[0] = clamped(y + ((91881 * r + HALF) >> BITS));
        out[1] = clamped(y - ((22554 * b + 46802 * r + HALF) >> BITS));
        out[2] = clamped(y + ((116130 * b + HALF) >> BITS));
    }
}

static codec_status sample(planar_transcoder *t, const planar_job *job, int cell, uint8_t *pixels) {
    if (setjmp(t->decoding.escape)) return t->decoding.status;
    planar_aim(t, job, 1, cell);
    int columns = t->planes[0].columns.count, rows = t->planes[0].rows.count;
    size_t count = (size_t)columns * (size_t)rows;
    for (int i = 0; i < t->count; i++) {
        planar_plane *p = &t->planes[i];
        p->plane = t->count == 1 ? pixels : planar_get(t, count);
        p->out_stride = job->transposed ? rows : columns;
        p->plane_rows = rows;
        p->taken = 0;
    }
    planar_resample(t, job);
    if (t->count > 1) to_rgb(t->planes[0].plane, t->planes[1].plane, t->planes[2].plane, count, pixels);
    return CODEC_OK;
}

codec_status jpeg_planes_sample(jpeg_planes *planes, const planar_job *job, int cell, uint8_t *pixels) {
    codec_status status = sample(planes, job, cell, pixels);
    planar_release_aim(planes);
    for (int i = 0; i < planes->count; i++) {
        if (planes->count > 1) free(planes->planes[i].plane);
        planes->planes[i].plane = NULL;
    }
    return status;
}

static codec_status resample(planar_transcoder *t, const planar_job *job) {
    if (setjmp(t->decoding.escape)) return t->decoding.status;
    planar_aim(t, job, 2, 0);
    planar_make_outputs(t, job);
    planar_resample(t, job);
    return CODEC_OK;
}

codec_status jpeg_planes_transcode(jpeg_planes *planes, const planar_job *job, planar_result *result) {
    memset(result, 0, sizeof *result);
    uint64_t before = codec_now();
    codec_status status = resample(planes, job);
    result->resize_ns = codec_now() - before;
    return status == CODEC_OK ? planar_encode(planes, job, result) : status;
}

void jpeg_planes_close(jpeg_planes *planes) { planar_free(planes); }
