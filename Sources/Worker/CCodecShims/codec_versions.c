// SPDX-License-Identifier: Apache-2.0
#include "codec_versions.h"

#include <avif/avif.h>
#include <gif_lib.h>
#include <lcms2.h>
#include <libdeflate.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>
#include <webp/decode.h>
// After <stdio.h>, which it needs.
#include <jpeglib.h>

static uint32_t packed(unsigned major, unsigned minor, unsigned patch) { return major << 16 | minor << 8 | patch; }

// The first number with points in a text: "LIBTIFF, Version 4.5.0\n…", "aom [enc/dec]:v3.6.0, …".
static uint32_t first_version(const char *text) {
    unsigned parts[3] = {0};
    text += strcspn(text, "0123456789");
    for (int i = 0; i < 3 && *text >= '0' && *text <= '9'; i++) {
        char *end;
        parts[i] = (unsigned)strtoul(text, &end, 10);
        text = *end == '.' ? end + 1 : end;
        if (*end != '.') break;
    }
    return packed(parts[0], parts[1], parts[2]);
}

// Of one of the libraries behind libavif, which lists them all. Their names may have a digit in them.
static uint32_t avif_codec(const char *list, const char *name) {
    const char *found = strstr(list, name);
    const char *colon = found ? strchr(found, ':') : NULL;
    return colon ? first_version(colon) : 0;
}

void codec_versions(uint32_t numbers[CODEC_LIBRARIES]) {
    char avif[256];
    avifCodecVersions(avif);
    unsigned turbo = LIBJPEG_TURBO_VERSION_NUMBER, png = (unsigned)png_access_version_number();
    unsigned webp = (unsigned)WebPGetDecoderVersion(), lcms = (unsigned)cmsGetEncodedCMMversion();
    const uint32_t found[CODEC_LIBRARIES] = {
        packed(turbo / 1000000, turbo / 1000 % 1000, turbo % 1000),
        packed(png / 10000, png / 100 % 100, png % 100),
        first_version(LIBDEFLATE_VERSION_STRING),
        webp,
        first_version(TIFFGetVersion()),
        packed(GIFLIB_MAJOR, GIFLIB_MINOR, GIFLIB_RELEASE),
        first_version(avifVersion()),
        avif_codec(avif, "aom"),
        avif_codec(avif, "dav1d"),
        packed(lcms / 1000, lcms / 10 % 100, lcms % 10),
    };
    memcpy(numbers, found, sizeof found);
}
