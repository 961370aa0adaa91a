// SPDX-License-Identifier: Apache-2.0
//
// A JPEG whose planes have been decoded and are kept: to be looked at before it is known what is to be made of them.
#pragma once
#include "jpeg_planar.h"

typedef struct jpeg_planes jpeg_planes;

// Decodes at the scale of `job`, whose geometry says how many samples will be needed.
codec_status jpeg_planes_open(
    const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result, jpeg_planes **planes);
// 1 (gray) or 3 (RGB): of the samples below.
int jpeg_planes_channels(const jpeg_planes *planes);
// Of what `job`, of which the geometry counts, would make: of each whole square of `cell` pixels the first one and those
// around it, which is three by three in `pixels`. Rows without gaps.
codec_status jpeg_planes_sample(jpeg_planes *planes, const planar_job *job, int cell, uint8_t *pixels);
// What jpeg_planar_transcode would have made at that scale; once.
codec_status jpeg_planes_transcode(jpeg_planes *planes, const planar_job *job, planar_result *result);
void jpeg_planes_close(jpeg_planes *planes);
