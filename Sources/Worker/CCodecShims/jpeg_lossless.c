// SPDX-License-Identifier: Apache-2.0
#include "jpeg_lossless.h"

#include <stdlib.h>
#include <string.h>

#include "jpeg_common.h"
#include "jpeg_sink.h"

enum { DCT = 8, MAX_PLANES = 3 };

typedef struct {
    jpeg_guard decoding, encoding;
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    jvirt_barray_ptr turned[MAX_PLANES];
    jpeg_sink sink;
} turner;

static JDIMENSION round_up(JDIMENSION value, int unit) {
    return (value + (JDIMENSION)unit - 1) / (JDIMENSION)unit * (JDIMENSION)unit;
}

static void give_up(turner *t, codec_status status) {
    t->decoding.status = status;
    longjmp(t->decoding.escape, 1);
}

static int is_possible(const struct jpeg_decompress_struct *in, const jpeg_turn *turn) {
    if (in->data_precision != 8 || in->arith_code || in->num_components > MAX_PLANES) return 0;
    // An incomplete MCU cannot come first.
    unsigned across = (unsigned)in->max_h_samp_factor * DCT, down = (unsigned)in->max_v_samp_factor * DCT;
    return !(turn->mirrored_x && in->image_width % across) && !(turn->mirrored_y && in->image_height % down);
}

static int is_turned(const jpeg_turn *turn) { return turn->mirrored_x || turn->mirrored_y || turn->transposed; }

// Every coefficient of the picture as it was, and in its new place if it gets one.
static uint64_t needed_memory(const struct jpeg_decompress_struct *in, const jpeg_turn *turn) {
    uint64_t blocks = 0;
    for (int i = 0; i < in->num_components; i++) {
        const jpeg_component_info *info = &in->comp_info[i];
        blocks += (uint64_t)round_up(info->width_in_blocks, info->h_samp_factor) *
                  round_up(info->height_in_blocks, info->v_samp_factor);
    }
    return blocks * (is_turned(turn) ? 2 : 1) * sizeof(JBLOCK);
}

// What is turned has as many columns of blocks as the other has rows. The encoder asks for whole MCUs.
static void request_turned(turner *t, const jpeg_turn *turn) {
    struct jpeg_decompress_struct *in = &t->in;
    for (int i = 0; i < in->num_components; i++) {
        const jpeg_component_info *info = &in->comp_info[i];
        JDIMENSION columns = round_up(info->width_in_blocks, info->h_samp_factor);
        JDIMENSION rows = round_up(info->height_in_blocks, info->v_samp_factor);
        int at_once = turn->transposed ? info->h_samp_factor : info->v_samp_factor;
        t->turned[i] = in->mem->request_virt_barray(
            (j_common_ptr)in, JPOOL_IMAGE, TRUE, turn->transposed ? rows : columns, turn->transposed ? columns : rows,
            (JDIMENSION)at_once);
    }
}

static void turn_block(const JCOEF *from, JCOEF *to, const jpeg_turn *turn) {
    for (int v = 0; v < DCT; v++)
        for (int u = 0; u < DCT; u++) {
            // A basis function of an odd frequency changes its sign when it is mirrored.
            int is_negative = (turn->mirrored_x && u % 2) != (turn->mirrored_y && v % 2);
            JCOEF value = from[DCT * v + u];
            to[turn->transposed ? DCT * u + v : DCT * v + u] = (JCOEF)(is_negative ? -value : value);
        }
}

// Row by row of what it becomes: libjpeg lets no row be left out in between.
static void turn_component(turner *t, int index, jvirt_barray_ptr source, const jpeg_turn *turn) {
    struct jpeg_decompress_struct *in = &t->in;
    j_common_ptr common = (j_common_ptr)in;
    const jpeg_component_info *info = &in->comp_info[index];
    int columns = (int)info->width_in_blocks, rows = (int)info->height_in_blocks;
    int to_columns = turn->transposed ? rows : columns, to_rows = turn->transposed ? columns : rows;
    for (int to_y = 0; to_y < to_rows; to_y++) {
        if (t->decoding.deadline && codec_now() > t->decoding.deadline) give_up(t, CODEC_DEADLINE);
        JBLOCKARRAY to = in->mem->access_virt_barray(common, t->turned[index], (JDIMENSION)to_y, 1, TRUE);
        for (int to_x = 0; to_x < to_columns; to_x++) {
            int x = turn->transposed ? to_y : to_x, y = turn->transposed ? to_x : to_y;
            if (turn->mirrored_x) x = columns - 1 - x;
            if (turn->mirrored_y) y = rows - 1 - y;
            JBLOCKARRAY from = in->mem->access_virt_barray(common, source, (JDIMENSION)y, 1, FALSE);
            turn_block(from[0][x], to[0][to_x], turn);
        }
    }
}

static void transpose_parameters(struct jpeg_compress_struct *out) {
    JDIMENSION width = out->image_width;
    out->image_width = out->image_height;
    out->image_height = width;
    for (int i = 0; i < out->num_components; i++) {
        jpeg_component_info *info = &out->comp_info[i];
        int across = info->h_samp_factor;
        info->h_samp_factor = info->v_samp_factor;
        info->v_samp_factor = across;
    }
    for (int i = 0; i < NUM_QUANT_TBLS; i++) {
        if (!out->quant_tbl_ptrs[i]) continue;
        UINT16 *steps = out->quant_tbl_ptrs[i]->quantval;
        for (int v = 0; v < DCT; v++)
            for (int u = 0; u < v; u++) {
                UINT16 step = steps[DCT * v + u];
                steps[DCT * v + u] = steps[DCT * u + v];
                steps[DCT * u + v] = step;
            }
    }
}

static codec_status write_file(turner *t, jvirt_barray_ptr *coefficients, const jpeg_turn *turn) {
    if (setjmp(t->encoding.escape)) return t->encoding.status;
    struct jpeg_compress_struct *out = &t->out;
    jpeg_create_compress(out);
    out->progress = &t->encoding.progress;
    jpeg_sink_attach(&t->sink, out, turn->max_bytes);
    jpeg_copy_critical_parameters(&t->in, out);
    if (turn->transposed) transpose_parameters(out);
    // Unless it is to become progressive it stays of its kind, and is no larger for tables that are not made for it.
    jpeg_set_coding(out, t->in.progressive_mode || turn->makes_progressive ? JPEG_PROGRESSIVE : JPEG_OPTIMISED);
    jpeg_write_coefficients(out, coefficients);
    jpeg_finish_compress(out);
    return CODEC_OK;
}

// Every change of `t` is behind a pointer, so that it survives the longjmp.
static codec_status run(turner *t, const uint8_t *bytes, size_t count, const jpeg_turn *turn) {
    if (setjmp(t->decoding.escape)) return t->decoding.status;
    struct jpeg_decompress_struct *in = &t->in;
    jpeg_create_decompress(in);
    jpeg_guard_source(&t->decoding, in, bytes, count);
    in->mem->max_memory_to_use = (long)turn->max_memory;
    jpeg_read_header(in, TRUE);
    if (!is_possible(in, turn) || needed_memory(in, turn) > turn->max_memory) return CODEC_UNSUPPORTED;
    if (!is_turned(turn) && in->progressive_mode) return CODEC_UNSUPPORTED;
    if (is_turned(turn)) request_turned(t, turn);
    jvirt_barray_ptr *source = jpeg_read_coefficients(in);
    if (!jpeg_guard_is_whole(&t->decoding, in)) return CODEC_CORRUPT;
    if (!is_turned(turn)) return write_file(t, source, turn);
    for (int i = 0; i < in->num_components; i++) turn_component(t, i, source[i], turn);
    return write_file(t, t->turned, turn);
}

codec_status jpeg_lossless_turn(
    const uint8_t *bytes, size_t count, const jpeg_turn *turn, encoded_image *out, int *width, int *height) {
    *out = (encoded_image){0};
    turner *t = calloc(1, sizeof *t);
    if (!t) return CODEC_NO_MEMORY;
    t->in.err = jpeg_guard_init(&t->decoding, turn->deadline);
    t->out.err = jpeg_guard_init(&t->encoding, turn->deadline);
    codec_status status = run(t, bytes, count, turn);
    if (status == CODEC_OK) {
        *width = (int)t->out.image_width;
        *height = (int)t->out.image_height;
        *out = jpeg_sink_take(&t->sink);
    }
    jpeg_destroy_compress(&t->out);
    jpeg_destroy_decompress(&t->in);
    jpeg_sink_free(&t->sink);
    free(t);
    return status;
}
