// SPDX-License-Identifier: Apache-2.0
#include "colour_transform.h"

#include <lcms2.h>
#include <stdlib.h>

// The largest ones in use, for printing presses, have 3 MB.
enum { MAX_PROFILE = 4 << 20 };

struct colour_transform {
    cmsHTRANSFORM handle;  // NULL: by the table
    uint8_t gray[256];
    int colours, samples;  // of a pixel that goes by the table: those that change, and all
};

// sRGB and its gray, made once in a process. Nothing here runs on two threads.
static cmsHPROFILE srgb, srgb_gray;

void colour_transform_warm_up(void) {
    if (srgb) return;
    srgb = cmsCreate_sRGBProfile();
    static const cmsFloat64Number curve[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    enum { SRGB_CURVE = 4 };
    cmsToneCurve *tone = cmsBuildParametricToneCurve(NULL, SRGB_CURVE, curve);
    srgb_gray = tone ? cmsCreateGrayProfile(cmsD50_xyY(), tone) : NULL;
    cmsFreeToneCurve(tone);
}

static int describes_pixels(cmsHPROFILE profile) {
    switch (cmsGetDeviceClass(profile)) {
    case cmsSigInputClass:
    case cmsSigDisplayClass:
    case cmsSigOutputClass:
    case cmsSigColorSpaceClass: return 1;
    default: return 0;
    }
}

static cmsHTRANSFORM make(cmsHPROFILE from, cmsUInt32Number in, cmsHPROFILE to, cmsUInt32Number out) {
    // What the makers of a profile want photographs to be converted with.
    return to ? cmsCreateTransform(from, in, to, out, INTENT_PERCEPTUAL, cmsFLAGS_COPY_ALPHA) : NULL;
}

static int set_up_gray(colour_transform *t, cmsHPROFILE profile, colour_kind kind) {
    cmsHTRANSFORM handle = make(profile, TYPE_GRAY_8, srgb_gray, TYPE_GRAY_8);
    if (!handle) return 0;
    uint8_t values[256];
    for (int i = 0; i < 256; i++) values[i] = (uint8_t)i;
    cmsDoTransform(handle, values, t->gray, 256);
    cmsDeleteTransform(handle);
    t->colours = kind == COLOUR_GRAY ? 1 : 3;
    t->samples = kind == COLOUR_RGBA ? 4 : t->colours;
    return 1;
}

static int set_up(colour_transform *t, cmsHPROFILE profile, colour_kind kind) {
    if (!describes_pixels(profile)) return 0;
    switch (cmsGetColorSpace(profile)) {
    // Gray with alpha has been made RGBA.
    case cmsSigGrayData: return (kind == COLOUR_GRAY || kind == COLOUR_RGBA) && set_up_gray(t, profile, kind);
    case cmsSigRgbData:
        if (kind == COLOUR_RGB) t->handle = make(profile, TYPE_RGB_8, srgb, TYPE_RGB_8);
        else if (kind == COLOUR_RGBA) t->handle = make(profile, TYPE_RGBA_8, srgb, TYPE_RGBA_8);
        break;
    case cmsSigCmykData:
        if (kind == COLOUR_INK) t->handle = make(profile, TYPE_CMYK_8, srgb, TYPE_RGB_8);
        else if (kind == COLOUR_INVERTED_INK) t->handle = make(profile, TYPE_CMYK_8_REV, srgb, TYPE_RGB_8);
        break;
    default: break;
    }
    return t->handle != NULL;
}

colour_transform *colour_transform_open(const uint8_t *bytes, size_t count, colour_kind kind) {
    if (!bytes || count > MAX_PROFILE) return NULL;
    colour_transform_warm_up();
    cmsHPROFILE profile = cmsOpenProfileFromMem(bytes, (cmsUInt32Number)count);
    if (!profile) return NULL;
    colour_transform *t = calloc(1, sizeof *t);
    if (t && !set_up(t, profile, kind)) {
        free(t);
        t = NULL;
    }
    cmsCloseProfile(profile);
    return t;
}

void colour_transform_row(const colour_transform *t, const uint8_t *from, uint8_t *to, size_t pixels) {
    if (t->handle) {
        cmsDoTransform(t->handle, from, to, (cmsUInt32Number)pixels);
        return;
    }
    for (size_t i = 0; i < pixels; i++, from += t->samples, to += t->samples) {
        for (int c = 0; c < t->colours; c++) to[c] = t->gray[from[c]];
        if (t->samples > t->colours) to[t->colours] = from[t->colours];
    }
}

void colour_transform_close(colour_transform *t) {
    if (!t) return;
    if (t->handle) cmsDeleteTransform(t->handle);
    free(t);
}
