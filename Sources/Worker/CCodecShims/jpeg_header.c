// SPDX-License-Identifier: Apache-2.0
#include "jpeg_planar.h"

#include <string.h>

#include "jpeg_common.h"
#include "jpeg_planar_private.h"

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

int jpeg_is_planar(const struct jpeg_decompress_struct *in) {
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
        .is_planar = jpeg_is_planar(&in),
        .is_progressive = jpeg_has_multiple_scans(&in),
    };
    jpeg_destroy_decompress(&in);
    return CODEC_OK;
}
