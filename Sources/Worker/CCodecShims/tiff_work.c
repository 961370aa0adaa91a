// SPDX-License-Identifier: Apache-2.0
#include "tiff_work.h"

#include <string.h>

enum {
    // A byte of JPEG data takes 9 ns with Huffman's codes, with arithmetic coding up to 190.
    HUFFMAN = 5, ARITHMETIC = 100,  // halves
    // A decoder is set up for each part, which takes 3 microseconds.
    START = 800,
};

// The markers tell what it is. One that stands in a table by chance makes it seem more, never less.
static uint64_t jpeg_work(const uint8_t *data, uint64_t count, uint64_t unpacked) {
    uint64_t scans = 0;
    int is_arithmetic = 0;
    const uint8_t *end = data + count;
    for (const uint8_t *at = data; at < end && (at = memchr(at, 0xFF, (size_t)(end - at))) && at + 1 < end; at++) {
        scans += at[1] == 0xDA;
        // Frames of SOF9 to SOF11.
        is_arithmetic |= at[1] >= 0xC9 && at[1] <= 0xCB;
    }
    uint64_t work = START + count * (is_arithmetic ? ARITHMETIC : HUFFMAN) / 2;
    // Each scan comes by every coefficient, of which arithmetic coding may have something to say in next to no bits.
    if (is_arithmetic) return work + unpacked * (scans ? scans : 1);
    return work + (scans > 1 ? unpacked * scans / 4 : 0);
}

uint64_t tiff_work(TIFF *tiff, const tiff_file *file, uint64_t unpacked) {
    uint16_t compression;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    if (compression == COMPRESSION_NONE) return unpacked;
    uint32_t parts = TIFFIsTiled(tiff) ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
    uint64_t work = unpacked / 4 * 3, enough = 16 * unpacked + (UINT64_C(1) << 32);
    // Parts may share their data, which is decoded as often as they are.
    for (uint32_t i = 0; i < parts && work < enough; i++) {
        uint64_t offset = TIFFGetStrileOffset(tiff, i), count = TIFFGetStrileByteCount(tiff, i);
        // That it is not there is found when it is read.
        if (offset > file->count || count > file->count - offset) continue;
        work += compression == COMPRESSION_JPEG ? jpeg_work(file->bytes + offset, count, unpacked / parts) : count / 4;
    }
    return work;
}
