// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "colour_transform.h"
#include "tiff_codec.h"
#include "tiff_file.h"
#include "tiff_parts.h"
#include "tiff_work.h"

// How pixels get out of libtiff.
typedef enum {
    BY_SCANLINE,  // strips with the samples of a pixel together: nothing is held but a row
    BY_BAND,      // tiles, or a plane for each sample: the rows that a tile or strip covers, together; small strips of
                  // Deflate, which is faster at once
    BY_LIBRARY,   // YCbCr, which libtiff converts; a band as well
} access;

// Bytes of a strip that is inflated at once. Where more are one strip they come by and by.
enum { SMALL_STRIP = 32 << 20 };

typedef enum { OPAQUE, STRAIGHT, PREMULTIPLIED } alpha_kind;

typedef struct {
    pixel_source base;
    tiff_file file;
    TIFF *tiff;
    tiff_parts parts;
    uint64_t deadline, max_memory;
    access access;
    uint16_t bits, samples, photometric;
    int is_separate;       // a plane for each sample
    int is_inverted;       // 0 is white
    int colour_samples;    // that are used, without alpha
    alpha_kind alpha;
    uint8_t palette[256][3];
    int y;
    // The rows of one band: samples as stored, planes one after the other.
    uint8_t *band;
    size_t band_stride, band_plane;
    int band_rows, band_top;  // top -1: nothing there yet
    uint8_t *tile;
    size_t tile_size;
    uint32_t tile_width, tile_height;
    uint8_t *samples8;  // a row, 8 bits a sample, together
    TIFFRGBAImage converter;
    int has_converter;
    colour_transform *press;  // what inks look like, if the file says so; and what L*a*b* does
} tiff_source;

static void close_source(pixel_source *base) {
    tiff_source *s = (tiff_source *)base;
    if (s->has_converter) TIFFRGBAImageEnd(&s->converter);
    colour_transform_close(s->press);
    tiff_parts_close(&s->parts);
    if (s->tiff) TIFFClose(s->tiff);
    free(s->band);
    free(s->tile);
    free(s->samples8);
    free(s);
}

// Memory that counts against the limit.
static void *get(tiff_source *s, uint64_t count) {
    if (count == 0 || count > s->max_memory) return NULL;
    s->max_memory -= count;
    return calloc(1, count);
}

static int used_samples(const tiff_source *s) { return s->colour_samples + (s->alpha != OPAQUE); }

// One sample of each pixel of a row, as 8 bits.
static void expand_plane(
    const tiff_source *s, const uint8_t *from, int offset, int step, uint8_t *to, int to_step) {
    int width = s->base.width;
    switch (s->bits) {
    case 8:
        for (int x = 0; x < width; x++) to[(size_t)x * to_step] = from[(size_t)x * step + offset];
        break;
    case 16:
        for (int x = 0; x < width; x++) {
            uint16_t value;
            memcpy(&value, from + 2 * ((size_t)x * step + offset), 2);
            to[(size_t)x * to_step] = (uint8_t)((value * 255u + 32767) / 65535);
        }
        break;
    default: {
        // Less than a byte: index as stored for palettes, else spread over the whole range.
        unsigned mask = (1u << s->bits) - 1;
        unsigned scale = s->photometric == PHOTOMETRIC_PALETTE ? 1 : 255 / mask;
        for (int x = 0; x < width; x++) {
            size_t bit = ((size_t)x * step + offset) * s->bits;
            to[(size_t)x * to_step] = (uint8_t)((from[bit / 8] >> (8 - s->bits - bit % 8) & mask) * scale);
        }
    }
    }
}

static uint8_t unpremultiplied(unsigned value, unsigned alpha) {
    if (alpha == 0) return 0;
    unsigned straight = (value * 255 + alpha / 2) / alpha;
    return (uint8_t)(straight > 255 ? 255 : straight);
}

static unsigned divided_by_255(unsigned value) { return (value + 128 + ((value + 128) >> 8)) >> 8; }

// From samples to the channels of the row.
static void convert_row(const tiff_source *s, uint8_t *row) {
    uint8_t *from = s->samples8;
    if (s->photometric == PHOTOMETRIC_CIELAB)
        // a* and b* are signed.
        for (int x = 0; x < s->base.width; x++) from[3 * x + 1] ^= 128, from[3 * x + 2] ^= 128;
    if (s->press) {
        colour_transform_row(s->press, from, row, (size_t)s->base.width);
        return;
    }
    int used = used_samples(s), channels = s->base.channels;
    for (int x = 0; x < s->base.width; x++, from += used, row += channels) {
        switch (s->photometric) {
        case PHOTOMETRIC_PALETTE: memcpy(row, s->palette[from[0]], 3); break;
        case PHOTOMETRIC_SEPARATED:
            for (int i = 0; i < 3; i++) row[i] = (uint8_t)divided_by_255((255u - from[i]) * (255u - from[3]));
            break;
        case PHOTOMETRIC_MINISWHITE:
        case PHOTOMETRIC_MINISBLACK: {
            uint8_t gray = s->is_inverted ? 255 - from[0] : from[0];
            for (int i = 0; i < (channels == 4 ? 3 : 1); i++) row[i] = gray;
            break;
        }
        default: memcpy(row, from, 3);
        }
        if (s->alpha == OPAQUE) continue;
        row[3] = from[s->colour_samples];
        if (s->alpha == PREMULTIPLIED)
            for (int i = 0; i < 3; i++) row[i] = unpremultiplied(row[i], row[3]);
    }
}

static int read_tiles(tiff_source *s, int top) {
    int planes = s->is_separate ? used_samples(s) : 1;
    size_t row_bytes = s->tile_size / s->tile_height;
    for (int plane = 0; plane < planes; plane++) {
        for (uint32_t x = 0, column = 0; x < (uint32_t)s->base.width; x += s->tile_width, column++) {
            if (s->deadline && codec_now() > s->deadline) return 0;
            uint32_t index = TIFFComputeTile(s->tiff, x, (uint32_t)top, 0, (uint16_t)plane);
            if (!tiff_parts_read(&s->parts, index, s->tile, s->tile_size, row_bytes)) return 0;
            for (int y = 0; y < s->band_rows && top + y < s->base.height; y++)
                memcpy(
                    s->band + s->band_plane * (size_t)plane + s->band_stride * (size_t)y + row_bytes * column,
                    s->tile + row_bytes * (size_t)y, row_bytes);
        }
    }
    return 1;
}

static int read_strips(tiff_source *s, int top) {
    int rows = s->base.height - top < s->band_rows ? s->base.height - top : s->band_rows;
    int planes = s->is_separate ? used_samples(s) : 1;
    for (int plane = 0; plane < planes; plane++) {
        uint32_t index = TIFFComputeStrip(s->tiff, (uint32_t)top, (uint16_t)plane);
        uint8_t *to = s->band + s->band_plane * (size_t)plane;
        if (!tiff_parts_read(&s->parts, index, to, s->band_stride * (size_t)rows, s->band_stride)) return 0;
        if (s->deadline && codec_now() > s->deadline) return 0;
    }
    return 1;
}

static int read_converted(tiff_source *s, int top) {
    int rows = s->base.height - top < s->band_rows ? s->base.height - top : s->band_rows;
    // All parts of the band: tiles next to each other, and planes of either.
    int planes = s->is_separate ? s->samples : 1;
    uint32_t across = TIFFIsTiled(s->tiff) ? s->tile_width : (uint32_t)s->base.width;
    for (int plane = 0; plane < planes; plane++)
        for (uint32_t x = 0; x < (uint32_t)s->base.width; x += across) {
            uint32_t index = TIFFIsTiled(s->tiff) ? TIFFComputeTile(s->tiff, x, (uint32_t)top, 0, (uint16_t)plane)
                                                  : TIFFComputeStrip(s->tiff, (uint32_t)top, (uint16_t)plane);
            if (!tiff_parts_check(&s->parts, index)) return 0;
        }
    s->converter.row_offset = top;
    return TIFFRGBAImageGet(&s->converter, (uint32_t *)s->band, (uint32_t)s->base.width, (uint32_t)rows);
}

static int fill_band(tiff_source *s) {
    int top = s->y / s->band_rows * s->band_rows;
    if (s->band_top == top) return 1;
    s->band_top = top;
    if (s->access == BY_LIBRARY) return read_converted(s, top);
    return TIFFIsTiled(s->tiff) ? read_tiles(s, top) : read_strips(s, top);
}

static codec_status read_row(pixel_source *base, uint8_t *row) {
    tiff_source *s = (tiff_source *)base;
    if (s->y >= base->height) return CODEC_CORRUPT;
    if (s->deadline && codec_now() > s->deadline) return CODEC_DEADLINE;
    const uint8_t *from = s->band;
    if (s->access == BY_SCANLINE) {
        uint32_t rows = (uint32_t)s->band_rows, height = (uint32_t)base->height;
        if (!tiff_parts_read_row(&s->parts, (uint32_t)s->y, rows, height, s->band, s->band_stride)) return CODEC_CORRUPT;
    } else {
        if (!fill_band(s)) return s->deadline && codec_now() > s->deadline ? CODEC_DEADLINE : CODEC_CORRUPT;
        from += s->band_stride * (size_t)(s->y - s->band_top);
    }
    if (s->file.has_failed) return CODEC_CORRUPT;
    s->y++;

    if (s->access == BY_LIBRARY) {
        for (int x = 0; x < base->width; x++, row += 3) {
            uint32_t pixel;
            memcpy(&pixel, from + 4 * (size_t)x, 4);
            row[0] = (uint8_t)TIFFGetR(pixel);
            row[1] = (uint8_t)TIFFGetG(pixel);
            row[2] = (uint8_t)TIFFGetB(pixel);
        }
        return CODEC_OK;
    }
    int used = used_samples(s);
    for (int sample = 0; sample < used; sample++)
        expand_plane(
            s, from + (s->is_separate ? s->band_plane * (size_t)sample : 0), s->is_separate ? 0 : sample,
            s->is_separate ? 1 : s->samples, s->samples8 + sample, used);
    convert_row(s, row);
    return CODEC_OK;
}

// Codings that are part of the format as people use it. libtiff knows more, each a parser of its own.
static int is_known_compression(int compression) {
    switch (compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_CCITTRLE:
    case COMPRESSION_CCITTRLEW:
    case COMPRESSION_CCITTFAX3:
    case COMPRESSION_CCITTFAX4:
    case COMPRESSION_LZW:
    case COMPRESSION_JPEG:
    case COMPRESSION_PACKBITS:
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE: return 1;
    default: return 0;
    }
}

static codec_status read_palette(tiff_source *s) {
    uint16_t *channels[3];
    if (s->bits > 8 || s->is_separate) return CODEC_UNSUPPORTED;
    if (!TIFFGetField(s->tiff, TIFFTAG_COLORMAP, &channels[0], &channels[1], &channels[2])) return CODEC_CORRUPT;
    int count = 1 << s->bits, is_narrow = 1;
    for (int i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            if (channels[c][i] > 255) is_narrow = 0;
    // Some writers leave the high byte empty.
    for (int i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            s->palette[i][c] = (uint8_t)(is_narrow ? channels[c][i] : channels[c][i] >> 8);
    return CODEC_OK;
}

static void read_alpha(tiff_source *s) {
    uint16_t count = 0, *kinds = NULL;
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds);
    if (s->samples <= s->colour_samples) return;
    if (count == 0) {
        // Nothing said about a fourth sample: writers that forget it mean alpha.
        if (s->photometric == PHOTOMETRIC_RGB && s->samples == 4) s->alpha = STRAIGHT;
    } else if (kinds[0] == EXTRASAMPLE_ASSOCALPHA) {
        s->alpha = PREMULTIPLIED;
    } else if (kinds[0] == EXTRASAMPLE_UNASSALPHA) {
        s->alpha = STRAIGHT;
    }
}

// What the pixels are, and whether we or libtiff convert them.
static codec_status read_layout(tiff_source *s) {
    uint16_t planar, format, compression, ink = INKSET_CMYK;
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_BITSPERSAMPLE, &s->bits);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_SAMPLESPERPIXEL, &s->samples);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_INKSET, &ink);
    if (!is_known_compression(compression)) return CODEC_UNSUPPORTED;
    if (!TIFFGetField(s->tiff, TIFFTAG_PHOTOMETRIC, &s->photometric)) {
        // Not optional, but bilevel files of fax programs lack it.
        s->photometric = s->samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISWHITE;
    }
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) return CODEC_UNSUPPORTED;
    if (s->bits != 1 && s->bits != 2 && s->bits != 4 && s->bits != 8 && s->bits != 16) return CODEC_UNSUPPORTED;
    if (s->samples == 0 || s->samples > 64) return CODEC_UNSUPPORTED;
    s->is_separate = planar == PLANARCONFIG_SEPARATE && s->samples > 1;
    s->base.channels = 3;

    switch (s->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        s->is_inverted = s->photometric == PHOTOMETRIC_MINISWHITE;
        s->colour_samples = 1;
        s->base.channels = 1;
        break;
    case PHOTOMETRIC_PALETTE: {
        s->colour_samples = 1;
        codec_status status = read_palette(s);
        if (status != CODEC_OK) return status;
        break;
    }
    case PHOTOMETRIC_RGB: s->colour_samples = 3; break;
    case PHOTOMETRIC_SEPARATED:
        if (ink != INKSET_CMYK || s->bits < 8) return CODEC_UNSUPPORTED;
        s->colour_samples = 4;
        break;
    case PHOTOMETRIC_YCBCR:
        if (s->bits != 8 || s->samples != 3) return CODEC_UNSUPPORTED;
        s->colour_samples = 3;
        if (compression == COMPRESSION_JPEG && !s->is_separate) {
            // libjpeg does it on the way.
            if (!TIFFSetField(s->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB)) return CODEC_UNSUPPORTED;
            s->photometric = PHOTOMETRIC_RGB;
        } else {
            // Of one sample of chroma for four rows libtiff makes wrong pixels where a block lies across the right edge.
            uint16_t across, down;
            TIFFGetFieldDefaulted(s->tiff, TIFFTAG_YCBCRSUBSAMPLING, &across, &down);
            if (down > 2) return CODEC_UNSUPPORTED;
            s->access = BY_LIBRARY;
        }
        break;
    case PHOTOMETRIC_CIELAB:
        if (s->bits != 8 || s->samples < 3) return CODEC_UNSUPPORTED;
        s->colour_samples = 3;
        s->press = colour_transform_open_lab();
        if (!s->press) return CODEC_NO_MEMORY;
        break;
    default: return CODEC_UNSUPPORTED;
    }
    if (s->samples < s->colour_samples) return CODEC_CORRUPT;
    if (s->photometric == PHOTOMETRIC_RGB || s->photometric == PHOTOMETRIC_MINISWHITE ||
        s->photometric == PHOTOMETRIC_MINISBLACK)
        read_alpha(s);
    if (s->alpha != OPAQUE) s->base.channels = 4;
    if (s->access != BY_LIBRARY && (s->is_separate || TIFFIsTiled(s->tiff))) s->access = BY_BAND;
    return CODEC_OK;
}

static codec_status prepare_band(tiff_source *s) {
    uint64_t width = (uint64_t)s->base.width, rows;
    if (TIFFIsTiled(s->tiff)) {
        if (!TIFFGetField(s->tiff, TIFFTAG_TILEWIDTH, &s->tile_width) ||
            !TIFFGetField(s->tiff, TIFFTAG_TILELENGTH, &s->tile_height) || s->tile_width == 0 || s->tile_height == 0)
            return CODEC_CORRUPT;
        rows = s->tile_height;
    } else {
        uint32_t strip;
        TIFFGetFieldDefaulted(s->tiff, TIFFTAG_ROWSPERSTRIP, &strip);
        if (strip == 0) return CODEC_CORRUPT;
        rows = strip;
    }
    if (rows > INT_MAX) rows = INT_MAX;
    uint64_t height = (uint64_t)s->base.height, needed = rows < height ? rows : height;
    s->band_rows = (int)rows;
    s->band_top = -1;

    uint64_t stride, planes = 1;
    if (s->access == BY_LIBRARY) {
        stride = width * 4;
    } else if (TIFFIsTiled(s->tiff)) {
        tmsize_t row_bytes = TIFFTileRowSize(s->tiff), size = TIFFTileSize(s->tiff);
        if (row_bytes <= 0 || size <= 0 || (uint64_t)size != (uint64_t)row_bytes * s->tile_height) return CODEC_CORRUPT;
        stride = (uint64_t)row_bytes * ((width + s->tile_width - 1) / s->tile_width);
        s->tile_size = (size_t)size;
        if (s->tile_size > s->max_memory) return CODEC_TOO_MANY_PIXELS;
        s->tile = get(s, s->tile_size);
        if (!s->tile) return CODEC_NO_MEMORY;
    } else {
        tmsize_t size = TIFFScanlineSize(s->tiff);
        if (size <= 0) return CODEC_CORRUPT;
        stride = (uint64_t)size;
        if (s->access == BY_SCANLINE && s->parts.deflate && needed <= SMALL_STRIP / stride) s->access = BY_BAND;
        if (s->access == BY_SCANLINE) needed = 1;
    }
    if (s->is_separate && s->access == BY_BAND) planes = (uint64_t)used_samples(s);
    uint64_t plane;
    if (__builtin_mul_overflow(stride, needed, &plane) || plane > s->max_memory / planes) return CODEC_TOO_MANY_PIXELS;
    s->band_stride = stride;
    s->band_plane = plane;
    s->band = get(s, plane * planes);
    s->samples8 = get(s, width * (uint64_t)used_samples(s));
    return s->band && s->samples8 ? CODEC_OK : CODEC_NO_MEMORY;
}

// A band is converted as it is stored; turning it is the caller's work, and done once.
static codec_status prepare_converter(tiff_source *s) {
    char why[1024];
    if (!TIFFRGBAImageOK(s->tiff, why)) return CODEC_UNSUPPORTED;
    if (!TIFFRGBAImageBegin(&s->converter, s->tiff, 1, why)) return CODEC_UNSUPPORTED;
    s->has_converter = 1;
    s->converter.orientation = s->converter.req_orientation = ORIENTATION_TOPLEFT;
    return CODEC_OK;
}

static void read_metadata(tiff_source *s) {
    uint16_t orientation = 1;
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_ORIENTATION, &orientation);
    s->base.orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    uint32_t count = 0;
    void *profile = NULL;
    // What comes from L*a*b* needs no profile.
    if (s->photometric == PHOTOMETRIC_CIELAB) return;
    if (!TIFFGetField(s->tiff, TIFFTAG_ICCPROFILE, &count, &profile) || count == 0) return;
    if (s->photometric == PHOTOMETRIC_SEPARATED) {
        s->press = colour_transform_open(profile, count, COLOUR_INK);
    } else {
        s->base.icc = profile;
        s->base.icc_count = count;
    }
}

// What converting colours takes beyond unpacking: 25 ns for a pixel of L*a*b*, 58 for one of inks by a profile.
static uint64_t conversion_work(const tiff_source *s) {
    uint64_t area = (uint64_t)s->base.width * (uint64_t)s->base.height;
    return !s->press ? 0 : area * (s->photometric == PHOTOMETRIC_CIELAB ? 6 : 14);
}

static codec_status prepare(tiff_source *s, const source_limits *limits) {
    uint32_t width = 0, height = 0;
    if (!TIFFGetField(s->tiff, TIFFTAG_IMAGEWIDTH, &width) || !TIFFGetField(s->tiff, TIFFTAG_IMAGELENGTH, &height) ||
        width == 0 || height == 0 || width > INT_MAX || height > INT_MAX)
        return CODEC_CORRUPT;
    if ((uint64_t)width * height > limits->max_pixels) return CODEC_TOO_MANY_PIXELS;
    s->base.width = (int)width;
    s->base.height = (int)height;
    uint16_t bits = 1, samples = 1, compression;
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_COMPRESSION, &compression);
    if (compression == COMPRESSION_JPEG && limits->forbids_jpeg) return CODEC_DISABLED;
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(s->tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    uint64_t unpacked = (uint64_t)width * height * bits / 8 * samples;
    if (unpacked > limits->max_unpacked) return CODEC_TOO_MANY_PIXELS;
    codec_status status = read_layout(s);
    // What libtiff decodes is only looked at, all of it.
    uint64_t spare = limits->max_unpacked - (s->access == BY_LIBRARY ? 0 : unpacked);
    if (status == CODEC_OK) status = tiff_parts_open(&s->parts, s->tiff, &s->file, spare);
    if (status == CODEC_OK && s->access == BY_LIBRARY) status = prepare_converter(s);
    if (status == CODEC_OK) status = prepare_band(s);
    if (status == CODEC_OK) read_metadata(s);
    uint64_t most = limits->max_work, conversion = conversion_work(s);
    if (status == CODEC_OK && (conversion > most || tiff_work(s->tiff, &s->file, unpacked, most) > most - conversion))
        status = CODEC_TOO_MANY_PIXELS;
    // What went wrong with tags so far has been judged by their values.
    s->file.has_failed = 0;
    return status;
}

codec_status tiff_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source) {
    tiff_source *s = calloc(1, sizeof *s);
    if (!s) return CODEC_NO_MEMORY;
    s->base.orientation = 1;
    s->base.read_row = read_row;
    s->base.close = close_source;
    s->file = (tiff_file){.bytes = bytes, .count = count};
    s->deadline = limits->deadline;
    s->max_memory = limits->max_memory;
    // Only the first directory is ever read, so chains that loop are never walked.
    s->tiff = tiff_open_file(&s->file, "r", limits->max_memory);
    codec_status status = s->tiff && !s->file.is_short ? prepare(s, limits) : CODEC_CORRUPT;
    if (status != CODEC_OK) {
        close_source(&s->base);
        return status;
    }
    *source = &s->base;
    return CODEC_OK;
}
