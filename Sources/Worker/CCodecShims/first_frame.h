// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "animation.h"

// A still of an animation's first frame; without alpha where that frame has none. Owns the animation from here on, also
// when it fails.
codec_status first_frame_open(animation_source *animation, pixel_source **source);
