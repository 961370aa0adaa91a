// SPDX-License-Identifier: Apache-2.0
#include "colour_transform.h"

#include <lcms2.h>
#include <math.h>
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

static cmsToneCurve *make_srgb_curve(void) {
    static const cmsFloat64Number curve[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    enum { SRGB_CURVE = 4 };
    return cmsBuildParametricToneCurve(NULL, SRGB_CURVE, curve);
}

void colour_transform_warm_up(void) {
    if (srgb) return;
    srgb = cmsCreate_sRGBProfile();
    cmsToneCurve *tone = make_srgb_curve();
    srgb_gray = tone ? cmsCreateGrayProfile(cmsD50_xyY(), tone) : NULL;
    if (tone) cmsFreeToneCurve(tone);
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

// Takes the profile.
static colour_transform *open_profile(cmsHPROFILE profile, colour_kind kind) {
    colour_transform *t = calloc(1, sizeof *t);
    if (t && !set_up(t, profile, kind)) {
        free(t);
        t = NULL;
    }
    cmsCloseProfile(profile);
    return t;
}

colour_transform *colour_transform_open(const uint8_t *bytes, size_t count, colour_kind kind) {
    if (!bytes || count > MAX_PROFILE) return NULL;
    colour_transform_warm_up();
    cmsHPROFILE profile = cmsOpenProfileFromMem(bytes, (cmsUInt32Number)count);
    return profile ? open_profile(profile, kind) : NULL;
}

// What is not here has the primaries of sRGB, or none that are known.
static int find_primaries(int code, cmsCIExyYTRIPLE *primaries, cmsCIExyY *white) {
    static const struct {
        uint8_t code;
        double red[2], green[2], blue[2], white[2];
    } known[] = {
        {4, {0.67, 0.33}, {0.21, 0.71}, {0.14, 0.08}, {0.310, 0.316}},
        {5, {0.64, 0.33}, {0.29, 0.60}, {0.15, 0.06}, {0.3127, 0.3290}},
        {6, {0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}, {0.3127, 0.3290}},
        {7, {0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}, {0.3127, 0.3290}},
        {9, {0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}, {0.3127, 0.3290}},
        {11, {0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}, {0.314, 0.351}},
        {12, {0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}, {0.3127, 0.3290}},
        {22, {0.630, 0.340}, {0.295, 0.605}, {0.155, 0.077}, {0.3127, 0.3290}},
        // sRGB's, for pictures with another curve.
        {1, {0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}, {0.3127, 0.3290}},
    };
    enum { COUNT = sizeof known / sizeof *known };
    int index = 0;
    while (index < COUNT - 1 && known[index].code != code) index++;
    primaries->Red = (cmsCIExyY){known[index].red[0], known[index].red[1], 1};
    primaries->Green = (cmsCIExyY){known[index].green[0], known[index].green[1], 1};
    primaries->Blue = (cmsCIExyY){known[index].blue[0], known[index].blue[1], 1};
    *white = (cmsCIExyY){known[index].white[0], known[index].white[1], 1};
    return index < COUNT - 1;
}

enum { GAMMA_22 = 4, GAMMA_28 = 5, LINEAR = 8, PQ = 16, HLG = 18 };

// Light of a sample, 1 = the white of a page: 203 candelas a square metre, by BT.2408.
static double light(int transfer, double x) {
    if (transfer == PQ) {
        double root = pow(x, 32 / 2523.0), above = root - 3424 / 4096.0;
        return pow((above > 0 ? above : 0) / (2413 / 128.0 - 2392 / 128.0 * root), 16384 / 2610.0) * 10000 / 203;
    }
    const double a = 0.17883277, b = 1 - 4 * a, c = 0.5 - a * log(4 * a);
    double scene = x <= 0.5 ? x * x / 3 : (exp((x - c) / a) + b) / 12;
    return pow(scene, 1.2) * 1000 / 203;
}

static cmsToneCurve *curve_of(int transfer) {
    enum { STEPS = 4096 };
    switch (transfer) {
    case GAMMA_22: return cmsBuildGamma(NULL, 2.2);
    case GAMMA_28: return cmsBuildGamma(NULL, 2.8);
    case LINEAR: return cmsBuildGamma(NULL, 1);
    case PQ:
    case HLG: {
        static cmsUInt16Number table[STEPS];
        for (int i = 0; i < STEPS; i++) {
            double value = light(transfer, i / (STEPS - 1.0));
            table[i] = (cmsUInt16Number)lrint(65535 * (value < 1 ? value : 1));
        }
        return cmsBuildTabulatedToneCurve16(NULL, STEPS, table);
    }
    default: return make_srgb_curve();
    }
}

colour_transform *colour_transform_open_coded(int primaries, int transfer, colour_kind kind) {
    cmsCIExyYTRIPLE found;
    cmsCIExyY white;
    int is_other = find_primaries(primaries, &found, &white);
    if (transfer == GAMMA_22 || transfer == GAMMA_28 || transfer == LINEAR || transfer == PQ || transfer == HLG)
        is_other = 1;
    if (!is_other || (kind != COLOUR_RGB && kind != COLOUR_RGBA)) return NULL;
    colour_transform_warm_up();
    cmsToneCurve *tone = curve_of(transfer);
    cmsToneCurve *tones[3] = {tone, tone, tone};
    cmsHPROFILE profile = tone ? cmsCreateRGBProfile(&white, &found, tones) : NULL;
    if (tone) cmsFreeToneCurve(tone);
    return profile ? open_profile(profile, kind) : NULL;
}

colour_transform *colour_transform_open_lab(void) {
    colour_transform_warm_up();
    cmsHPROFILE lab = cmsCreateLab4Profile(NULL);
    colour_transform *t = lab ? calloc(1, sizeof *t) : NULL;
    if (t && !(t->handle = make(lab, TYPE_Lab_8, srgb, TYPE_RGB_8))) {
        free(t);
        t = NULL;
    }
    if (lab) cmsCloseProfile(lab);
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
