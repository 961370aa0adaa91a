// SPDX-License-Identifier: Apache-2.0
#include "jpeg_fast_scans.h"

#include <jerror.h>

#include "jpeg_private.h"
#include "jpeg_scan.h"
#include "jpeg_shortcuts_private.h"

#if JPEG_SHORTCUTS

typedef struct {
    // First, for this is what libjpeg sees.
    struct jpeg_entropy_decoder public;
    struct jpeg_entropy_decoder *stock;
    struct jpeg_progress_mgr hook, *monitor;
    // By component and block: which coefficients are not zero, in zigzag order. A refinement has to know, and these are
    // a sixteenth of what it would have to look through otherwise.
    uint64_t *nonzero[MAX_COMPONENTS];
    jpeg_scan scan;
    unsigned end_run;  // blocks that have no new coefficients any more
} scan_decoder;

static uint64_t bit(unsigned k) { return (uint64_t)1 << (k < DCTSIZE2 ? k : DCTSIZE2 - 1); }

// Those from `k` on.
static uint64_t from(unsigned k) { return k < DCTSIZE2 ? ~(uint64_t)0 << k : 0; }

static inline unsigned take_bits(jpeg_reader *reader, unsigned count) {
    unsigned value = (unsigned)(reader->bits >> 1 >> (63 - count));
    jpeg_drop(reader, count);
    return value;
}

// The run of blocks that begins with this one.
static inline unsigned take_end_run(jpeg_reader *reader, unsigned size) {
    return (1u << size) + take_bits(reader, size);
}

static inline int read_first(
    const jpeg_codes *codes, jpeg_reader *reader, j_decompress_ptr info, JCOEFPTR block, uint64_t *nonzero,
    unsigned *end_run) {
    for (unsigned k = (unsigned)info->Ss; k <= (unsigned)info->Se; k++) {
        jpeg_refill(reader);
        int symbol = jpeg_take_symbol(codes, reader);
        if (symbol < 0) return 0;
        unsigned run = (unsigned)symbol >> 4, size = symbol & 15;
        k += run;
        if (size) {
            JCOEF value = (JCOEF)((unsigned)jpeg_take_value(reader, size) << info->Al);
            block[jpeg_zigzag[k]] = value;
            *nonzero = value ? *nonzero | bit(k) : *nonzero & ~bit(k);
        } else if (run < 15) {
            *end_run = take_end_run(reader, run) - 1;
            break;
        }
    }
    return 1;
}

// One more bit of each of these coefficients.
static inline void refine(jpeg_reader *reader, JCOEFPTR block, uint64_t which, int low) {
    while (which) {
        jpeg_refill(reader);
        for (int i = 0; i < 56 && which; i++, which &= which - 1) {
            JCOEF *at = &block[jpeg_zigzag[__builtin_ctzll(which)]];
            int value = *at, one = 1 << low;
            // Away from zero, if the bit says so and is not there already. A branch could not be predicted.
            int sign = value >> 15, is_to_be = (int)take_bits(reader, 1) & ~(value >> low);
            *at = (JCOEF)(value + (((one ^ sign) - sign) & -is_to_be));
        }
    }
}

static inline int read_refinement(
    const jpeg_codes *codes, jpeg_reader *reader, j_decompress_ptr info, JCOEFPTR block, uint64_t *nonzero,
    unsigned *end_run) {
    unsigned k = (unsigned)info->Ss, end = (unsigned)info->Se + 1;
    uint64_t band = from(k) & ~from(end);
    while (*end_run == 0 && k < end) {
        jpeg_refill(reader);
        int symbol = jpeg_take_symbol(codes, reader);
        if (symbol < 0) return 0;
        unsigned run = (unsigned)symbol >> 4, size = symbol & 15;
        JCOEF value = 0;
        if (size) {
            // A coefficient that is new is the bit that is coded.
            if (size != 1) return 0;
            value = (JCOEF)(take_bits(reader, 1) ? 1 << info->Al : -(1 << info->Al));
        } else if (run < 15) {
            *end_run = take_end_run(reader, run);
            break;
        }
        // After so many zeros, that is at the next one.
        uint64_t zeros = ~*nonzero & band & from(k);
        while (run-- && zeros) zeros &= zeros - 1;
        unsigned at = zeros ? (unsigned)__builtin_ctzll(zeros) : end;
        refine(reader, block, *nonzero & band & from(k) & ~from(at), info->Al);
        if (size) {
            block[jpeg_zigzag[at]] = value;
            *nonzero |= bit(at);
        }
        k = at + 1;
    }
    if (*end_run) {
        refine(reader, block, *nonzero & band & from(k), info->Al);
        --*end_run;
    }
    return 1;
}

// One row of blocks of an AC scan.
static inline __attribute__((always_inline)) void read_row(
    scan_decoder *fast, j_decompress_ptr info, JBLOCKROW row, uint64_t *nonzero, int is_first) {
    jpeg_scan *scan = &fast->scan;
    jpeg_bits *bits = &scan->bits;
    uint64_t band = from((unsigned)info->Ss) & ~from((unsigned)info->Se + 1);
    for (JDIMENSION column = 0; column < info->cur_comp_info[0]->width_in_blocks; column++) {
        if (jpeg_scan_restarts(scan, info)) fast->end_run = 0;
        if (fast->end_run && (is_first || !(nonzero[column] & band))) {
            fast->end_run--;
            continue;
        }
        jpeg_bits_make_safe(bits);
        jpeg_reader reader = bits->reader;
        uint64_t known = nonzero[column];
        unsigned end_run = fast->end_run;
        int is_right = is_first ? read_first(&scan->codes[0], &reader, info, row[column], &known, &end_run)
                                : read_refinement(&scan->codes[0], &reader, info, row[column], &known, &end_run);
        if (!is_right) jpeg_scan_fail(info, JWRN_HUFF_BAD_CODE);
        fast->end_run = end_run;
        nonzero[column] = known;
        bits->reader = reader;
        if (jpeg_bits_ran_over(bits)) jpeg_scan_fail(info, JWRN_HIT_MARKER);
    }
}

static void read_ac_scan(scan_decoder *fast, j_decompress_ptr info) {
    const jpeg_component_info *component = info->cur_comp_info[0];
    int index = component->component_index;
    JDIMENSION height = (JDIMENSION)component->v_samp_factor;
    uint64_t **nonzero = &fast->nonzero[index];
    if (!*nonzero) {
        size_t size = (size_t)component->width_in_blocks * component->height_in_blocks * sizeof **nonzero;
        *nonzero = info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, size);
        memset(*nonzero, 0, size);
    }
    fast->end_run = 0;
    for (JDIMENSION y = 0; y < component->height_in_blocks; y++) {
        JBLOCKARRAY rows = info->mem->access_virt_barray(
            (j_common_ptr)info, info->coef->coef_arrays[index], y / height * height, height, TRUE);
        if (y % height == 0) jpeg_scan_monitor(info);
        uint64_t *known = *nonzero + (size_t)y * component->width_in_blocks;
        if (info->Ah == 0) read_row(fast, info, rows[y % height], known, 1);
        else read_row(fast, info, rows[y % height], known, 0);
    }
}

static void read_dc_scan(scan_decoder *fast, j_decompress_ptr info) {
    jpeg_walk walks[D_MAX_BLOCKS_IN_MCU];
    int blocks = jpeg_scan_walks(info, walks), is_alone = info->comps_in_scan == 1;
    JDIMENSION rows = is_alone ? info->cur_comp_info[0]->height_in_blocks : info->total_iMCU_rows;
    for (JDIMENSION row = 0; row < rows; row++) {
        jpeg_scan_monitor(info);
        for (int i = 0; i < blocks; i++) {
            jpeg_walk *walk = &walks[i];
            const jpeg_component_info *component = info->cur_comp_info[walk->component];
            JDIMENSION height = (JDIMENSION)component->v_samp_factor;
            JDIMENSION y = row * (JDIMENSION)walk->rows + (JDIMENSION)walk->y;
            jvirt_barray_ptr whole = info->coef->coef_arrays[component->component_index];
            JBLOCKARRAY array =
                info->mem->access_virt_barray((j_common_ptr)info, whole, y / height * height, height, TRUE);
            walk->at = array[y % height][walk->x];
            walk->step = (size_t)walk->columns * DCTSIZE2;
        }
        jpeg_scan_read_dc(&fast->scan, info, walks, blocks);
    }
}

// In the place of libjpeg's reader of a row: all of the scan.
static int read_scan(j_decompress_ptr info) {
    scan_decoder *fast = (scan_decoder *)info->entropy;
    jpeg_scan_make_codes(&fast->scan, info);
    jpeg_scan_begin(&fast->scan, info);
    if (info->Ss == 0) read_dc_scan(fast, info);
    else read_ac_scan(fast, info);
    jpeg_scan_end(&fast->scan, info);
    info->input_iMCU_row = info->total_iMCU_rows;
    info->inputctl->finish_input_pass(info);
    return JPEG_SCAN_COMPLETED;
}

// libjpeg looks whether a scan makes sense, and keeps account of what is known of each coefficient.
static void start_scan(j_decompress_ptr info) {
    scan_decoder *fast = (scan_decoder *)info->entropy;
    info->entropy = fast->stock;
    fast->stock->start_pass(info);
    info->entropy = &fast->public;
}

// libjpeg has made its decoder, has begun with the first scan, and not read anything of it.
static void take_over(j_common_ptr common) {
    j_decompress_ptr info = (j_decompress_ptr)common;
    scan_decoder *fast = (scan_decoder *)(void *)((char *)info->progress - offsetof(scan_decoder, hook));
    info->progress = fast->monitor;
    fast->stock = info->entropy;
    fast->public = *info->entropy;
    fast->public.start_pass = start_scan;
    info->entropy = &fast->public;
    info->coef->consume_data = info->inputctl->consume_input = read_scan;
    jpeg_scan_monitor(info);
}

int jpeg_fast_scans_install(j_decompress_ptr info) {
    if (!info->progressive_mode || info->arith_code || info->data_precision != 8 || info->buffered_image) return 0;
    scan_decoder *fast = info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, sizeof *fast);
    memset(fast, 0, sizeof *fast);
    // It is called first thing after the decoder has been made.
    fast->hook.progress_monitor = take_over;
    fast->monitor = info->progress;
    info->progress = &fast->hook;
    return 1;
}

void jpeg_fast_scans_start(j_decompress_ptr info) {
    int is_taken = jpeg_shortcuts_allowed() && jpeg_fast_scans_install(info);
    jpeg_start_decompress(info);
    if (is_taken) jpeg_shortcuts_count(1);
}

#else
void jpeg_fast_scans_start(j_decompress_ptr info) { jpeg_start_decompress(info); }
#endif
