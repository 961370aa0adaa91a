// SPDX-License-Identifier: Apache-2.0
//
// A frame is held back until the next one is known: how it is to be taken away depends on that. Where pixels become
// clear again, the only way is to have the frame before clear its whole area, which may have to grow for it.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "few_colours.h"
#include "gif_writer.h"
#include "pixel_area.h"
#include "quantiser.h"

enum {
    // One index is kept for pixels that are clear, or stay as they are.
    MOST_COLOURS = 255,
    // Mean of the squared distance to a table's colours, over three channels, up to which the table is good enough.
    // 38 dB: resampled graphics in their own palette stay well below, photographs above.
    GOOD_ENOUGH = 30,
    // So many pixels know what colours a frame has.
    ENOUGH_PIXELS = 1 << 15,
    // By how much another table must be better than the one that is in use, which costs nothing to use again.
    WORTH_A_CHANGE = 1,
    // How a frame is taken away. Said of each: there are readers for whom not to say it is to repeat what was said
    // last.
    KEEP = 1, CLEAR_AREA = 2,
};

typedef struct {
    animation_encoder base;
    animation_settings settings;
    byte_sink sink;
    int frames;
    uint64_t now, written;  // milliseconds given, hundredths written
    uint32_t *given;        // what is to be seen; clear pixels are 0
    uint32_t *shown;        // and what is, with the table's colours
    colour_table global;
    // The frame that is held back.
    pixel_area area;
    uint8_t *indices;       // of the whole canvas
    colour_table table;
    uint32_t delay;
    // The map of the frame before, and room for another one.
    struct {
        colour_table source;  // that it was made from, if it was
        colour_map map;
    } maps[2];
    int current;
    few_colours few;
    histogram histogram;
} gif_encoder;

static uint32_t colour_word(const uint8_t *colour) {
    const uint8_t pixel[4] = {colour[0], colour[1], colour[2], 255};
    uint32_t word;
    memcpy(&word, pixel, 4);
    return word;
}

// Alpha is the upper byte on every machine that matters.
static inline uint32_t wanted_at(const uint8_t *pixels, size_t at) {
    uint32_t pixel;
    memcpy(&pixel, pixels + 4 * at, sizeof pixel);
    return (pixel | 0xFF000000u) & (uint32_t)((int32_t)pixel >> 31);
}

static size_t position(const gif_encoder *e, int x, int y) {
    return (size_t)e->settings.width * (size_t)y + (size_t)x;
}

// MARK: What has changed

// Four pixels, as words. The compiler has registers for them.
typedef uint32_t words __attribute__((vector_size(16), aligned(4)));
typedef int32_t signed_words __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));
enum { FOUR = 4 };

static inline int are_as_given(const gif_encoder *e, const uint8_t *pixels, size_t at) {
    words pixel = *(const words *)(pixels + 4 * at), given = *(const words *)(e->given + at);
    words wanted = (pixel | 0xFF000000u) & (words)((signed_words)pixel >> 31);
    halves difference = (halves)(wanted ^ given);
    return (difference[0] | difference[1]) == 0;
}

// The first pixel from `at` on that is not what was given before; `end` when there is none.
static inline size_t next_change(const gif_encoder *e, const uint8_t *pixels, size_t at, size_t end) {
    while (at < end && wanted_at(pixels, at) == e->given[at]) {
        at++;
        while (at + FOUR <= end && are_as_given(e, pixels, at)) at += FOUR;
    }
    return at;
}

// Behind the last one, of which there must be one from `at` on.
static inline size_t end_of_changes(const gif_encoder *e, const uint8_t *pixels, size_t at, size_t end) {
    while (end >= at + FOUR && are_as_given(e, pixels, end - FOUR)) end -= FOUR;
    while (wanted_at(pixels, end - 1) == e->given[end - 1]) end--;
    return end;
}

// The first pixel that is to be clear and shows something; `end` when there is none.
static inline size_t next_cleared(const gif_encoder *e, const uint8_t *pixels, size_t at, size_t end) {
    for (; at + FOUR <= end; at += FOUR) {
        words pixel = *(const words *)(pixels + 4 * at), shown = *(const words *)(e->shown + at);
        halves cleared = (halves)(shown & ~(words)((signed_words)pixel >> 31));
        if ((cleared[0] | cleared[1]) != 0) break;
    }
    while (at < end && (wanted_at(pixels, at) || !e->shown[at])) at++;
    return at;
}

typedef struct {
    pixel_area changed;  // differs from what was given before
    pixel_area cleared;  // shows something that must go
} difference;

static difference compare(const gif_encoder *e, const uint8_t *pixels, pixel_area within) {
    area_bounds changed = bounds_of_nothing(), cleared = bounds_of_nothing();
    for (int y = within.y; y < within.y + within.height; y++) {
        size_t row = position(e, 0, y), start = row + (size_t)within.x, end = start + (size_t)within.width;
        size_t first = next_change(e, pixels, start, end);
        if (first == end) continue;
        end = end_of_changes(e, pixels, first, end);
        bounds_add(&changed, y, (int)(first - row), (int)(end - 1 - row));
        for (size_t at = first; (at = next_cleared(e, pixels, at, end)) < end; at++)
            bounds_add(&cleared, y, (int)(at - row), (int)(at - row));
    }
    return (difference){area_of(changed), area_of(cleared)};
}

// Has the frame that is held back clear its area, and everything in `more` with it.
static void clear_after(gif_encoder *e, pixel_area more) {
    pixel_area grown = area_union(e->area, more), old = e->area;
    for (int y = grown.y; y < grown.y + grown.height; y++)
        for (int x = grown.x; x < grown.x + grown.width; x++) {
            size_t at = position(e, x, y);
            int is_inside = x >= old.x && x < old.x + old.width && y >= old.y && y < old.y + old.height;
            if (!is_inside) e->indices[at] = (uint8_t)e->table.count;
            e->given[at] = e->shown[at] = 0;
        }
    e->area = grown;
}

// MARK: Which colours

// A table with room for the index that means nothing. Of too many colours the two that are most alike become one.
static void fit_table(const colour_table *from, colour_table *to) {
    few_colours few;
    few_colours_init(&few, 256);
    for (int i = 0; i < from->count; i++) few_colours_add(&few, from->colours[i]);
    *to = few.table;
    if (to->count <= MOST_COLOURS) return;
    int best = INT32_MAX, dropped = 0;
    for (int i = 0; i < to->count; i++)
        for (int j = 0; j < i; j++) {
            int distance = 0;
            for (int c = 0; c < 3; c++) {
                int d = to->colours[i][c] - to->colours[j][c];
                distance += d * d;
            }
            if (distance >= best) continue;
            best = distance;
            dropped = i;
        }
    memmove(to->colours[dropped], to->colours[dropped + 1], 3 * (size_t)(to->count - 1 - dropped));
    to->count--;
}

static int is_same(const colour_table *a, const colour_table *b) {
    return a->count == b->count && !memcmp(a->colours, b->colours, 3 * (size_t)a->count);
}

// The mean squared error of a table, judged by some of the pixels that are to be drawn.
static double error_of(const gif_encoder *e, const uint8_t *pixels, pixel_area area, colour_map *map) {
    // Up to two thousand of them, spread evenly.
    enum { SAMPLES = 1024 };
    uint64_t error = 0, count = 0;
    size_t all = (size_t)area.width * (size_t)area.height, step = all / SAMPLES;
    // Odd, so that it does not march in step with the rows.
    step |= 1;
    // A step is so many rows and so many pixels.
    int down = (int)(step / (size_t)area.width), across = (int)(step % (size_t)area.width);
    for (int x = 0, y = 0; y < area.height; x += across, y += down) {
        if (x >= area.width) {
            x -= area.width;
            y++;
            if (y == area.height) break;
        }
        size_t at = position(e, area.x + x, area.y + y);
        uint32_t wanted = wanted_at(pixels, at);
        if (!wanted || wanted == e->given[at]) continue;
        const uint8_t *pixel = pixels + 4 * at;
        const uint8_t *colour = map->colours[colour_map_find(map, pixel[0], pixel[1], pixel[2])];
        for (int c = 0; c < 3; c++) {
            int d = pixel[c] - colour[c];
            error += (uint64_t)(d * d);
        }
        count++;
    }
    return count ? (double)error / (double)count : 0;
}

static codec_status make_map(gif_encoder *e, const uint8_t *pixels, pixel_area area, colour_map *map) {
    few_colours_init(&e->few, MOST_COLOURS);
    int is_few = 1;
    // Of many colours in a large area not every pixel has a say, but pixels of every row and column.
    size_t step = (size_t)area.width * (size_t)area.height / ENOUGH_PIXELS + 1;
    histogram_clear(&e->histogram);
    for (int y = area.y; y < area.y + area.height; y++) {
        size_t start = position(e, area.x, y), end = start + (size_t)area.width;
        size_t at = is_few ? start : start + (size_t)y % step;
        for (; at < end; at += is_few ? 1 : step) {
            at = next_change(e, pixels, at, end);
            if (at == end) break;
            if (!wanted_at(pixels, at)) continue;
            const uint8_t *pixel = pixels + 4 * at;
            histogram_add(&e->histogram, pixel);
            is_few = is_few && few_colours_add(&e->few, pixel);
        }
    }
    if (!is_few) return quantise(&e->histogram, MOST_COLOURS, map);
    colour_map_set(map, e->few.table.colours, e->few.table.count ? e->few.table.count : 1);
    return CODEC_OK;
}

// The map to use for what is to be drawn in `area`, which becomes the current one: that of the frame before, one of the
// source's own colours, or a new one.
static codec_status choose_map(
    gif_encoder *e, const uint8_t *pixels, pixel_area area, const colour_table *colours) {
    // What is left to spend is for the pixels.
    if (e->maps[0].map.searches + e->maps[1].map.searches > e->settings.max_searches && e->frames > 0) return CODEC_OK;
    int other = 1 - e->current;
    double error = e->maps[e->current].map.count ? error_of(e, pixels, area, &e->maps[e->current].map) : INFINITY;
    if (error <= WORTH_A_CHANGE) return CODEC_OK;
    if (colours && colours->count > 0 && !is_same(colours, &e->maps[e->current].source)) {
        if (!is_same(colours, &e->maps[other].source)) {
            colour_table fitted;
            fit_table(colours, &fitted);
            e->maps[other].source = *colours;
            colour_map_set(&e->maps[other].map, fitted.colours, fitted.count);
        }
        double other_error = error_of(e, pixels, area, &e->maps[other].map);
        if (other_error + WORTH_A_CHANGE < error) {
            error = other_error;
            e->current = other;
        }
    }
    if (error <= GOOD_ENOUGH) return CODEC_OK;
    e->current = 1 - e->current;
    e->maps[e->current].source.count = 0;
    return make_map(e, pixels, area, &e->maps[e->current].map);
}

// MARK: Frames

static void map_pixels(gif_encoder *e, const uint8_t *pixels, pixel_area area, colour_map *map) {
    uint8_t keep = (uint8_t)map->count;
    uint32_t table[256];
    for (int i = 0; i < map->count; i++) table[i] = colour_word(map->colours[i]);
    for (int y = area.y; y < area.y + area.height; y++) {
        size_t at = position(e, area.x, y), end = at + (size_t)area.width;
        memset(e->indices + at, keep, (size_t)area.width);
        for (; (at = next_change(e, pixels, at, end)) < end; at++) {
            uint32_t wanted = wanted_at(pixels, at);
            e->given[at] = wanted;
            if (!wanted) continue;
            int index = colour_map_find(map, wanted & 255, wanted >> 8 & 255, wanted >> 16 & 255);
            if (table[index] == e->shown[at]) continue;
            e->shown[at] = table[index];
            e->indices[at] = (uint8_t)index;
        }
    }
}

static void write_held_frame(gif_encoder *e, int disposal) {
    int bits = gif_bits_for(e->table.count + 1);
    if (e->frames == 0) {
        e->global = e->table;
        gif_put_header(&e->sink, e->settings.width, e->settings.height, &e->global, bits);
        gif_put_plays(&e->sink, e->settings.plays);
    }
    gif_frame frame = {
        .area = e->area,
        .indices = e->indices + position(e, e->area.x, e->area.y),
        .stride = (size_t)e->settings.width,
        .table = &e->table,
        .uses_global_table = is_same(&e->table, &e->global),
        .transparent = e->table.count,
        .disposal = disposal,
        .delay = e->delay,
    };
    gif_put_frame(&e->sink, &frame, bits);
    e->frames++;
}

// Hundredths of a second, so that the sum of all stays right; something that is to be seen for a while is never 0,
// which players take for a default of their own.
static uint32_t next_delay(gif_encoder *e, uint32_t milliseconds) {
    e->now += milliseconds;
    uint64_t due = (e->now + 5) / 10;
    uint64_t delay = due > e->written ? due - e->written : 0;
    if (delay == 0 && milliseconds > 0) delay = 1;
    e->written += delay;
    return delay > 0xFFFF ? 0xFFFF : (uint32_t)delay;
}

static codec_status add_frame(
    animation_encoder *base, const uint8_t *pixels, pixel_area changed, uint32_t milliseconds,
    const colour_table *colours) {
    gif_encoder *e = (gif_encoder *)base;
    if (e->settings.deadline && codec_now() > e->settings.deadline) return CODEC_DEADLINE;
    pixel_area canvas = {0, 0, e->settings.width, e->settings.height};
    int is_first = e->area.width == 0;
    difference d = compare(e, pixels, is_first ? canvas : area_clipped(changed, canvas.width, canvas.height));
    pixel_area area = is_first ? canvas : d.changed;
    if (!is_first) {
        int clears = !area_is_empty(d.cleared);
        if (clears) {
            clear_after(e, d.cleared);
            area = area_union(area, e->area);
        }
        write_held_frame(e, clears ? CLEAR_AREA : KEEP);
    }
    // A frame of nothing still takes its time.
    if (area_is_empty(area)) area = (pixel_area){0, 0, 1, 1};

    codec_status status = choose_map(e, pixels, area, colours);
    if (status != CODEC_OK) return status;
    colour_map *map = &e->maps[e->current].map;
    map_pixels(e, pixels, area, map);
    e->area = area;
    e->table.count = map->count;
    memcpy(e->table.colours, map->colours, sizeof e->table.colours);
    e->delay = next_delay(e, milliseconds);
    return e->sink.status;
}

static codec_status finish(animation_encoder *base, encoded_image *out) {
    gif_encoder *e = (gif_encoder *)base;
    if (e->area.width == 0) return CODEC_CORRUPT;
    write_held_frame(e, KEEP);
    gif_put_end(&e->sink);
    return sink_finish(&e->sink, out);
}

static void close_encoder(animation_encoder *base) {
    gif_encoder *e = (gif_encoder *)base;
    sink_free(&e->sink);
    free(e->given);
    free(e->shown);
    free(e->indices);
    free(e);
}

codec_status gif_encoder_open(const animation_settings *settings, animation_encoder **encoder) {
    if (settings->width > 0xFFFF || settings->height > 0xFFFF) return CODEC_TOO_LARGE;
    gif_encoder *e = calloc(1, sizeof *e);
    if (!e) return CODEC_NO_MEMORY;
    e->base = (animation_encoder){add_frame, finish, close_encoder};
    e->settings = *settings;
    e->sink = sink_make(settings->max_bytes);
    size_t area = (size_t)settings->width * (size_t)settings->height;
    e->given = calloc(area, sizeof *e->given);
    e->shown = calloc(area, sizeof *e->shown);
    e->indices = malloc(area);
    if (!e->given || !e->shown || !e->indices) {
        close_encoder(&e->base);
        return CODEC_NO_MEMORY;
    }
    *encoder = &e->base;
    return CODEC_OK;
}
