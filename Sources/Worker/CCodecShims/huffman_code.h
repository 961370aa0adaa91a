// SPDX-License-Identifier: Apache-2.0
//
// Huffman codes for deflate, made of how often each symbol occurs.
#pragma once
#include <stdint.h>

enum { HUFFMAN_MOST = 286, HUFFMAN_LONGEST = 15 };

// Bits of each symbol's code, at most `longest`; 0 for those that do not occur. `count` is at most HUFFMAN_MOST, and at least
// two symbols get a code, as decoders want it. The sum of the occurrences has 32 bits.
void huffman_lengths(const uint32_t *occurrences, int count, int longest, uint8_t *lengths);
// The codes of these lengths as RFC 1951 orders them, first bit lowest.
void huffman_codes(const uint8_t *lengths, int count, uint16_t *codes);
