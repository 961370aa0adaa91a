// SPDX-License-Identifier: Apache-2.0
#include <gif_lib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "animation.h"
#include "first_frame.h"
#include "gif_codec.h"
#include "gif_lzw.h"
#include "gif_scan.h"
#include "pixel_area.h"

typedef struct {
    animation_source base;
    const uint8_t *bytes;
    size_t count, offset;
    uint64_t deadline;
    GifFileType *file;
    uint32_t *canvas;
    uint32_t *saved;      // what was under a frame that is to vanish again
    gif_lzw lzw;
    int leaves_to_giflib; // some frame's codes were odd
    uint8_t *line;        // of such frames
    size_t line_size;
    int disposal;         // of the frame that is shown
    pixel_area drawn;     // where that is, on the canvas
    colour_table table;
    int read;             // frames so far
} gif_animation;

static _Thread_local int is_off;
static _Thread_local unsigned long taken;

void gif_lzw_enable(int on) { is_off = !on; }

unsigned long gif_lzw_taken(void) { return taken; }

static int read_bytes(GifFileType *file, GifByteType *into, int size) {
    gif_animation *s = file->UserData;
    size_t left = s->count - s->offset, count = (size_t)size < left ? (size_t)size : left;
    memcpy(into, s->bytes + s->offset, count);
    s->offset += count;
    return (int)count;
}

static codec_status failure(const gif_animation *s) {
    return s->file && s->file->Error == D_GIF_ERR_NOT_ENOUGH_MEM ? CODEC_NO_MEMORY : CODEC_CORRUPT;
}

// Up to the next frame's descriptor; `control` is the one that belongs to it.
static codec_status find_frame(gif_animation *s, GraphicsControlBlock *control) {
    *control = (GraphicsControlBlock){.TransparentColor = NO_TRANSPARENT_COLOR};
    for (;;) {
        GifRecordType kind;
        if (DGifGetRecordType(s->file, &kind) == GIF_ERROR) return failure(s);
        if (kind == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(s->file) == GIF_ERROR ? failure(s) : CODEC_OK;
        if (kind != EXTENSION_RECORD_TYPE) return CODEC_CORRUPT;
        int function;
        GifByteType *block;
        if (DGifGetExtension(s->file, &function, &block) == GIF_ERROR) return failure(s);
        if (block && function == GRAPHICS_EXT_FUNC_CODE)
            DGifExtensionToGCB(block[0], block + 1, control);
        while (block)
            if (DGifGetExtensionNext(s->file, &block) == GIF_ERROR) return failure(s);
    }
}

// Takes away the frame that is shown, as it asked for. Answers what that changes.
static pixel_area dispose(gif_animation *s) {
    size_t width = (size_t)s->base.width;
    if (s->disposal != DISPOSE_BACKGROUND && s->disposal != DISPOSE_PREVIOUS) return (pixel_area){0};
    for (int y = s->drawn.y; y < s->drawn.y + s->drawn.height; y++) {
        size_t at = width * (size_t)y + (size_t)s->drawn.x, count = 4 * (size_t)s->drawn.width;
        // The background is what is behind the picture: nobody shows the colour that the header names for it.
        if (s->disposal == DISPOSE_BACKGROUND) {
            memset(s->canvas + at, 0, count);
        } else {
            memcpy(s->canvas + at, s->saved + at, count);
        }
    }
    return s->drawn;
}

static codec_status save(gif_animation *s, pixel_area area) {
    size_t width = (size_t)s->base.width;
    if (!s->saved) s->saved = malloc(4 * width * (size_t)s->base.height);
    if (!s->saved) return CODEC_NO_MEMORY;
    for (int y = area.y; y < area.y + area.height; y++) {
        size_t at = width * (size_t)y + (size_t)area.x;
        memcpy(s->saved + at, s->canvas + at, 4 * (size_t)area.width);
    }
    return CODEC_OK;
}

// The colours of a frame as they stand on the canvas.
static codec_status read_colours(gif_animation *s, uint32_t colours[256]) {
    const ColorMapObject *map = s->file->Image.ColorMap ? s->file->Image.ColorMap : s->file->SColorMap;
    if (!map || map->ColorCount > 256) return CODEC_CORRUPT;
    s->table.count = map->ColorCount;
    memset(colours, 0, 256 * sizeof *colours);
    for (int i = 0; i < map->ColorCount; i++) {
        const uint8_t colour[4] = {map->Colors[i].Red, map->Colors[i].Green, map->Colors[i].Blue, 255};
        memcpy(s->table.colours[i], colour, 3);
        memcpy(&colours[i], colour, 4);
    }
    return CODEC_OK;
}

// One row of indices onto the canvas. Answers 0 for an index that has no colour.
static int draw_row(
    uint32_t *to, const uint8_t *from, int count, const uint32_t colours[256], int transparent, int *first, int *last) {
    uint32_t missing = 0;
    int begin = INT_MAX, end = -1;
    for (int x = 0; x < count; x++) {
        if (from[x] == transparent) continue;
        uint32_t colour = colours[from[x]];
        missing |= colour == 0;
        if (to[x] == colour) continue;
        to[x] = colour;
        if (begin == INT_MAX) begin = x;
        end = x;
    }
    *first = begin;
    *last = end;
    return !missing;
}

// What is left of a frame's codes.
static codec_status skip_codes(gif_animation *s) {
    GifByteType *block;
    do {
        if (DGifGetCodeNext(s->file, &block) == GIF_ERROR) return failure(s);
    } while (block);
    return CODEC_OK;
}

static codec_status make_line(gif_animation *s, size_t width) {
    if (width <= s->line_size) return CODEC_OK;
    free(s->line);
    s->line = malloc(width);
    s->line_size = s->line ? width : 0;
    return s->line ? CODEC_OK : CODEC_NO_MEMORY;
}

// What all rows of a frame are drawn by.
typedef struct {
    uint32_t colours[256];
    int transparent;
    area_bounds bounds;  // of what has changed
} pen;

// All of a frame by one reader of its codes: giflib's, or ours, which may find them odd (`*is_odd`) on the way.
static codec_status draw_rows(gif_animation *s, pen *pen, int by_giflib, int *is_odd) {
    const GifImageDesc *image = &s->file->Image;
    // Interlaced rows come in four passes.
    static const int starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
    for (int pass = 0; pass < (image->Interlace ? 4 : 1); pass++) {
        int step = image->Interlace ? steps[pass] : 1;
        for (int y = image->Interlace ? starts[pass] : 0; y < image->Height; y += step) {
            if (s->deadline && codec_now() > s->deadline) return CODEC_DEADLINE;
            const uint8_t *line = s->line;
            if (!by_giflib) {
                line = gif_lzw_read(&s->lzw, (size_t)image->Width);
                *is_odd = !line;
                if (!line) return s->lzw.is_wrong ? CODEC_CORRUPT : CODEC_OK;
            } else if (DGifGetLine(s->file, s->line, image->Width) == GIF_ERROR) {
                return failure(s);
            }
            if (image->Top + y < s->drawn.y || image->Top + y >= s->drawn.y + s->drawn.height) continue;
            int first, last;
            uint32_t *row = s->canvas + (size_t)s->base.width * (size_t)(image->Top + y) + s->drawn.x;
            if (!draw_row(
                    row, line + (s->drawn.x - image->Left), s->drawn.width, pen->colours, pen->transparent, &first,
                    &last))
                return CODEC_CORRUPT;
            if (last >= 0) bounds_add(&pen->bounds, image->Top + y, s->drawn.x + first, s->drawn.x + last);
        }
    }
    return CODEC_OK;
}

static codec_status draw(gif_animation *s, const GraphicsControlBlock *control, pixel_area *changed) {
    const GifImageDesc *image = &s->file->Image;
    pen pen = {.transparent = control->TransparentColor, .bounds = bounds_of_nothing()};
    codec_status status = read_colours(s, pen.colours);
    if (status != CODEC_OK) return status;
    if (image->Width <= 0 || image->Height <= 0) return skip_codes(s);
    // giflib has read the size of the codes, which is the byte before, and nothing of these.
    int is_odd = s->leaves_to_giflib || is_off ||
                 gif_lzw_start(&s->lzw, s->bytes + s->offset, s->bytes + s->count, s->bytes[s->offset - 1]) != 0;
    if (!is_odd) {
        status = draw_rows(s, &pen, 0, &is_odd);
        if (status != CODEC_OK) return status;
        s->leaves_to_giflib = is_odd;
        if (!is_odd) {
            taken++;
            status = skip_codes(s);
        }
    }
    if (is_odd) {
        // What has been drawn is drawn again, the same.
        status = make_line(s, (size_t)image->Width);
        if (status == CODEC_OK) status = draw_rows(s, &pen, 1, &is_odd);
    }
    *changed = area_of(pen.bounds);
    return status;
}

static codec_status read_frame(animation_source *base) {
    gif_animation *s = (gif_animation *)base;
    GraphicsControlBlock control;
    pixel_area disposed = dispose(s), changed = {0};
    codec_status status = find_frame(s, &control);
    if (status != CODEC_OK) return status;
    const GifImageDesc *image = &s->file->Image;
    s->drawn = area_clipped(
        (pixel_area){image->Left, image->Top, image->Width, image->Height}, base->width, base->height);
    s->disposal = control.DisposalMode;
    if (s->disposal == DISPOSE_PREVIOUS) status = save(s, s->drawn);
    if (status == CODEC_OK) status = draw(s, &control, &changed);
    base->milliseconds = (uint32_t)control.DelayTime * 10;
    base->changed = s->read++ ? area_union(disposed, changed) : (pixel_area){0, 0, base->width, base->height};
    return status;
}

static void close_source(animation_source *base) {
    gif_animation *s = (gif_animation *)base;
    int error;
    if (s->file) DGifCloseFile(s->file, &error);
    free(s->canvas);
    free(s->saved);
    free(s->lzw.indices);
    free(s->line);
    free(s);
}

static codec_status check(const gif_summary *summary, const animation_limits *limits) {
    uint64_t area = (uint64_t)summary->width * (uint64_t)summary->height;
    if (area > limits->each.max_pixels || summary->largest_frame > limits->each.max_pixels)
        return CODEC_TOO_MANY_PIXELS;
    if (summary->frames > limits->max_frames || summary->frames > INT_MAX) return CODEC_TOO_MANY_PIXELS;
    // Both what is handed out and what is decoded for it.
    if (summary->frames > limits->max_total_pixels / area || summary->all_frames > limits->max_total_pixels)
        return CODEC_TOO_MANY_PIXELS;
    // The canvas twice, and what giflib keeps of each frame: its descriptor and its colours.
    return 8 * area + summary->frames * 1024 > limits->each.max_memory ? CODEC_TOO_MANY_PIXELS : CODEC_OK;
}

codec_status gif_animation_open(
    const uint8_t *bytes, size_t count, const animation_limits *limits, animation_source **source) {
    gif_summary summary;
    codec_status status = gif_scan(bytes, count, &summary);
    if (status == CODEC_OK) status = check(&summary, limits);
    if (status != CODEC_OK) return status;
    gif_animation *s = calloc(1, sizeof *s);
    if (!s) return CODEC_NO_MEMORY;
    s->base = (animation_source){
        .width = summary.width,
        .height = summary.height,
        .frames = (int)summary.frames,
        .changing = summary.changing,
        .plays = summary.plays,
        .colours = &s->table,
        .read_frame = read_frame,
        .close = close_source,
    };
    s->bytes = bytes;
    s->count = count;
    s->deadline = limits->each.deadline;
    s->canvas = calloc((size_t)summary.width * (size_t)summary.height, sizeof *s->canvas);
    int error = 0;
    s->file = s->canvas ? DGifOpen(s, read_bytes, &error) : NULL;
    if (!s->file) {
        status = !s->canvas || error == D_GIF_ERR_NOT_ENOUGH_MEM ? CODEC_NO_MEMORY : CODEC_CORRUPT;
        close_source(&s->base);
        return status;
    }
    s->base.pixels = (const uint8_t *)s->canvas;
    *source = &s->base;
    return CODEC_OK;
}

codec_status gif_open(const uint8_t *bytes, size_t count, const source_limits *limits, pixel_source **source) {
    // Of the other frames nothing is decoded.
    animation_limits first = {.each = *limits, .max_frames = UINT64_MAX, .max_total_pixels = UINT64_MAX, .max_work = UINT64_MAX};
    animation_source *animation;
    codec_status status = gif_animation_open(bytes, count, &first, &animation);
    return status == CODEC_OK ? first_frame_open(animation, source) : status;
}
