// SPDX-License-Identifier: Apache-2.0
//
// libjpeg's decoder against the shortcuts past it, on the same bytes: the same decision about each file, and the same
// coefficients and samples of those that both accept.
//
// scripts/fuzz builds it, with AddressSanitizer and UndefinedBehaviorSanitizer, and runs it beside the others. It is C only,
// so it needs no package build. With -fsanitize=address,undefined and -DCHECK_FILES it becomes a program that checks the
// files it is given.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jpeg_common.h"
#include "jpeg_shortcuts_private.h"

enum { MAX_PIXELS = 1 << 25, GROUP_ROWS = 4 * DCTSIZE };

typedef struct {
    jpeg_guard guard;
    struct jpeg_decompress_struct in;
    uint64_t hash;
    JSAMPLE *rows;
    int took_shortcut;
} decoding;

static void add(decoding *d, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) d->hash = (d->hash ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
}

static decoding *current;

// In the place of the inverse DCT: the coefficients themselves.
static void take_block(
    j_decompress_ptr in, jpeg_component_info *component, JCOEFPTR block, JSAMPARRAY rows, JDIMENSION column) {
    (void)in, (void)rows;
    add(current, &component->component_index, sizeof component->component_index);
    add(current, &column, sizeof column);
    add(current, block, sizeof(JBLOCK));
}

static codec_status decode(decoding *d, const uint8_t *bytes, size_t count, int scale, int by_shortcut) {
    memset(d, 0, sizeof *d);
    struct jpeg_decompress_struct *in = &d->in;
    in->err = jpeg_guard_init(&d->guard, 0);
    if (setjmp(d->guard.escape)) return d->guard.status;
    jpeg_create_decompress(in);
    jpeg_guard_source(&d->guard, in, bytes, count);
    in->mem->max_memory_to_use = 256 << 20;
    jpeg_read_header(in, TRUE);
    if ((uint64_t)in->image_width * in->image_height > MAX_PIXELS) return CODEC_TOO_MANY_PIXELS;
    if (in->num_components > MAX_COMPS_IN_SCAN) return CODEC_UNSUPPORTED;
    in->scale_num = (unsigned)scale;
    in->scale_denom = DCTSIZE;
    in->raw_data_out = TRUE;
    in->out_color_space = in->jpeg_color_space;
    in->do_block_smoothing = FALSE;
    d->took_shortcut = by_shortcut && jpeg_dc_scans_install(in);
    int has_started = d->took_shortcut;
    if (by_shortcut && !has_started) d->took_shortcut = jpeg_fast_scans_install(in);
    if (!has_started) jpeg_start_decompress(in);
    for (int i = 0; i < in->num_components; i++) jpeg_set_component_scale(&in->comp_info[i], scale);
    jpeg_restart_idct(in);
    // Without its AC coefficients there is nothing to see in a block at this scale.
    if (scale == DCTSIZE)
        for (int i = 0; i < in->num_components; i++) in->idct->inverse_DCT[i] = take_block;
    if (by_shortcut && !d->took_shortcut) d->took_shortcut = jpeg_fast_huffman_install(in, 0, 0);
    current = d;
    size_t width = (size_t)(in->image_width + 4 * DCTSIZE * DCTSIZE) * 4;
    d->rows = calloc(GROUP_ROWS * MAX_COMPS_IN_SCAN, width);
    JSAMPROW rows[MAX_COMPS_IN_SCAN][GROUP_ROWS];
    JSAMPARRAY groups[MAX_COMPS_IN_SCAN] = {rows[0], rows[1], rows[2], rows[3]};
    for (int i = 0; i < MAX_COMPS_IN_SCAN; i++)
        for (int r = 0; r < GROUP_ROWS; r++) rows[i][r] = d->rows + (size_t)(i * GROUP_ROWS + r) * width;
    while (in->output_scanline < in->output_height) {
        jpeg_read_raw_data(in, groups, (JDIMENSION)(in->max_v_samp_factor * scale));
        for (int i = 0; i < in->num_components; i++)
            for (int r = 0; r < in->comp_info[i].v_samp_factor * scale; r++)
                add(d, rows[i][r], in->comp_info[i].width_in_blocks * (size_t)scale);
    }
    if (!jpeg_guard_is_whole(&d->guard, in)) return CODEC_CORRUPT;
    // The source must have been left in order.
    if (!in->progressive_mode) jpeg_finish_decompress(in);
    return CODEC_OK;
}

static void release(decoding *d) {
    jpeg_destroy_decompress(&d->in);
    free(d->rows);
}

static void compare(const uint8_t *bytes, size_t count, int scale) {
    static decoding stock, ours;
    codec_status expected = decode(&stock, bytes, count, scale, 0), got = decode(&ours, bytes, count, scale, 1);
    // Nobody looks into AC scans that nobody needs, so errors in there stay unseen, or are seen later as others.
    int may_differ = ours.in.progressive_mode && scale == 1;
    int is_right = expected == CODEC_OK ? got == CODEC_OK && stock.hash == ours.hash : got == expected || may_differ;
    if (!is_right) {
        fprintf(stderr, "scale %d: libjpeg %d, shortcut %d (taken: %d)\n", scale, expected, got, ours.took_shortcut);
        abort();
    }
    release(&stock);
    release(&ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static const int scales[] = {1, DCTSIZE / 2, DCTSIZE};
    for (int i = 0; i < 3; i++) compare(bytes, count, scales[i]);
    return 0;
}

#ifdef CHECK_FILES
int main(int count, char **names) {
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(names[i], "rb");
        if (!file) return 1;
        fseek(file, 0, SEEK_END);
        size_t size = (size_t)ftell(file);
        rewind(file);
        uint8_t *bytes = malloc(size ? size : 1);
        if (fread(bytes, 1, size, file) != size) return 1;
        fclose(file);
        for (int scale = 1; scale <= DCTSIZE; scale *= 2) compare(bytes, size, scale);
        free(bytes);
    }
    printf("%d files: the same\n", count - 1);
}
#endif
