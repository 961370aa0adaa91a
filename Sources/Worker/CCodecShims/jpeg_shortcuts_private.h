// SPDX-License-Identifier: Apache-2.0
//
// What the shortcuts past libjpeg share among themselves.
#pragma once
#include "include/jpeg_shortcuts.h"
#include "jpeg_private.h"

// They put their own objects into the places of libjpeg's, and multiply as its code for these processors does. That is
// known to be right with this version, so no other gets them.
#if JPEG_LIB_VERSION == 62 && LIBJPEG_TURBO_VERSION_NUMBER == 2001005 && (defined(__x86_64__) || defined(__aarch64__))
#define JPEG_SHORTCUTS 1
#else
#define JPEG_SHORTCUTS 0
#endif

// Whether this process may take them.
int jpeg_shortcuts_allowed(void);
// One of them has been taken, or after all it has not.
void jpeg_shortcuts_count(int by);

// The shortcuts without any question, for the trial that answers it. Whether they have been taken.
int jpeg_fast_huffman_install(struct jpeg_decompress_struct *info, size_t worthwhile, size_t skip_worthwhile);
int jpeg_dc_scans_install(struct jpeg_decompress_struct *info);
int jpeg_fast_scans_install(struct jpeg_decompress_struct *info);  // then jpeg_start_decompress
