// SPDX-License-Identifier: Apache-2.0
#include "tiff_parts.h"

#include <stdlib.h>
#include <string.h>

codec_status tiff_parts_open(tiff_parts *p, TIFF *tiff, const tiff_file *file, uint64_t spare) {
    uint16_t compression, bits, samples, planar, order, predictor = PREDICTOR_NONE;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    *p = (tiff_parts){.tiff = tiff, .file = file};
    if (compression != COMPRESSION_ADOBE_DEFLATE && compression != COMPRESSION_DEFLATE) return CODEC_OK;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_FILLORDER, &order);
    TIFFGetField(tiff, TIFFTAG_PREDICTOR, &predictor);
    p->bits = bits;
    p->step = planar == PLANARCONFIG_SEPARATE ? 1 : samples;
    p->is_turned = order == FILLORDER_LSB2MSB;
    p->is_predicted = predictor == PREDICTOR_HORIZONTAL;
    if (predictor > PREDICTOR_HORIZONTAL || (p->is_predicted && bits != 8 && bits != 16)) return CODEC_CORRUPT;
    p->deflate = tiff_deflate_open(spare);
    return p->deflate ? CODEC_OK : CODEC_NO_MEMORY;
}

void tiff_parts_close(tiff_parts *p) {
    tiff_deflate_close(p->deflate);
    free(p->turned);
}

// The coded data of a strip or tile, inside the file; NULL when it is not there.
static const uint8_t *data_of(tiff_parts *p, uint32_t index, size_t *count) {
    uint64_t offset = TIFFGetStrileOffset(p->tiff, index), size = TIFFGetStrileByteCount(p->tiff, index);
    if (offset > p->file->count || size > p->file->count - offset || size == 0) return NULL;
    *count = (size_t)size;
    if (!p->is_turned) return p->file->bytes + offset;
    uint8_t *turned = realloc(p->turned, *count);
    if (!turned) return NULL;
    p->turned = memcpy(turned, p->file->bytes + offset, *count);
    TIFFReverseBits(turned, (tmsize_t)*count);
    return turned;
}

// Each sample was stored as its difference from the one before it.
static inline __attribute__((always_inline)) void add_up_pixels(uint8_t *row, size_t count, size_t step) {
    uint8_t sums[4] = {0};
    for (size_t i = 0; i + step <= count; i += step)
        for (size_t c = 0; c < step; c++) row[i + c] = sums[c] = (uint8_t)(sums[c] + row[i + c]);
}

static void add_up_8(uint8_t *row, size_t count, size_t step) {
    switch (step) {
    // What is a constant stays in registers.
    case 1: add_up_pixels(row, count, 1); break;
    case 3: add_up_pixels(row, count, 3); break;
    case 4: add_up_pixels(row, count, 4); break;
    default:
        for (size_t i = step; i < count; i++) row[i] = (uint8_t)(row[i] + row[i - step]);
    }
}

static void add_up_16(uint16_t *row, size_t count, size_t step) {
    for (size_t i = step; i < count; i++) row[i] = (uint16_t)(row[i] + row[i - step]);
}

static void finish_row(const tiff_parts *p, uint8_t *row, size_t stride) {
    size_t step = (size_t)p->step;
    if (p->bits == 16 && TIFFIsByteSwapped(p->tiff)) TIFFSwabArrayOfShort((uint16_t *)row, (tmsize_t)(stride / 2));
    if (!p->is_predicted) return;
    if (p->bits == 16) add_up_16((uint16_t *)row, stride / 2, step);
    else add_up_8(row, stride, step);
}

int tiff_parts_read(tiff_parts *p, uint32_t index, uint8_t *out, size_t size, size_t stride) {
    if (!p->deflate)
        return (TIFFIsTiled(p->tiff) ? TIFFReadEncodedTile(p->tiff, index, out, (tmsize_t)size)
                                     : TIFFReadEncodedStrip(p->tiff, index, out, (tmsize_t)size)) == (tmsize_t)size;
    size_t count;
    const uint8_t *data = data_of(p, index, &count);
    if (!data || !tiff_deflate_all(p->deflate, data, count, out, size)) return 0;
    for (size_t at = 0; at < size; at += stride) finish_row(p, out + at, stride);
    return 1;
}

int tiff_parts_read_row(tiff_parts *p, uint32_t y, uint32_t rows, uint32_t height, uint8_t *out, size_t stride) {
    if (!p->deflate) return TIFFReadScanline(p->tiff, out, y, 0) >= 0;
    if (y % rows == 0) {
        size_t count;
        const uint8_t *data = data_of(p, y / rows, &count);
        if (!data || !tiff_deflate_begin(p->deflate, data, count)) return 0;
    }
    if (!tiff_deflate_next(p->deflate, out, stride)) return 0;
    int is_last = y % rows == rows - 1 || y == height - 1;
    if (is_last && !tiff_deflate_end(p->deflate)) return 0;
    finish_row(p, out, stride);
    return 1;
}

int tiff_parts_check(tiff_parts *p, uint32_t index) {
    size_t count;
    if (!p->deflate) return 1;
    const uint8_t *data = data_of(p, index, &count);
    return data && tiff_deflate_begin(p->deflate, data, count) && tiff_deflate_end(p->deflate);
}
