// SPDX-License-Identifier: Apache-2.0
#include "tiff_work.h"

enum {
    // A byte of JPEG data takes 9 ns with Huffman's codes, with arithmetic coding up to 190.
    HUFFMAN = 5, ARITHMETIC = 100,  // halves
    // A decoder is set up for each part, which takes 3 microseconds.
    START = 800,
};

// What its markers add. One that stands in a table by chance makes it seem more, never less.
static uint64_t jpeg_work(const uint8_t *data, uint64_t count, uint64_t unpacked) {
    uint64_t scans = 0;
    int is_arithmetic = 0;
    for (uint64_t i = 0; i + 1 < count; i++) {
        if (data[i] != 0xFF) continue;
        scans += data[i + 1] == 0xDA;
        // Frames of SOF9 to SOF11.
        is_arithmetic |= data[i + 1] >= 0xC9 && data[i + 1] <= 0xCB;
    }
    // Each scan comes by every coefficient, of which arithmetic coding may have something to say in next to no bits.
    if (is_arithmetic) return count * (ARITHMETIC - HUFFMAN) / 2 + unpacked * (scans ? scans : 1);
    return scans > 1 ? unpacked * scans / 4 : 0;
}

uint64_t tiff_work(TIFF *tiff, const tiff_file *file, uint64_t unpacked, uint64_t most) {
    uint16_t compression;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    if (compression == COMPRESSION_NONE) return unpacked;
    uint32_t parts = TIFFIsTiled(tiff) ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
    uint64_t work = unpacked / 4 * 3;
    // Parts may share their data, which is decoded as often as they are. What is looked at has been counted before.
    for (uint32_t i = 0; i < parts && work <= most; i++) {
        uint64_t offset = TIFFGetStrileOffset(tiff, i), count = TIFFGetStrileByteCount(tiff, i);
        // That it is not there is found when it is read.
        if (offset > file->count || count > file->count - offset) continue;
        work += compression == COMPRESSION_JPEG ? START + count * HUFFMAN / 2 : count / 4;
        if (compression == COMPRESSION_JPEG && work <= most)
            work += jpeg_work(file->bytes + offset, count, unpacked / parts);
    }
    return work;
}
