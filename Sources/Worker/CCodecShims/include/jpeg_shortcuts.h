// SPDX-License-Identifier: Apache-2.0
//
// Three ways past libjpeg's own decoder, all with the same picture as result: a faster Huffman decoder for baseline
// files, a faster one for progressive files, and for those at an eighth of their size one of nothing but the DC scans.
#pragma once

// Tries them out on pictures of its own making, against libjpeg, and says whether they may be used. Without a call of
// it the first picture pays for the trial, about a millisecond. Once in a process; what it has forked knows it, too.
int jpeg_shortcuts_warm_up(void);

// For measurements and tests, of the calling thread only: with 0 everything is libjpeg's.
void jpeg_shortcuts_enable(int on);
// How many pictures this thread has decoded by one of them, and not had to leave to libjpeg half-way.
unsigned long jpeg_shortcuts_taken(void);
