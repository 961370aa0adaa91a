// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

// How a call into a codec ended.
typedef enum {
    CODEC_OK = 0,
    CODEC_CORRUPT,
    CODEC_UNSUPPORTED,  // right, but nothing that this path can do
    CODEC_TOO_LARGE,    // the result has more bytes than allowed
    CODEC_TOO_MANY_PIXELS,  // the header declares more than allowed, or what takes more memory to decode
    CODEC_NO_MEMORY,
    CODEC_DEADLINE,
    CODEC_DISABLED,  // a coding inside of the file that must not be decoded
} codec_status;

// Nanoseconds of CLOCK_MONOTONIC.
uint64_t codec_now(void);
