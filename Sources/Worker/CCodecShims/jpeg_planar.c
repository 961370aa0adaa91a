// SPDX-License-Identifier: Apache-2.0
#include "jpeg_planar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "CResample.h"
#include "jpeg_common.h"
#include "jpeg_dc_scans.h"
#include "jpeg_fast_huffman.h"
#include "jpeg_fast_scans.h"
#include "jpeg_private.h"
#include "jpeg_sink.h"

enum { MAX_PLANES = 3, DCT = 8 };

// One component on its way from rows of the decoder to a plane of the encoder.
typedef struct {
    // Decoder's side: a ring of rows, filled one group of iMCU rows at a time.
    uint8_t *ring;
    int stride, ring_rows, group_rows;
    int width, height;  // samples that belong to the picture, after DCT scaling
    int filled;         // rows decoded so far
    uint8_t **group;    // where the decoder writes next
    // Between the passes.
    cr_taps columns, rows;
    int16_t *row;
    const uint8_t **inputs;
    // Encoder's side. Padded to whole MCUs.
    uint8_t *plane;
    int out_width, out_height, out_stride, out_rows;
    int produced;
} plane;

typedef struct {
    jpeg_guard decoding, encoding;
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    plane planes[MAX_PLANES];
    int count;
    uint8_t *scratch;  // one row, when columns become rows
    jpeg_sink sink;
} transcoder;

int jpeg_scale_for(double ratio) {
    // The margin between what is decoded and what is wanted: a scaled decode is a box filter, whose faults show when
    // there is little left to resample.
    if (ratio / 8 >= 1.75) return 1;
    if (ratio / 4 >= 1.75) return 2;
    if (ratio / 2 >= 1.5) return 4;
    return 8;
}

double jpeg_sharpening_for(int scale) {
    switch (scale) {
    case 4: return 1.0 / 32;
    case 2: return 0.039;
    case 1: return 0.041;
    default: return 0;
    }
}

static int is_planar(const struct jpeg_decompress_struct *in) {
    if (in->data_precision != 8) return 0;
    if (in->num_components == 1) return in->jpeg_color_space == JCS_GRAYSCALE;
    if (in->num_components != 3 || in->jpeg_color_space != JCS_YCbCr) return 0;
    const jpeg_component_info *info = in->comp_info;
    // Luma in full, chroma in both components alike, and factors that divide the largest.
    if (info[0].h_samp_factor != in->max_h_samp_factor || info[0].v_samp_factor != in->max_v_samp_factor) return 0;
    if (info[1].h_samp_factor != info[2].h_samp_factor || info[1].v_samp_factor != info[2].v_samp_factor) return 0;
    return in->max_h_samp_factor % info[1].h_samp_factor == 0 && in->max_v_samp_factor % info[1].v_samp_factor == 0;
}

codec_status jpeg_read_header_of(const uint8_t *bytes, size_t count, jpeg_header *header) {
    jpeg_guard guard;
    struct jpeg_decompress_struct in;
    memset(&in, 0, sizeof in);
    in.err = jpeg_guard_init(&guard, 0);
    if (setjmp(guard.escape)) {
        jpeg_destroy_decompress(&in);
        return guard.status;
    }
    jpeg_create_decompress(&in);
    jpeg_guard_source(&guard, &in, bytes, count);
    jpeg_read_header(&in, TRUE);
    *header = (jpeg_header){
        .width = (int)in.image_width,
        .height = (int)in.image_height,
        .components = in.num_components,
        .is_planar = is_planar(&in),
        .is_progressive = jpeg_has_multiple_scans(&in),
    };
    jpeg_destroy_decompress(&in);
    return CODEC_OK;
}

static int round_up(int value, int unit) { return (value + unit - 1) / unit * unit; }

// Bytes, or an escape: `malloc` where there is a picture to give up.
static void *get(transcoder *t, size_t count) {
    void *memory = malloc(count ? count : 1);
    if (!memory) {
        t->decoding.status = CODEC_NO_MEMORY;
        longjmp(t->decoding.escape, 1);
    }
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
    if (job->resampled_width > job->source_width || job->resampled_height > job->source_height) return DCT;
    for (int own = 1; own < DCT; own *= 2)
        if (2 * own * info->h_samp_factor >= scale * in->max_h_samp_factor &&
            2 * own * info->v_samp_factor >= scale * in->max_v_samp_factor)
            return own;
    return DCT;
}

static void start_decoding(
    transcoder *t, const uint8_t *bytes, size_t count, const planar_job *job, int scale, planar_result *result) {
    uint64_t before = codec_now();
    struct jpeg_decompress_struct *in = &t->in;
    jpeg_create_decompress(in);
    jpeg_guard_source(&t->decoding, in, bytes, count);
    in->mem->max_memory_to_use = (long)job->max_memory;
    jpeg_read_header(in, TRUE);
    if (!is_planar(in)) {
        t->decoding.status = CODEC_UNSUPPORTED;
        longjmp(t->decoding.escape, 1);
    }
    result->header_ns = codec_now() - before;
    in->scale_num = (unsigned)scale;
    in->scale_denom = DCT;
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
    result->decode_ns = codec_now() - before - result->header_ns;
}

static void set_up_plane(transcoder *t, int index, const planar_job *job) {
    const struct jpeg_decompress_struct *in = &t->in;
    const jpeg_component_info *info = &in->comp_info[index];
    plane *p = &t->planes[index];
    int own = jpeg_component_scale(info);
    double density_x = (double)info->h_samp_factor / in->max_h_samp_factor * own / DCT;
    double density_y = (double)info->v_samp_factor / in->max_v_samp_factor * own / DCT;
    p->width = (int)ceil(in->image_width * density_x - 1e-9);
    p->height = (int)ceil(in->image_height * density_y - 1e-9);
    p->group_rows = info->v_samp_factor * own;
    p->stride = (int)info->width_in_blocks * own;
    // The decoder writes whole MCUs, which can be wider than the component's own blocks.
    p->stride = round_up(p->stride, info->h_samp_factor * own) + 64;

    int unit = index == 0 ? 1 : 2;
    double sharpen = jpeg_sharpening_for(own);
    cr_span columns = {job->source_x, job->source_width, job->resampled_width,
                       job->window_x, job->window_width, job->mirrored_x};
    cr_span rows = {job->source_y, job->source_height, job->resampled_height,
                    job->window_y, job->window_height, job->mirrored_y};
    cr_axis x = cr_axis_make(&columns, density_x, unit, p->width, sharpen);
    cr_axis y = cr_axis_make(&rows, density_y, unit, p->height, sharpen);
    p->out_width = x.count;
    p->out_height = y.count;
    // The encoder's MCU is two blocks of luma and one of chroma, in both directions; gray has one block.
    int block = t->count == 1 ? DCT : index == 0 ? 2 * DCT : DCT;
    p->out_stride = round_up(job->transposed ? y.count : x.count, block);
    p->out_rows = round_up(job->transposed ? x.count : y.count, block);
    if (!job->floor_planes) p->plane = get(t, (size_t)p->out_stride * (size_t)p->out_rows);
    if (cr_taps_make(&p->columns, &x) < 0 || cr_taps_make(&p->rows, &y) < 0) {
        t->decoding.status = CODEC_NO_MEMORY;
        longjmp(t->decoding.escape, 1);
    }

    // An output can wait for its turn by less than a group.
    p->ring_rows = round_up(p->rows.span, p->group_rows) + 2 * p->group_rows;
    p->ring = get(t, (size_t)p->ring_rows * (size_t)p->stride);
    p->group = get(t, (size_t)p->group_rows * sizeof *p->group);
    p->inputs = get(t, (size_t)p->rows.span * sizeof *p->inputs);
    size_t padded = (size_t)p->width + (size_t)(p->columns.groups + 2) * CR_GROUP;
    p->row = get(t, padded * sizeof *p->row);
    memset(p->row, 0, padded * sizeof *p->row);
}

// Makes the rows of output whose inputs have all been decoded.
static void resample_available(plane *p, const planar_job *job, uint8_t *scratch) {
    int available = p->filled < p->height ? p->filled : p->height;
    while (p->produced < p->rows.count) {
        // Mirrored rows come out last to first, so that the input is used in the order in which it comes.
        int index = job->mirrored_y ? p->rows.count - 1 - p->produced : p->produced;
        int start = p->rows.start[index], length = p->rows.length[index];
        if (start + length > available) return;
        for (int k = 0; k < length; k++)
            p->inputs[k] = p->ring + (size_t)((start + k) % p->ring_rows) * (size_t)p->stride;
        const int16_t *weights = p->rows.weights + (size_t)index * (size_t)p->rows.groups * CR_GROUP;
        cr_vertical(CR_BEST, p->inputs, weights, length, p->columns.low, p->columns.high, p->row);
        if (!job->transposed) {
            cr_horizontal(CR_BEST, p->row, &p->columns, p->plane + (size_t)index * (size_t)p->out_stride);
        } else {
            cr_horizontal(CR_BEST, p->row, &p->columns, scratch);
            for (int i = 0; i < p->out_width; i++) p->plane[(size_t)i * (size_t)p->out_stride + (size_t)index] = scratch[i];
        }
        p->produced++;
    }
}

static int is_done(const transcoder *t) {
    for (int i = 0; i < t->count; i++)
        if (t->planes[i].produced < t->planes[i].rows.count) return 0;
    return 1;
}

static void decode_and_resample(transcoder *t, const planar_job *job, planar_result *result) {
    struct jpeg_decompress_struct *in = &t->in;
    JSAMPARRAY groups[MAX_PLANES];
    if (job->transposed) t->scratch = get(t, (size_t)t->planes[0].out_width);
    int lines = in->max_v_samp_factor * jpeg_minimum_scale(in);
    // A part of the picture may be all that is wanted: what lies below it is not even looked at.
    while (in->output_scanline < in->output_height && (job->floor_planes || !is_done(t))) {
        for (int i = 0; i < t->count; i++) {
            plane *p = &t->planes[i];
            for (int r = 0; r < p->group_rows; r++)
                p->group[r] = p->ring + (size_t)((p->filled + r) % p->ring_rows) * (size_t)p->stride;
            groups[i] = p->group;
        }
        uint64_t before = codec_now();
        jpeg_read_raw_data(in, groups, (JDIMENSION)lines);
        uint64_t between = codec_now();
        result->decode_ns += between - before;
        for (int i = 0; i < t->count; i++) {
            t->planes[i].filled += t->planes[i].group_rows;
            if (!job->floor_planes) resample_available(&t->planes[i], job, t->scratch);
        }
        result->resize_ns += codec_now() - between;
    }
    if (!jpeg_guard_is_whole(&t->decoding, in) || (!job->floor_planes && !is_done(t))) {
        t->decoding.status = CODEC_CORRUPT;
        longjmp(t->decoding.escape, 1);
    }
}

// The encoder takes whole MCUs; repeating the edge keeps what is outside from ringing into the picture.
static void pad(plane *p, int columns, int rows) {
    for (int y = 0; y < rows; y++) {
        uint8_t *row = p->plane + (size_t)y * (size_t)p->out_stride;
        memset(row + columns, row[columns - 1], (size_t)(p->out_stride - columns));
    }
    const uint8_t *last = p->plane + (size_t)(rows - 1) * (size_t)p->out_stride;
    for (int y = rows; y < p->out_rows; y++)
        memcpy(p->plane + (size_t)y * (size_t)p->out_stride, last, (size_t)p->out_stride);
}

static void encode(transcoder *t, const planar_job *job, planar_result *result) {
    struct jpeg_compress_struct *out = &t->out;
    jpeg_create_compress(out);
    out->progress = &t->encoding.progress;
    jpeg_sink_attach(&t->sink, out, job->max_bytes);
    out->image_width = (JDIMENSION)result->width;
    out->image_height = (JDIMENSION)result->height;
    out->input_components = t->count;
    out->in_color_space = t->count == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
    jpeg_set_defaults(out);
    jpeg_set_quality(out, job->quality, TRUE);
    out->raw_data_in = TRUE;
    jpeg_start_compress(out, TRUE);

    JSAMPROW rows[MAX_PLANES][2 * DCT];
    JSAMPARRAY groups[MAX_PLANES] = {rows[0], rows[1], rows[2]};
    int luma_rows = t->count == 1 ? DCT : 2 * DCT;
    for (int y = 0; out->next_scanline < out->image_height; y++) {
        for (int i = 0; i < t->count; i++) {
            plane *p = &t->planes[i];
            int count = i == 0 ? luma_rows : DCT;
            for (int r = 0; r < count; r++) rows[i][r] = p->plane + (size_t)(y * count + r) * (size_t)p->out_stride;
        }
        jpeg_write_raw_data(out, groups, (JDIMENSION)luma_rows);
    }
    jpeg_finish_compress(out);
}

static codec_status encode_by_another(const transcoder *t, const planar_job *job, planar_result *result) {
    planar_view view = {.width = result->width, .height = result->height, .count = t->count};
    for (int i = 0; i < t->count; i++) {
        view.planes[i] = t->planes[i].plane;
        view.strides[i] = t->planes[i].out_stride;
    }
    return job->encode(&view, job->settings, &result->image);
}

static void release(transcoder *t, const planar_job *job) {
    jpeg_destroy_decompress(&t->in);
    jpeg_destroy_compress(&t->out);
    jpeg_sink_free(&t->sink);
    free(t->scratch);
    for (int i = 0; i < MAX_PLANES; i++) {
        plane *p = &t->planes[i];
        cr_taps_free(&p->columns);
        cr_taps_free(&p->rows);
        free(p->ring);
        free(p->group);
        free(p->inputs);
        free(p->row);
        if (!job->floor_planes) free(p->plane);
    }
}

static uint8_t *copy_of_planes(const transcoder *t) {
    size_t total = 0, at = 0;
    for (int i = 0; i < t->count; i++) total += (size_t)t->planes[i].out_stride * (size_t)t->planes[i].out_rows;
    uint8_t *copy = malloc(total);
    for (int i = 0; copy && i < t->count; i++) {
        size_t size = (size_t)t->planes[i].out_stride * (size_t)t->planes[i].out_rows;
        memcpy(copy + at, t->planes[i].plane, size);
        at += size;
    }
    return copy;
}

// Every change of `t` is behind a pointer, so that it survives the longjmp.
static codec_status transcode(
    transcoder *t, const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result) {
    if (setjmp(t->decoding.escape)) return t->decoding.status;
    start_decoding(t, bytes, count, job, choose_scale(job), result);
    uint64_t before = codec_now();
    for (int i = 0; i < t->count; i++) set_up_plane(t, i, job);
    result->resize_ns = codec_now() - before;
    decode_and_resample(t, job, result);
    before = codec_now();
    uint8_t *given = job->floor_planes;
    for (int i = 0; i < t->count; i++) {
        plane *p = &t->planes[i];
        if (given) {
            p->plane = given;
            given += (size_t)p->out_stride * (size_t)p->out_rows;
        } else pad(p, job->transposed ? p->out_height : p->out_width, job->transposed ? p->out_width : p->out_height);
    }
    result->width = job->transposed ? job->window_height : job->window_width;
    result->height = job->transposed ? job->window_width : job->window_height;
    if (job->encode) {
        codec_status status = encode_by_another(t, job, result);
        result->encode_ns = codec_now() - before;
        return status;
    }
    if (setjmp(t->encoding.escape)) return t->encoding.status;
    encode(t, job, result);
    result->encode_ns = codec_now() - before;
    if (job->keeps_planes) result->planes = copy_of_planes(t);
    result->image = jpeg_sink_take(&t->sink);
    return CODEC_OK;
}

codec_status jpeg_planar_transcode(const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result) {
    memset(result, 0, sizeof *result);
    transcoder *t = calloc(1, sizeof *t);
    if (!t) return CODEC_NO_MEMORY;
    t->in.err = jpeg_guard_init(&t->decoding, job->deadline);
    t->out.err = jpeg_guard_init(&t->encoding, job->deadline);
    codec_status status = transcode(t, bytes, count, job, result);
    release(t, job);
    free(t);
    return status;
}
