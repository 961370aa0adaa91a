// SPDX-License-Identifier: Apache-2.0
#include "tiff_file.h"

#include <stdlib.h>
#include <string.h>

static tmsize_t read_file(thandle_t handle, void *into, tmsize_t size) {
    tiff_file *file = handle;
    const uint8_t *bytes = file->sink ? file->sink->bytes : file->bytes;
    size_t all = file->sink ? file->sink->count : file->count;
    if (size < 0 || file->offset >= all) return 0;
    size_t count = (size_t)size < all - file->offset ? (size_t)size : all - file->offset;
    memcpy(into, bytes + file->offset, count);
    file->offset += count;
    return (tmsize_t)count;
}

static tmsize_t write_file(thandle_t handle, void *from, tmsize_t size) {
    tiff_file *file = handle;
    if (!file->sink || size < 0) return -1;
    size_t end = file->offset + (size_t)size;
    if (end > file->sink->count) {
        size_t old = file->sink->count;
        uint8_t *added = sink_extend(file->sink, end - old);
        if (!added) return -1;
        memset(added, 0, end - old);
    }
    memcpy(file->sink->bytes + file->offset, from, (size_t)size);
    file->offset = end;
    return size;
}

static toff_t seek_file(thandle_t handle, toff_t offset, int whence) {
    tiff_file *file = handle;
    size_t all = file->sink ? file->sink->count : file->count;
    size_t base = whence == SEEK_CUR ? file->offset : whence == SEEK_END ? all : 0;
    if (offset > INT64_MAX - base) return (toff_t)-1;
    file->offset = base + offset;
    return file->offset;
}

static int close_file(thandle_t handle) { (void)handle; return 0; }

static toff_t size_of_file(thandle_t handle) {
    tiff_file *file = handle;
    return file->sink ? file->sink->count : file->count;
}

static int map_file(thandle_t handle, void **base, toff_t *size) {
    tiff_file *file = handle;
    if (file->sink) return 0;
    *base = (void *)file->bytes;  // libtiff does not write to what it has mapped
    *size = file->count;
    return 1;
}

static void unmap_file(thandle_t handle, void *base, toff_t size) { (void)handle; (void)base; (void)size; }

static int on_error(TIFF *tiff, void *file, const char *module, const char *format, va_list arguments) {
    (void)tiff; (void)module; (void)format; (void)arguments;
    ((tiff_file *)file)->has_failed = 1;
    return 1;
}

// Most warnings are about tags. Those of the codecs that go on after damage are about pixels that they invent.
static int on_warning(TIFF *tiff, void *file, const char *module, const char *format, va_list arguments) {
    (void)tiff; (void)arguments;
    static const char *const codecs[] = {"JPEGLib", "Fax3Decode1D", "Fax3Decode2D", "Fax4Decode", "LZWDecode",
                                         "LZWDecodeCompat", "PackBitsDecode", "ZIPDecode"};
    for (size_t i = 0; module && i < sizeof codecs / sizeof *codecs; i++)
        if (!strcmp(module, codecs[i])) ((tiff_file *)file)->has_failed = 1;
    if (!strncmp(format, "IO error", 8)) ((tiff_file *)file)->is_short = 1;
    return 1;
}

// In the place of a coding's own: all that would read or write pixels stays what it is for an unknown coding.
static int start_no_coding(TIFF *tiff, int coding) {
    (void)tiff, (void)coding;
    return 1;
}

void tiff_forget_codings(void) {
    static const uint16_t codings[] = {
        COMPRESSION_JBIG, COMPRESSION_LERC, COMPRESSION_LZMA, COMPRESSION_ZSTD, COMPRESSION_WEBP,
    };
    // What is registered comes before what libtiff knows.
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) TIFFRegisterCODEC(codings[i], "", start_no_coding);
}

TIFF *tiff_open_file(tiff_file *file, const char *mode, uint64_t max_memory) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return NULL;
    tmsize_t single = max_memory > INT64_MAX ? INT64_MAX : (tmsize_t)max_memory;
    if (single > 0) TIFFOpenOptionsSetMaxSingleMemAlloc(options, single);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, file);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, file);
    TIFF *tiff = TIFFClientOpenExt(
        "", mode, file, read_file, write_file, seek_file, close_file, size_of_file, map_file, unmap_file, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}
