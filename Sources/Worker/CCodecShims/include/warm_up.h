// SPDX-License-Identifier: Apache-2.0
#pragma once

// Does once what codecs could not do later, in a process that may ask the system for nothing. Everything else that they
// find out on first use, they find out from the processor.
void codec_warm_up(void);
