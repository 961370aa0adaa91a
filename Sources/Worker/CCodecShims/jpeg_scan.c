// SPDX-License-Identifier: Apache-2.0
#include "jpeg_scan.h"

#include <jerror.h>
#include <string.h>

void jpeg_scan_fail(j_decompress_ptr info, int code) {
    info->err->msg_code = code;
    info->err->error_exit((j_common_ptr)info);
    // It does not come back.
    __builtin_trap();
}

void jpeg_scan_monitor(j_decompress_ptr info) {
    if (info->progress) info->progress->progress_monitor((j_common_ptr)info);
}

static void seek(j_decompress_ptr info, const uint8_t *position) {
    info->src->bytes_in_buffer -= (size_t)(position - info->src->next_input_byte);
    info->src->next_input_byte = position;
}

// The next 0xFF that is neither stuffed nor a filler, or the end.
static const uint8_t *find_marker(const uint8_t *from, const uint8_t *end) {
    while (from < end && (from = memchr(from, 0xFF, (size_t)(end - from)))) {
        if (from + 1 == end) break;
        if (from[1] != 0 && from[1] != 0xFF) return from;
        from += from[1] == 0 ? 2 : 1;
    }
    return end;
}

void jpeg_scan_begin(jpeg_scan *scan, j_decompress_ptr info) {
    const uint8_t *source = info->src->next_input_byte;
    jpeg_bits_open(&scan->bits, source, source + info->src->bytes_in_buffer);
    scan->before_restart = info->restart_interval;
    scan->marker = 0;
    memset(scan->sums, 0, sizeof scan->sums);
}

void jpeg_scan_end(const jpeg_scan *scan, j_decompress_ptr info) { seek(info, jpeg_bits_position(&scan->bits)); }

void jpeg_scan_skip(j_decompress_ptr info) {
    const uint8_t *end = info->src->next_input_byte + info->src->bytes_in_buffer;
    const uint8_t *marker = find_marker(info->src->next_input_byte, end);
    while (marker < end && marker[1] >= JPEG_RST0 && marker[1] <= JPEG_RST0 + 7) marker = find_marker(marker + 2, end);
    seek(info, marker);
}

void jpeg_scan_restart(jpeg_scan *scan, j_decompress_ptr info) {
    jpeg_bits *bits = &scan->bits;
    if (!jpeg_bits_restart(bits, scan->marker)) {
        const uint8_t *marker = find_marker(jpeg_bits_position(bits), bits->end);
        if (marker == bits->end || marker[1] != JPEG_RST0 + scan->marker) jpeg_scan_fail(info, JWRN_MUST_RESYNC);
        // Only too much between the interval's last bits and the marker: libjpeg warns, and so do we.
        info->err->msg_code = JWRN_EXTRANEOUS_DATA;
        info->err->emit_message((j_common_ptr)info, -1);
        jpeg_bits_open(bits, marker + 2, bits->end);
    }
    scan->marker = (scan->marker + 1) & 7;
    scan->before_restart = info->restart_interval - 1;
    memset(scan->sums, 0, sizeof scan->sums);
}

void jpeg_scan_make_codes(jpeg_scan *scan, j_decompress_ptr info) {
    int is_dc = info->Ss == 0;
    // Bits of DC coefficients stand there as they are.
    if (is_dc && info->Ah != 0) return;
    for (int i = 0; i < info->comps_in_scan; i++) {
        const jpeg_component_info *component = info->cur_comp_info[i];
        int number = is_dc ? component->dc_tbl_no : component->ac_tbl_no;
        if (number >= NUM_HUFF_TBLS) jpeg_scan_fail(info, JERR_NO_HUFF_TABLE);
        const JHUFF_TBL *table = is_dc ? info->dc_huff_tbl_ptrs[number] : info->ac_huff_tbl_ptrs[number];
        if (!table) jpeg_scan_fail(info, JERR_NO_HUFF_TABLE);
        if (!jpeg_codes_make(&scan->codes[i], table, is_dc)) jpeg_scan_fail(info, JERR_BAD_HUFF_TABLE);
    }
}

int jpeg_scan_walks(j_decompress_ptr info, jpeg_walk walks[D_MAX_BLOCKS_IN_MCU]) {
    int count = 0;
    for (int i = 0; i < info->comps_in_scan; i++) {
        const jpeg_component_info *component = info->cur_comp_info[i];
        // Alone in a scan, a component's blocks come in their own order.
        int columns = info->comps_in_scan == 1 ? 1 : component->h_samp_factor;
        int rows = info->comps_in_scan == 1 ? 1 : component->v_samp_factor;
        if (count + columns * rows > D_MAX_BLOCKS_IN_MCU) jpeg_scan_fail(info, JERR_BAD_MCU_SIZE);
        for (int k = 0; k < columns * rows; k++)
            walks[count++] =
                (jpeg_walk){.component = i, .x = k % columns, .y = k / columns, .columns = columns, .rows = rows};
    }
    return count;
}

JDIMENSION jpeg_scan_columns(const struct jpeg_decompress_struct *info) {
    if (info->comps_in_scan == 1) return info->cur_comp_info[0]->width_in_blocks;
    JDIMENSION unit = (JDIMENSION)info->max_h_samp_factor * DCTSIZE;
    return (info->image_width + unit - 1) / unit;
}

static inline __attribute__((always_inline)) void read_dc(
    jpeg_scan *scan, j_decompress_ptr info, jpeg_walk *walks, int blocks, int is_first) {
    jpeg_bits *bits = &scan->bits;
    for (JDIMENSION column = 0, columns = jpeg_scan_columns(info); column < columns; column++) {
        jpeg_scan_restarts(scan, info);
        jpeg_bits_make_safe(bits);
        jpeg_reader reader = bits->reader;
        if (!is_first) jpeg_refill(&reader);
        for (int i = 0; i < blocks; i++) {
            jpeg_walk *walk = &walks[i];
            if (is_first) {
                jpeg_refill(&reader);
                int size = jpeg_take_symbol(&scan->codes[walk->component], &reader);
                if (size < 0) jpeg_scan_fail(info, JWRN_HUFF_BAD_CODE);
                int *sum = &scan->sums[walk->component];
                if (__builtin_add_overflow(*sum, jpeg_take_value(&reader, (unsigned)size), sum))
                    jpeg_scan_fail(info, JERR_BAD_DCT_COEF);
                *walk->at = (JCOEF)((unsigned)*sum << info->Al);
            } else {
                *walk->at |= (JCOEF)((reader.bits >> 63) << info->Al);
                jpeg_drop(&reader, 1);
            }
            walk->at += walk->step;
        }
        bits->reader = reader;
        if (jpeg_bits_ran_over(bits)) jpeg_scan_fail(info, JWRN_HIT_MARKER);
    }
}

void jpeg_scan_read_dc(jpeg_scan *scan, j_decompress_ptr info, jpeg_walk *walks, int blocks) {
    if (info->Ah == 0) read_dc(scan, info, walks, blocks, 1);
    else read_dc(scan, info, walks, blocks, 0);
}
