// SPDX-License-Identifier: Apache-2.0
//
// The one place that knows libjpeg's private structures. They have been the same in all versions of libjpeg-turbo's
// 6.2 interface up to 2.x; another version needs a look before it is added to the line below. With one that is not, the
// components keep the scale that libjpeg chose: slower, and just as right.
#pragma once
#include <stdio.h>
#include <jpeglib.h>

#if JPEG_LIB_VERSION == 62 && LIBJPEG_TURBO_VERSION_NUMBER >= 2000000 && LIBJPEG_TURBO_VERSION_NUMBER < 3000000
#define JPEG_INTERNALS
#include <jpegint.h>

static inline void jpeg_set_component_scale(jpeg_component_info *info, int scale) {
    info->DCT_scaled_size = scale;
    // Columns per MCU, which libjpeg has computed with the old scale. The MCU width may be anything, if no scan has had
    // this component.
    info->MCU_sample_width = (int)((unsigned)info->MCU_width * (unsigned)scale);
}

// Chooses the inverse DCTs anew.
static inline void jpeg_restart_idct(struct jpeg_decompress_struct *info) {
    info->idct->start_pass(info);
    // At an eighth libjpeg reads no AC coefficients, which a component with a scale of its own may want. Nothing has
    // been read yet of a single scan.
    if (info->min_DCT_scaled_size == 1 && !info->inputctl->has_multiple_scans) info->entropy->start_pass(info);
}
#else
static inline void jpeg_set_component_scale(jpeg_component_info *info, int scale) { (void)info; (void)scale; }
static inline void jpeg_restart_idct(struct jpeg_decompress_struct *info) { (void)info; }
#endif

static inline int jpeg_component_scale(const jpeg_component_info *info) { return info->DCT_scaled_size; }
static inline int jpeg_minimum_scale(const struct jpeg_decompress_struct *info) { return info->min_DCT_scaled_size; }
