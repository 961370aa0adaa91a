// SPDX-License-Identifier: Apache-2.0
#pragma once

// Does once what codecs could not do later, in a process that may ask the system for nothing. Everything else that they
// find out on first use, they find out from the processor.
void codec_warm_up(void);

// Takes out of this process what no picture needs, so that forked ones are not given it. Nothing may be loaded after
// that, and the process has to end by _exit.
void codec_prepare_forks(void);

// In a process that was forked then, first of all.
void codec_begin_fork(void);
