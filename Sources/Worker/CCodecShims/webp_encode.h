// SPDX-License-Identifier: Apache-2.0
//
// What stills and animations of WebP have in common on their way out.
#pragma once
#include <stdlib.h>
#include <webp/encode.h>

#include "byte_sink.h"

// What hooks need to know: the picture's `user_data`.
typedef struct {
    uint64_t deadline;
} webp_writing;

// The library's progress hook: 0 ends it.
int webp_may_go_on(int percent, const WebPPicture *picture);
codec_status webp_status_of(WebPEncodingError error);
int webp_configure(WebPConfig *config, float quality, int method, int is_lossless);
