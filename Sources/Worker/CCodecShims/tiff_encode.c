// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "tiff_codec.h"
#include "tiff_file.h"

static int write_tags(TIFF *tiff, const pixel_view *view, uint32_t rows) {
    static const uint16_t straight[] = {EXTRASAMPLE_UNASSALPHA};
    return TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, (uint32_t)view->width) &&
        TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, (uint32_t)view->height) &&
        TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8) && TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, view->channels) &&
        TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE) &&
        TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL) &&
        TIFFSetField(
               tiff, TIFFTAG_PHOTOMETRIC, view->channels == 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB) &&
        TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
        TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT) &&
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, rows) &&
        (view->channels != 4 || TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, straight));
}

codec_status tiff_encode(const pixel_view *view, size_t max_bytes, uint64_t deadline, encoded_image *out) {
    enum { STRIP_BYTES = 256 << 10 };
    size_t row_bytes = (size_t)view->width * (size_t)view->channels;
    uint32_t rows = row_bytes < STRIP_BYTES ? (uint32_t)(STRIP_BYTES / row_bytes) : 1;
    if (rows > (uint32_t)view->height) rows = (uint32_t)view->height;
    // Offsets have 32 bits.
    byte_sink sink = sink_make(max_bytes < UINT32_MAX ? max_bytes : UINT32_MAX);
    tiff_file file = {.sink = &sink};
    // libtiff turns samples into differences in place.
    uint8_t *strip = malloc(row_bytes * rows);
    TIFF *tiff = strip ? tiff_open_file(&file, "w", 0) : NULL;
    if (!tiff || !write_tags(tiff, view, rows)) sink.status = CODEC_NO_MEMORY;
    for (uint32_t y = 0, index = 0; sink.status == CODEC_OK && y < (uint32_t)view->height; y += rows, index++) {
        if (deadline && codec_now() > deadline) {
            sink.status = CODEC_DEADLINE;
            break;
        }
        uint32_t count = (uint32_t)view->height - y < rows ? (uint32_t)view->height - y : rows;
        for (uint32_t i = 0; i < count; i++)
            memcpy(strip + row_bytes * i, view->pixels + view->stride * (y + i), row_bytes);
        if (TIFFWriteEncodedStrip(tiff, index, strip, (tmsize_t)(row_bytes * count)) < 0 && sink.status == CODEC_OK)
            sink.status = CODEC_NO_MEMORY;
    }
    // Writes the directory, so what it does counts.
    if (tiff) TIFFClose(tiff);
    if (file.has_failed && sink.status == CODEC_OK) sink.status = CODEC_NO_MEMORY;
    free(strip);
    return sink_finish(&sink, out);
}
