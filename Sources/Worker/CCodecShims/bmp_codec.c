// SPDX-License-Identifier: Apache-2.0
#include "bmp_codec.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "byte_sink.h"

enum {
    FILE_HEADER = 14,
    // Lengths of the picture header, by which its versions are told apart.
    CORE = 12,      // OS/2 1: 16-bit size, three bytes a colour
    INFO = 40,
    WITH_MASKS = 52,
    WITH_ALPHA = 56,
    OS2 = 64,
    V4 = 108,
    V5 = 124,
};

enum { BI_RGB = 0, BI_RLE8 = 1, BI_RLE4 = 2, BI_BITFIELDS = 3, BI_ALPHABITFIELDS = 6 };

// Where one channel's bits are in a pixel, and how they become eight.
typedef struct {
    uint32_t mask;
    int shift, bits;
} field;

typedef struct {
    pixel_source base;
    uint64_t deadline;
    const uint8_t *rows;  // the first row as stored
    size_t stride;
    int is_top_down, y;
    int bits;
    uint8_t palette[256][3];
    field fields[4];
    uint8_t *indices;  // what run-length coding has become, top row first
} bmp_source;

static unsigned get_16(const uint8_t *bytes) { return bytes[0] | (unsigned)bytes[1] << 8; }
static uint32_t get_32(const uint8_t *bytes) { return get_16(bytes) | (uint32_t)get_16(bytes + 2) << 16; }

static field field_of(uint32_t mask) {
    field result = {.mask = mask};
    if (mask) {
        result.shift = __builtin_ctz(mask);
        result.bits = __builtin_popcount(mask);
    }
    return result;
}

static int is_contiguous(field f) {
    return f.bits == 32 || f.mask == (((uint32_t)1 << f.bits) - 1) << f.shift;
}

static uint8_t value_of(field f, uint32_t pixel) {
    uint32_t value = (pixel & f.mask) >> f.shift;
    if (f.bits > 8) return (uint8_t)(value >> (f.bits - 8));
    if (f.bits == 8 || f.bits == 0) return (uint8_t)value;
    uint32_t most = ((uint32_t)1 << f.bits) - 1;
    return (uint8_t)((value * 255 + most / 2) / most);
}

static const uint8_t *stored_row(const bmp_source *s, int y) {
    return s->rows + s->stride * (size_t)(s->is_top_down ? y : s->base.height - 1 - y);
}

static void unpack_indexed(const bmp_source *s, const uint8_t *from, int bits, uint8_t *row) {
    unsigned mask = (1u << bits) - 1;
    int per_byte = 8 / bits;
    for (int x = 0; x < s->base.width; x++) {
        int shift = 8 - bits - x % per_byte * bits;
        memcpy(row + 3 * (size_t)x, s->palette[from[x / per_byte] >> shift & mask], 3);
    }
}

static void unpack_24(const bmp_source *s, const uint8_t *from, uint8_t *row) {
    for (int x = 0; x < s->base.width; x++, from += 3, row += 3) {
        row[0] = from[2];
        row[1] = from[1];
        row[2] = from[0];
    }
}

static void unpack_fields(const bmp_source *s, const uint8_t *from, uint8_t *row) {
    int channels = s->base.channels;
    for (int x = 0; x < s->base.width; x++, row += channels) {
        uint32_t pixel = s->bits == 16 ? get_16(from + 2 * (size_t)x) : get_32(from + 4 * (size_t)x);
        for (int channel = 0; channel < channels; channel++) row[channel] = value_of(s->fields[channel], pixel);
    }
}

static codec_status read_row(pixel_source *base, uint8_t *row) {
    bmp_source *s = (bmp_source *)base;
    if (s->y >= base->height) return CODEC_CORRUPT;
    if (s->deadline && codec_now() > s->deadline) return CODEC_DEADLINE;
    if (s->indices) {
        unpack_indexed(s, s->indices + (size_t)base->width * (size_t)s->y, 8, row);
    } else if (s->bits <= 8) {
        unpack_indexed(s, stored_row(s, s->y), s->bits, row);
    } else if (s->bits == 24) {
        unpack_24(s, stored_row(s, s->y), row);
    } else {
        unpack_fields(s, stored_row(s, s->y), row);
    }
    s->y++;
    return CODEC_OK;
}

static void close_source(pixel_source *base) {
    free(((bmp_source *)base)->indices);
    free(base);
}

// Run-length coded rows come from the bottom up. What a jump leaves out is the first colour; what lies beyond the
// border is dropped. Data that ends before its end mark or the last row is cut short.
static codec_status expand_runs(bmp_source *s, const uint8_t *at, const uint8_t *end, int bits) {
    int width = s->base.width, x = 0, y = 0;
    while (y < s->base.height) {
        uint8_t *row = s->indices + (size_t)width * (size_t)(s->base.height - 1 - y);
        if (end - at < 2) return CODEC_CORRUPT;
        unsigned count = at[0], value = at[1];
        at += 2;
        if (count > 0) {
            for (unsigned i = 0; i < count && x < width; i++)
                row[x++] = (uint8_t)(bits == 8 ? value : i % 2 ? value & 15 : value >> 4);
        } else if (value == 0) {
            // Here alone, so that a file of nothing but runs ends, too.
            if (s->deadline && codec_now() > s->deadline) return CODEC_DEADLINE;
            x = 0;
            y++;
        } else if (value == 1) {
            // Where rows are missing that no jump has left out, something else is this mark.
            return y == s->base.height - 1 && x == width ? CODEC_OK : CODEC_CORRUPT;
        } else if (value == 2) {
            if (end - at < 2) return CODEC_CORRUPT;
            x = x + at[0] < width ? x + at[0] : width;
            y += at[1];
            at += 2;
        } else {
            // As many pixels as they are, padded to 16 bits.
            ptrdiff_t bytes = bits == 8 ? (ptrdiff_t)value : (ptrdiff_t)(value + 1) / 2;
            if (end - at < bytes) return CODEC_CORRUPT;
            for (unsigned i = 0; i < value && x < width; i++)
                row[x++] = bits == 8 ? at[i] : (uint8_t)(i % 2 ? at[i / 2] & 15 : at[i / 2] >> 4);
            at += bytes;
            if (bytes % 2 && at++ == end) return CODEC_CORRUPT;
        }
    }
    return CODEC_OK;
}

// Writers that know nothing of alpha leave its byte zero: such a picture is opaque.
static int is_all_transparent(const bmp_source *s) {
    for (int y = 0; y < s->base.height; y++) {
        const uint8_t *row = stored_row(s, y);
        for (int x = 0; x < s->base.width; x++) {
            uint32_t pixel = s->bits == 16 ? get_16(row + 2 * (size_t)x) : get_32(row + 4 * (size_t)x);
            if (pixel & s->fields[3].mask) return 0;
        }
    }
    return 1;
}

static codec_status read_fields(
    bmp_source *s, const uint8_t *header, size_t length, uint32_t compression, size_t available) {
    if (compression == BI_RGB) {
        static const uint32_t wide[] = {0xFF0000, 0xFF00, 0xFF}, narrow[] = {0x7C00, 0x3E0, 0x1F};
        for (int i = 0; i < 3; i++) s->fields[i] = field_of(s->bits == 16 ? narrow[i] : wide[i]);
        return CODEC_OK;
    }
    // Either in the header or right behind a short one.
    int count = compression == BI_ALPHABITFIELDS || length >= WITH_ALPHA ? 4 : 3;
    if (available < INFO + 4 * (size_t)count) return CODEC_CORRUPT;
    for (int i = 0; i < count; i++) {
        uint32_t mask = get_32(header + INFO + 4 * i);
        if (s->bits == 16) mask &= 0xFFFF;
        s->fields[i] = field_of(mask);
        if (!is_contiguous(s->fields[i])) return CODEC_CORRUPT;
    }
    return CODEC_OK;
}

static void read_palette(bmp_source *s, const uint8_t *at, size_t available, int size, uint32_t used) {
    size_t colours = used && used < 1u << s->bits ? used : 1u << s->bits;
    for (size_t i = 0; i < colours && (i + 1) * (size_t)size <= available; i++) {
        const uint8_t *colour = at + i * (size_t)size;
        s->palette[i][0] = colour[2];
        s->palette[i][1] = colour[1];
        s->palette[i][2] = colour[0];
    }
}

static void read_profile(bmp_source *s, const uint8_t *header, size_t length, size_t available) {
    enum { EMBEDDED = 0x4D424544 };
    if (length < V5 || available < V5 || get_32(header + 56) != EMBEDDED) return;
    size_t offset = get_32(header + 112), count = get_32(header + 116);
    if (offset > available || count > available - offset || count == 0) return;
    s->base.icc = header + offset;
    s->base.icc_count = count;
}

static codec_status read_headers(bmp_source *s, const uint8_t *bytes, size_t count, const source_limits *limits) {
    if (count < FILE_HEADER + CORE || bytes[0] != 'B' || bytes[1] != 'M') return CODEC_CORRUPT;
    const uint8_t *header = bytes + FILE_HEADER;
    size_t available = count - FILE_HEADER, length = get_32(header), data = get_32(bytes + 10);
    if ((length != CORE && length < 16) || length > 1024) return CODEC_UNSUPPORTED;
    if (length > available) return CODEC_CORRUPT;

    int64_t width, height;
    uint32_t compression = BI_RGB, used = 0;
    if (length == CORE) {
        width = get_16(header + 4);
        height = get_16(header + 6);
        s->bits = (int)get_16(header + 10);
    } else {
        width = (int32_t)get_32(header + 4);
        height = (int32_t)get_32(header + 8);
        s->bits = (int)get_16(header + 14);
        if (length >= 20) compression = get_32(header + 16);
        if (length >= 36) used = get_32(header + 32);
    }
    s->is_top_down = height < 0;
    if (height < 0) height = -height;
    if (width <= 0 || height <= 0 || height > INT_MAX) return CODEC_CORRUPT;
    if ((uint64_t)width * (uint64_t)height > limits->max_pixels) return CODEC_TOO_MANY_PIXELS;
    s->base.width = (int)width;
    s->base.height = (int)height;
    s->base.channels = 3;

    int is_indexed = s->bits == 1 || s->bits == 2 || s->bits == 4 || s->bits == 8;
    if (!is_indexed && s->bits != 16 && s->bits != 24 && s->bits != 32) return CODEC_UNSUPPORTED;
    size_t masks = 0;
    switch (compression) {
    case BI_RGB: break;
    case BI_RLE8:
    case BI_RLE4:
        if (s->bits != (compression == BI_RLE8 ? 8 : 4) || s->is_top_down) return CODEC_CORRUPT;
        break;
    case BI_BITFIELDS:
    case BI_ALPHABITFIELDS:
        // In OS/2's header the same numbers mean codings that nobody uses.
        if (length == OS2 || (s->bits != 16 && s->bits != 32)) return CODEC_UNSUPPORTED;
        if (length < WITH_MASKS) masks = compression == BI_BITFIELDS ? 12 : 16;
        break;
    default: return CODEC_UNSUPPORTED;
    }

    codec_status status = CODEC_OK;
    if (s->bits == 16 || s->bits == 32) status = read_fields(s, header, length, compression, available);
    if (status != CODEC_OK) return status;
    if (is_indexed) {
        size_t begin = length + masks;
        int size = length == CORE ? 3 : 4;
        read_palette(s, header + begin, available - begin, size, used);
    }
    read_profile(s, header, length, available);

    if (data < FILE_HEADER + length || data > count) return CODEC_CORRUPT;
    s->rows = bytes + data;
    uint64_t row_bytes = ((uint64_t)width * (uint64_t)s->bits + 7) / 8, stride = (row_bytes + 3) / 4 * 4;
    if (compression == BI_RLE8 || compression == BI_RLE4) {
        uint64_t area = (uint64_t)width * (uint64_t)height;
        if (area > limits->max_memory) return CODEC_TOO_MANY_PIXELS;
        s->indices = calloc(area, 1);
        if (!s->indices) return CODEC_NO_MEMORY;
        return expand_runs(s, s->rows, bytes + count, s->bits);
    }
    // The last row needs no padding.
    if (stride * (uint64_t)(height - 1) + row_bytes > count - data) return CODEC_CORRUPT;
    s->stride = stride;
    if (s->fields[3].mask && !is_all_transparent(s)) s->base.channels = 4;
    return CODEC_OK;
}

codec_status bmp_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source) {
    bmp_source *s = calloc(1, sizeof *s);
    if (!s) return CODEC_NO_MEMORY;
    s->base.orientation = 1;
    s->base.read_row = read_row;
    s->base.close = close_source;
    s->deadline = limits->deadline;
    codec_status status = read_headers(s, bytes, count, limits);
    if (status != CODEC_OK) {
        close_source(&s->base);
        return status;
    }
    *source = &s->base;
    return CODEC_OK;
}

// MARK: Writing

static void put_headers(byte_sink *sink, const pixel_view *view, uint32_t row_bytes) {
    int has_alpha = view->channels == 4;
    uint32_t length = has_alpha ? V4 : INFO, palette = view->channels == 1 ? 1024 : 0;
    uint32_t data = FILE_HEADER + length + palette, size = row_bytes * (uint32_t)view->height;
    sink_put(sink, "BM", 2);
    sink_put_32(sink, data + size);
    sink_put_32(sink, 0);
    sink_put_32(sink, data);
    sink_put_32(sink, length);
    sink_put_32(sink, (uint32_t)view->width);
    sink_put_32(sink, (uint32_t)view->height);
    sink_put_16(sink, 1);
    sink_put_16(sink, (unsigned)view->channels * 8);
    sink_put_32(sink, has_alpha ? BI_BITFIELDS : BI_RGB);
    sink_put_32(sink, size);
    // 72 dots an inch, in dots a metre.
    sink_put_32(sink, 2835);
    sink_put_32(sink, 2835);
    sink_put_32(sink, view->channels == 1 ? 256 : 0);
    sink_put_32(sink, 0);
    if (has_alpha) {
        static const uint32_t masks[] = {0xFF0000, 0xFF00, 0xFF, 0xFF000000};
        static const uint8_t none[48];
        for (int i = 0; i < 4; i++) sink_put_32(sink, masks[i]);
        sink_put(sink, "BGRs", 4);
        sink_put(sink, none, sizeof none);
    }
    for (unsigned gray = 0; gray < palette / 4; gray++) sink_put_32(sink, gray * 0x010101);
}

codec_status bmp_encode(const pixel_view *view, size_t max_bytes, encoded_image *out) {
    uint64_t row_bytes = ((uint64_t)view->width * (uint64_t)view->channels + 3) / 4 * 4;
    uint64_t size = row_bytes * (uint64_t)view->height;
    if (size > max_bytes || size > UINT32_MAX - 2048) return CODEC_TOO_LARGE;
    byte_sink sink = sink_make(max_bytes);
    put_headers(&sink, view, (uint32_t)row_bytes);
    uint8_t *rows = sink_extend(&sink, size);
    for (int y = 0; rows && y < view->height; y++) {
        const uint8_t *from = view->pixels + view->stride * (size_t)(view->height - 1 - y);
        uint8_t *to = rows + row_bytes * (size_t)y;
        memset(to + row_bytes - 4, 0, 4);
        if (view->channels == 1) memcpy(to, from, (size_t)view->width);
        for (int x = 0; view->channels > 1 && x < view->width; x++, from += view->channels, to += view->channels) {
            to[0] = from[2];
            to[1] = from[1];
            to[2] = from[0];
            if (view->channels == 4) to[3] = from[3];
        }
    }
    return sink_finish(&sink, out);
}
