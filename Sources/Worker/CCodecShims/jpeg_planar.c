// SPDX-License-Identifier: Apache-2.0
#include "jpeg_planar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jpeg_dc_scans.h"
#include "jpeg_fast_huffman.h"
#include "jpeg_fast_scans.h"
#include "jpeg_planar_private.h"
#include "jpeg_private.h"

static int round_up(int value, int unit) { return (value + unit - 1) / unit * unit; }

planar_transcoder *planar_make(uint64_t deadline) {
    planar_transcoder *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->in.err = jpeg_guard_init(&t->decoding, deadline);
    t->out.err = jpeg_guard_init(&t->encoding, deadline);
    return t;
}

void planar_free(planar_transcoder *t) {
    jpeg_destroy_decompress(&t->in);
    jpeg_destroy_compress(&t->out);
    jpeg_sink_free(&t->sink);
    planar_release_aim(t);
    for (int i = 0; i < PLANAR_MOST; i++) {
        planar_plane *p = &t->planes[i];
        free(p->ring);
        free(p->group);
        free(p->plane);
    }
    free(t);
}

static void leave(planar_transcoder *t, codec_status status) {
    t->decoding.status = status;
    longjmp(t->decoding.escape, 1);
}

void *planar_get(planar_transcoder *t, size_t count) {
    void *memory = malloc(count ? count : 1);
    if (!memory) leave(t, CODEC_NO_MEMORY);
    cr_provide(memory, count);
    return memory;
}

static int choose_scale(const planar_job *job) {
    if (job->scale) return job->scale;
    double x = (double)job->source_width / job->resampled_width;
    double y = (double)job->source_height / job->resampled_height;
    return jpeg_scale_for(x < y ? x : y);
}

// The smallest DCT scale of a chroma component that still has as many samples as half-resolution chroma needs; all that
// there are when the picture grows.
static int chroma_scale(
    const struct jpeg_decompress_struct *in, const jpeg_component_info *info, const planar_job *job, int scale) {
    if (job->resampled_width > job->source_width || job->resampled_height > job->source_height) return PLANAR_DCT;
    for (int own = 1; own < PLANAR_DCT; own *= 2)
        if (2 * own * info->h_samp_factor >= scale * in->max_h_samp_factor &&
            2 * own * info->v_samp_factor >= scale * in->max_v_samp_factor)
            return own;
    return PLANAR_DCT;
}

// Where the decoder writes, and what of that is the picture.
static void measure_plane(planar_transcoder *t, int index) {
    const struct jpeg_decompress_struct *in = &t->in;
    const jpeg_component_info *info = &in->comp_info[index];
    planar_plane *p = &t->planes[index];
    p->scale = jpeg_component_scale(info);
    p->density_x = (double)info->h_samp_factor / in->max_h_samp_factor * p->scale / PLANAR_DCT;
    p->density_y = (double)info->v_samp_factor / in->max_v_samp_factor * p->scale / PLANAR_DCT;
    p->width = (int)ceil(in->image_width * p->density_x - 1e-9);
    p->height = (int)ceil(in->image_height * p->density_y - 1e-9);
    p->group_rows = info->v_samp_factor * p->scale;
    p->stride = (int)info->width_in_blocks * p->scale;
    // The decoder writes whole MCUs, which can be wider than the component's own blocks.
    p->stride = round_up(p->stride, info->h_samp_factor * p->scale) + 64;
}

void planar_start(
    planar_transcoder *t, const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result) {
    uint64_t before = codec_now();
    int scale = choose_scale(job);
    struct jpeg_decompress_struct *in = &t->in;
    jpeg_create_decompress(in);
    jpeg_guard_source(&t->decoding, in, bytes, count);
    in->mem->max_memory_to_use = (long)job->max_memory;
    jpeg_read_header(in, TRUE);
    if (!jpeg_is_planar(in)) {
        t->decoding.status = CODEC_UNSUPPORTED;
        longjmp(t->decoding.escape, 1);
    }
    result->header_ns = codec_now() - before;
    in->scale_num = (unsigned)scale;
    in->scale_denom = PLANAR_DCT;
    in->raw_data_out = TRUE;
    in->out_color_space = in->jpeg_color_space;
    // Guesses at what a progressive file that is not complete would look like.
    in->do_block_smoothing = FALSE;
    if (!jpeg_dc_scans_start(in)) jpeg_fast_scans_start(in);
    t->count = in->num_components;
    // libjpeg makes chroma as large as luma by a larger DCT; here each component keeps its own resolution.
    for (int i = 1; i < t->count; i++)
        jpeg_set_component_scale(&in->comp_info[i], chroma_scale(in, &in->comp_info[i], job, scale));
    jpeg_restart_idct(in);
    jpeg_fast_huffman_start(in);
    for (int i = 0; i < t->count; i++) measure_plane(t, i);
    result->decode_ns = codec_now() - before - result->header_ns;
}

// From one range of samples to the other, where source and result differ.
static void change_range(const planar_transcoder *t, const planar_job *job, int is_luma, cr_taps *columns) {
    if (t->is_narrow == job->wants_narrow) return;
    double gain = is_luma ? 219.0 / 255 : 224.0 / 255, from = is_luma ? 0 : 128, to = is_luma ? 16 : 128;
    if (job->wants_narrow) cr_taps_change(columns, gain, to - from * gain);
    else cr_taps_change(columns, 1 / gain, from - to / gain);
}

static int is_as_it_was(const cr_taps *taps) {
    for (int i = 0; i < taps->count; i++)
        if (taps->length[i] != 1 || taps->start[i] != taps->start[0] + i) return 0;
    return 1;
}

// A picture that keeps its size is at most cut and changed in range: the same bytes as both passes would give.
static void choose_copying(planar_plane *p) {
    p->is_copied = is_as_it_was(&p->columns) && is_as_it_was(&p->rows);
    for (int i = 0; i < 256 && p->is_copied; i++) {
        int value = (i << CR_ROW_BITS) * p->columns.weights[0] + p->columns.bias;
        value >>= CR_TAP_BITS + CR_ROW_BITS;
        p->table[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

static void copy_row(const planar_plane *p, const uint8_t *in, uint8_t *out) {
    in += p->columns.start[0];
    if (p->table[1] == 1 && p->table[255] == 255) memcpy(out, in, (size_t)p->columns.count);
    else
        for (int x = 0; x < p->columns.count; x++) out[x] = p->table[in[x]];
}

void planar_aim(planar_transcoder *t, const planar_job *job, int unit, int cell) {
    cr_span columns = {job->source_x, job->source_width, job->resampled_width,
                       job->window_x, job->window_width, job->mirrored_x, job->mirrored_first_x};
    cr_span rows = {job->source_y, job->source_height, job->resampled_height,
                    job->window_y, job->window_height, job->mirrored_y, job->mirrored_first_y};
    for (int i = 0; i < t->count; i++) {
        planar_plane *p = &t->planes[i];
        double sharpen = jpeg_sharpening_for(p->scale);
        cr_axis x = cr_axis_make(&columns, p->density_x, i == 0 ? 1 : unit, p->width, sharpen);
        cr_axis y = cr_axis_make(&rows, p->density_y, i == 0 ? 1 : unit, p->height, sharpen);
        if (cell) {
            // See AxisSpan.
            x.is_cubic = y.is_cubic = 1;
            cr_axis_sample(&x, cell);
            cr_axis_sample(&y, cell);
        }
        const planar_plane *before = i > 0 ? &t->planes[i - 1] : NULL;
        // The planes of chroma are alike.
        if (i == 2 && p->scale == before->scale && p->width == before->width && p->height == before->height) {
            p->columns = before->columns;
            p->rows = before->rows;
            p->borrows_taps = 1;
        } else {
            if (cr_taps_make(&p->columns, &x) < 0 || cr_taps_make(&p->rows, &y) < 0) leave(t, CODEC_NO_MEMORY);
            change_range(t, job, i == 0, &p->columns);
            // A darker picture has less luma, and the same colours.
            if (cell && i == 0) cr_taps_change(&p->columns, 1, -1);
        }
        choose_copying(p);
        p->inputs = planar_get(t, (size_t)p->rows.span * sizeof *p->inputs);
        p->batch_stride = (size_t)p->width + (size_t)(p->columns.groups + 2) * CR_GROUP;
        p->batch = planar_get(t, CR_ROWS * p->batch_stride * sizeof *p->batch);
        memset(p->batch, 0, CR_ROWS * p->batch_stride * sizeof *p->batch);
        p->scratch = planar_get(t, cr_rows_scratch(&p->columns));
        p->waiting = p->produced = 0;
    }
    if (job->transposed) t->turned = planar_get(t, CR_ROWS * (size_t)t->planes[0].columns.count);
}

void planar_release_aim(planar_transcoder *t) {
    for (int i = 0; i < PLANAR_MOST; i++) {
        planar_plane *p = &t->planes[i];
        if (!p->borrows_taps) {
            cr_taps_free(&p->columns);
            cr_taps_free(&p->rows);
        }
        free(p->inputs);
        free(p->batch);
        free(p->scratch);
        p->inputs = NULL;
        p->batch = NULL;
        p->scratch = NULL;
        p->borrows_taps = 0;
        memset(&p->columns, 0, sizeof p->columns);
        memset(&p->rows, 0, sizeof p->rows);
    }
    free(t->turned);
    t->turned = NULL;
}

void planar_make_rings(planar_transcoder *t, int keeps_all) {
    for (int i = 0; i < t->count; i++) {
        planar_plane *p = &t->planes[i];
        // An output can wait for its turn by less than a group, and rows that are copied by less than a batch, which is two.
        p->ring_rows = round_up(keeps_all ? p->height : p->rows.span, p->group_rows) + 2 * p->group_rows;
        p->ring = planar_get(t, (size_t)p->ring_rows * (size_t)p->stride);
        p->group = planar_get(t, (size_t)p->group_rows * sizeof *p->group);
    }
}

static void finish_batch(planar_transcoder *t, planar_plane *p) {
    uint8_t *turned = t->turned;
    if (t->streams) planar_make_room(t, p);
    const int16_t *rows[CR_ROWS];
    uint8_t *out[CR_ROWS];
    for (int i = 0; i < p->waiting; i++) {
        rows[i] = p->batch + (size_t)i * p->batch_stride;
        out[i] = turned ? turned + (size_t)i * (size_t)p->columns.count
                        : p->plane + (size_t)(p->places[i] % p->plane_rows) * (size_t)p->out_stride;
    }
    if (!p->is_copied) cr_horizontal_rows(CR_BEST, rows, p->waiting, &p->columns, p->scratch, out);
    for (int i = 0; p->is_copied && i < p->waiting; i++) copy_row(p, p->copied[i], out[i]);
    if (turned && p->waiting > 0) {
        // Mirrored ones come from the last to the first.
        int last = p->waiting - 1, is_mirrored = p->places[last] < p->places[0];
        ptrdiff_t width = p->columns.count;
        cr_store_columns(
            is_mirrored ? turned + last * width : turned, is_mirrored ? -width : width, p->waiting, 1, (int)width,
            p->plane + p->places[is_mirrored ? last : 0], (size_t)p->out_stride);
    }
    p->waiting = 0;
}

static void resample_plane(planar_transcoder *t, planar_plane *p, const planar_job *job) {
    int available = p->filled < p->height ? p->filled : p->height;
    while (p->produced < p->rows.count) {
        // Mirrored rows come out last to first, so that the input is used in the order in which it comes.
        int index = job->mirrored_y ? p->rows.count - 1 - p->produced : p->produced;
        int start = p->rows.start[index], length = p->rows.length[index];
        if (start + length > available) return;
        for (int k = 0; k < length; k++)
            p->inputs[k] = p->ring + (size_t)((start + k) % p->ring_rows) * (size_t)p->stride;
        const int16_t *weights = p->rows.weights + (size_t)index * (size_t)p->rows.groups * CR_GROUP;
        int16_t *row = p->batch + (size_t)p->waiting * p->batch_stride;
        if (p->is_copied) p->copied[p->waiting] = p->inputs[0];
        else cr_vertical(CR_BEST, p->inputs, weights, length, p->columns.low, p->columns.high, row);
        p->places[p->waiting++] = index;
        p->produced++;
        if (p->waiting == CR_ROWS || p->produced == p->rows.count) finish_batch(t, p);
    }
}

void planar_resample(planar_transcoder *t, const planar_job *job) {
    for (int i = 0; i < t->count; i++) resample_plane(t, &t->planes[i], job);
}

static int is_done(const planar_transcoder *t) {
    for (int i = 0; i < t->count; i++)
        if (t->planes[i].produced < t->planes[i].rows.count) return 0;
    return 1;
}

void planar_decode(planar_transcoder *t, const planar_job *job, planar_result *result) {
    struct jpeg_decompress_struct *in = &t->in;
    JSAMPARRAY groups[PLANAR_MOST];
    int lines = in->max_v_samp_factor * jpeg_minimum_scale(in);
    // A part of the picture may be all that is wanted: what lies below it is not even looked at.
    while (in->output_scanline < in->output_height && (!job || !is_done(t))) {
        for (int i = 0; i < t->count; i++) {
            planar_plane *p = &t->planes[i];
            for (int r = 0; r < p->group_rows; r++)
                p->group[r] = p->ring + (size_t)((p->filled + r) % p->ring_rows) * (size_t)p->stride;
            groups[i] = p->group;
        }
        uint64_t before = codec_now();
        jpeg_read_raw_data(in, groups, (JDIMENSION)lines);
        uint64_t between = codec_now();
        result->decode_ns += between - before;
        for (int i = 0; i < t->count; i++) t->planes[i].filled += t->planes[i].group_rows;
        if (!job) continue;
        planar_resample(t, job);
        uint64_t after = codec_now();
        result->resize_ns += after - between;
        if (!t->streams) continue;
        planar_write_ready(t);
        result->encode_ns += codec_now() - after;
    }
    if (!jpeg_guard_is_whole(&t->decoding, in) || (job && !is_done(t))) leave(t, CODEC_CORRUPT);
}

// Every change of `t` is behind a pointer, so that it survives the longjmp.
static codec_status make_planes(
    planar_transcoder *t, const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result) {
    if (setjmp(t->decoding.escape)) return t->decoding.status;
    // Where rows are encoded as they come.
    if (setjmp(t->encoding.escape)) return t->encoding.status;
    planar_start(t, bytes, count, job, result);
    uint64_t before = codec_now();
    int resamples = !job->floor_planes;
    if (resamples) planar_aim(t, job, 2, 0);
    planar_make_rings(t, 0);
    t->streams = planar_streams(job);
    planar_make_outputs(t, job);
    if (t->streams) planar_start_stream(t, job, result);
    result->resize_ns = codec_now() - before;
    planar_decode(t, resamples ? job : NULL, result);
    if (t->streams) planar_finish_stream(t, result);
    return CODEC_OK;
}

codec_status jpeg_planar_transcode(const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result) {
    memset(result, 0, sizeof *result);
    planar_transcoder *t = planar_make(job->deadline);
    if (!t) return CODEC_NO_MEMORY;
    codec_status status = make_planes(t, bytes, count, job, result);
    if (status == CODEC_OK && !t->streams) status = planar_encode(t, job, result);
    planar_free(t);
    return status;
}
