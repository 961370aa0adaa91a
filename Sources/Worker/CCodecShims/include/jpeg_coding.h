// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the same coefficients are written: by the standard's tables, by tables made for the picture, or scan by scan.
typedef enum { JPEG_BASELINE, JPEG_OPTIMISED, JPEG_PROGRESSIVE } jpeg_coding;
