// SPDX-License-Identifier: Apache-2.0
#include "jpeg_shortcuts_private.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "jpeg_common.h"

// jpeglib.h comes first.
#include <jerror.h>

static _Thread_local int is_disabled;
static _Thread_local unsigned long taken;

void jpeg_shortcuts_enable(int on) { is_disabled = !on; }

unsigned long jpeg_shortcuts_taken(void) { return taken; }

void jpeg_shortcuts_count(int by) { taken += (unsigned long)by; }

#if JPEG_SHORTCUTS

// Small, and yet with a right and a bottom edge, several restart intervals, and codes of all lengths.
enum { SIDE = 59, COMPONENTS = 3, GROUP = 2 * DCTSIZE, PLANE = (SIDE + GROUP) * (SIDE + GROUP), RESTART = 4 };

typedef struct {
    jpeg_guard encoding, decoding;
    struct jpeg_compress_struct out;
    struct jpeg_decompress_struct in;
    unsigned char *bytes;
    unsigned long size;
    JSAMPLE planes[2][COMPONENTS][PLANE];  // libjpeg's, and the shortcut's
} trial;

static int encode(trial *t, int is_progressive) {
    t->out.err = jpeg_guard_init(&t->encoding, 0);
    if (setjmp(t->encoding.escape)) return 0;
    jpeg_create_compress(&t->out);
    jpeg_mem_dest(&t->out, &t->bytes, &t->size);
    t->out.image_width = t->out.image_height = SIDE;
    t->out.input_components = COMPONENTS;
    t->out.in_color_space = JCS_RGB;
    jpeg_set_defaults(&t->out);
    jpeg_set_quality(&t->out, 95, TRUE);
    t->out.restart_interval = RESTART;
    if (is_progressive) jpeg_simple_progression(&t->out);
    jpeg_start_compress(&t->out, TRUE);
    unsigned noise = 1;
    while (t->out.next_scanline < SIDE) {
        JSAMPLE row[SIDE * COMPONENTS];
        for (int i = 0; i < SIDE * COMPONENTS; i++) {
            noise = noise * 1664525 + 1013904223;
            // From quiet on the left to wild on the right.
            row[i] = (JSAMPLE)(128 + ((int)(noise >> 24) - 128) * i / (SIDE * COMPONENTS));
        }
        JSAMPROW rows = row;
        jpeg_write_scanlines(&t->out, &rows, 1);
    }
    jpeg_finish_compress(&t->out);
    return 1;
}

// Whether the shortcut was taken when it was to be, and the picture came out.
static int decode(trial *t, int scale, int by_shortcut) {
    struct jpeg_decompress_struct *in = &t->in;
    memset(in, 0, sizeof *in);
    in->err = jpeg_guard_init(&t->decoding, 0);
    if (setjmp(t->decoding.escape)) return 0;
    jpeg_create_decompress(in);
    jpeg_guard_source(&t->decoding, in, t->bytes, t->size);
    jpeg_read_header(in, TRUE);
    in->scale_num = (unsigned)scale;
    in->scale_denom = DCTSIZE;
    in->raw_data_out = TRUE;
    in->do_block_smoothing = FALSE;
    int has_started = by_shortcut && jpeg_dc_scans_install(in);
    int is_taken = has_started || (by_shortcut && jpeg_fast_scans_install(in));
    if (!has_started) jpeg_start_decompress(in);
    for (int i = 1; i < COMPONENTS; i++) jpeg_set_component_scale(&in->comp_info[i], scale);
    jpeg_restart_idct(in);
    if (by_shortcut && !is_taken) is_taken = jpeg_fast_huffman_install(in, 0, 0);
    if (is_taken != by_shortcut) return 0;
    JSAMPROW rows[COMPONENTS][GROUP];
    JSAMPARRAY groups[COMPONENTS] = {rows[0], rows[1], rows[2]};
    for (int y = 0; in->output_scanline < in->output_height; y++) {
        for (int i = 0; i < COMPONENTS; i++) {
            int count = in->comp_info[i].v_samp_factor * scale;
            for (int r = 0; r < count; r++) rows[i][r] = t->planes[by_shortcut][i] + (y * count + r) * (SIDE + GROUP);
        }
        jpeg_read_raw_data(in, groups, (JDIMENSION)(in->max_v_samp_factor * scale));
    }
    return 1;
}

static int is_the_same(trial *t, int scale) {
    int is_right = 1;
    for (int by_shortcut = 0; by_shortcut < 2; by_shortcut++) {
        memset(t->planes[by_shortcut], 0, sizeof t->planes[by_shortcut]);
        is_right = is_right && decode(t, scale, by_shortcut);
        jpeg_destroy_decompress(&t->in);
    }
    return is_right && memcmp(t->planes[0], t->planes[1], sizeof t->planes[0]) == 0;
}

static int is_right(trial *t, int is_progressive) {
    memset(t, 0, sizeof *t);
    int all = encode(t, is_progressive) && is_the_same(t, 1) && is_the_same(t, DCTSIZE / 2) && is_the_same(t, DCTSIZE);
    jpeg_destroy_compress(&t->out);
    free(t->bytes);
    return all;
}

// The headers are of the right version. The library may be another.
static int is_that_library(void) {
    struct jpeg_error_mgr manager;
    jpeg_std_error(&manager);
    return manager.last_jpeg_message == JMSG_LASTMSGCODE - 1 &&
        strcmp(manager.jpeg_message_table[JMSG_VERSION], "6b  27-Mar-1998") == 0 &&
        strcmp(
            manager.jpeg_message_table[JMSG_COPYRIGHT],
            "Copyright (C) 1991-2023 The libjpeg-turbo Project and many others") == 0;
}

static int are_right(void) {
    if (!is_that_library()) return 0;
    trial *t = malloc(sizeof *t);
    if (!t) return 0;
    unsigned long before = taken;
    // None of them has been left to libjpeg half-way.
    int all = is_right(t, 0) && is_right(t, 1) && taken == before;
    taken = before;
    free(t);
    return all;
}

int jpeg_shortcuts_warm_up(void) {
    enum { UNKNOWN, RIGHT, WRONG };
    static atomic_int answer = UNKNOWN;
    // Two threads may both try it, and come to the same.
    if (atomic_load(&answer) == UNKNOWN) atomic_store(&answer, are_right() ? RIGHT : WRONG);
    return atomic_load(&answer) == RIGHT;
}

int jpeg_shortcuts_allowed(void) { return !is_disabled && jpeg_shortcuts_warm_up(); }

#else
int jpeg_shortcuts_warm_up(void) { return 0; }
int jpeg_shortcuts_allowed(void) { return 0; }
#endif
