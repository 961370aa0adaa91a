// SPDX-License-Identifier: Apache-2.0
#include "jpeg_dc_scans.h"

#include <jerror.h>

#include "jpeg_private.h"
#include "jpeg_scan.h"
#include "jpeg_shortcuts_private.h"

#if JPEG_SHORTCUTS

// The DC coefficients of one component, in whole MCUs.
typedef struct {
    JCOEF *blocks;
    JDIMENSION columns;  // from one row to the next
    const JQUANT_TBL *latched;
    UINT16 quantum;  // of the table that was there when the component's first scan began, as libjpeg has it
} dc_plane;

typedef struct {
    // First, for this is what libjpeg sees.
    struct jpeg_d_coef_controller public;
    struct jpeg_inverse_dct no_idct;
    dc_plane planes[MAX_COMPS_IN_SCAN];
    jpeg_scan scan;
} dc_decoder;

static void check_script(j_decompress_ptr info) {
    int is_wrong = info->Ss == 0
        ? info->Se != 0
        : info->Se < info->Ss || info->Se >= DCTSIZE2 || info->comps_in_scan != 1;
    if (info->Ah != 0) is_wrong |= info->Al != info->Ah - 1;
    if (is_wrong || info->Al > 13) jpeg_scan_fail(info, JERR_BAD_PROGRESSION);
}

static void latch_quantum(j_decompress_ptr info, dc_plane *plane, const jpeg_component_info *component) {
    if (plane->latched) return;
    int number = component->quant_tbl_no;
    if (number >= NUM_QUANT_TBLS || !info->quant_tbl_ptrs[number]) jpeg_scan_fail(info, JERR_NO_QUANT_TABLE);
    plane->latched = info->quant_tbl_ptrs[number];
    plane->quantum = plane->latched->quantval[0];
}

static void read_dc_scan(j_decompress_ptr info, dc_decoder *dc) {
    jpeg_walk walks[D_MAX_BLOCKS_IN_MCU];
    int blocks = jpeg_scan_walks(info, walks);
    JDIMENSION rows = info->comps_in_scan == 1 ? info->cur_comp_info[0]->height_in_blocks : info->total_iMCU_rows;
    jpeg_scan_begin(&dc->scan, info);
    for (JDIMENSION row = 0; row < rows; row++) {
        jpeg_scan_monitor(info);
        for (int i = 0; i < blocks; i++) {
            jpeg_walk *walk = &walks[i];
            const dc_plane *plane = &dc->planes[info->cur_comp_info[walk->component]->component_index];
            size_t y = (size_t)row * (size_t)walk->rows + (size_t)walk->y;
            walk->at = plane->blocks + y * plane->columns + walk->x;
            walk->step = (size_t)walk->columns;
        }
        jpeg_scan_read_dc(&dc->scan, info, walks, blocks);
    }
    jpeg_scan_end(&dc->scan, info);
}

static void read_scan(j_decompress_ptr info, dc_decoder *dc) {
    check_script(info);
    for (int i = 0; i < info->comps_in_scan; i++) {
        const jpeg_component_info *component = info->cur_comp_info[i];
        latch_quantum(info, &dc->planes[component->component_index], component);
    }
    jpeg_scan_make_codes(&dc->scan, info);
    if (info->Ss == 0) read_dc_scan(info, dc);
    else jpeg_scan_skip(info);
}

// What libjpeg's inverse DCT to a single sample does.
static JSAMPLE sample_of(JCOEF coefficient, int16_t quantum) {
    int mean = (coefficient * quantum + 4) >> 3;
    // Its table of limits has an entry for each number of ten bits.
    mean = ((mean & 1023) ^ 512) - 512 + CENTERJSAMPLE;
    return (JSAMPLE)(mean < 0 ? 0 : mean > MAXJSAMPLE ? MAXJSAMPLE : mean);
}

static int give_rows(j_decompress_ptr info, JSAMPIMAGE groups) {
    const dc_decoder *dc = (const dc_decoder *)info->coef;
    for (int i = 0; i < info->num_components; i++) {
        const jpeg_component_info *component = &info->comp_info[i];
        const dc_plane *plane = &dc->planes[i];
        if (jpeg_component_scale(component) != 1) jpeg_scan_fail(info, JERR_NOT_COMPILED);
        JDIMENSION first = info->output_iMCU_row * (JDIMENSION)component->v_samp_factor;
        for (int y = 0; y < component->v_samp_factor && first + (JDIMENSION)y < component->height_in_blocks; y++) {
            const JCOEF *from = plane->blocks + (size_t)(first + (JDIMENSION)y) * plane->columns;
            JSAMPROW to = groups[i][y];
            for (JDIMENSION x = 0; x < component->width_in_blocks; x++)
                to[x] = sample_of(from[x], (int16_t)plane->quantum);
        }
    }
    return ++info->output_iMCU_row < info->total_iMCU_rows ? JPEG_ROW_COMPLETED : JPEG_SCAN_COMPLETED;
}

static void start_no_idct(j_decompress_ptr info) { (void)info; }

static JDIMENSION round_up(JDIMENSION value, int unit) {
    return (value + (JDIMENSION)unit - 1) / (JDIMENSION)unit * (JDIMENSION)unit;
}

static dc_decoder *make_decoder(j_decompress_ptr info) {
    dc_decoder *dc = info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, sizeof *dc);
    memset(dc, 0, sizeof *dc);
    size_t sizes[MAX_COMPS_IN_SCAN], total = 0;
    for (int i = 0; i < info->num_components; i++) {
        const jpeg_component_info *component = &info->comp_info[i];
        dc->planes[i].columns = round_up(component->width_in_blocks, component->h_samp_factor);
        size_t rows = round_up(component->height_in_blocks, component->v_samp_factor);
        sizes[i] = rows * dc->planes[i].columns * sizeof(JCOEF);
        total += sizes[i];
    }
    long most = info->mem->max_memory_to_use;
    if (most > 0 && total > (size_t)most) jpeg_scan_fail(info, JERR_OUT_OF_MEMORY);
    for (int i = 0; i < info->num_components; i++) {
        dc->planes[i].blocks = info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, sizes[i]);
        memset(dc->planes[i].blocks, 0, sizes[i]);
    }
    dc->public.decompress_data = give_rows;
    dc->no_idct.start_pass = start_no_idct;
    return dc;
}

int jpeg_dc_scans_install(j_decompress_ptr info) {
    if (!info->progressive_mode || info->arith_code || info->data_precision != 8 || !info->raw_data_out) return 0;
    if (info->num_components > MAX_COMPS_IN_SCAN) return 0;
    jpeg_calc_output_dimensions(info);
    if (jpeg_minimum_scale(info) != 1) return 0;
    // Chroma that is more than halved has too few samples at this scale, and gets a larger one.
    for (int i = 0; i < info->num_components; i++) {
        const jpeg_component_info *component = &info->comp_info[i];
        if (2 * component->h_samp_factor < info->max_h_samp_factor) return 0;
        if (2 * component->v_samp_factor < info->max_v_samp_factor) return 0;
    }
    dc_decoder *dc = make_decoder(info);
    do {
        jpeg_scan_monitor(info);
        read_scan(info, dc);
    } while (info->marker->read_markers(info) == JPEG_REACHED_SOS);
    info->coef = &dc->public;
    info->idct = &dc->no_idct;
    info->output_iMCU_row = 0;
    info->output_scanline = 0;
    info->global_state = DSTATE_RAW_OK;
    return 1;
}

int jpeg_dc_scans_start(j_decompress_ptr info) {
    if (!jpeg_shortcuts_allowed() || !jpeg_dc_scans_install(info)) return 0;
    jpeg_shortcuts_count(1);
    return 1;
}

#else
int jpeg_dc_scans_start(j_decompress_ptr info) {
    (void)info;
    return 0;
}
#endif
