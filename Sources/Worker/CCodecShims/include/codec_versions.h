// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

// libjpeg-turbo, libpng, libdeflate, libwebp, libtiff, giflib, libavif, aom, dav1d, lcms2.
enum { CODEC_LIBRARIES = 10 };

// 65,536 × major + 256 × minor + patch of each. What is loaded, where a library says it; libjpeg-turbo, libdeflate and
// giflib do not, of which it is what this was built with. Not after codec_prepare_forks: it asks all that libavif brings.
void codec_versions(uint32_t numbers[CODEC_LIBRARIES]);
