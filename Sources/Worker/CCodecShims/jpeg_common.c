// SPDX-License-Identifier: Apache-2.0
#include "jpeg_common.h"

#include <jerror.h>
#include <time.h>

uint64_t codec_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static jpeg_guard *guard_of(j_common_ptr info) { return (jpeg_guard *)info->err; }

static void escape(j_common_ptr info, codec_status status) {
    guard_of(info)->status = status;
    longjmp(guard_of(info)->escape, 1);
}

static void on_error(j_common_ptr info) {
    switch (info->err->msg_code) {
    case JERR_OUT_OF_MEMORY: escape(info, CODEC_NO_MEMORY); break;
    // More than it may have: known when the header has been read.
    case JERR_NO_BACKING_STORE:
        escape(info, info->is_decompressor ? CODEC_TOO_MANY_PIXELS : CODEC_NO_MEMORY);
        break;
    case JERR_ARITH_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
        escape(info, CODEC_UNSUPPORTED);
        break;
    case JERR_FILE_WRITE: escape(info, CODEC_TOO_LARGE); break;
    case JERR_IMAGE_TOO_BIG: escape(info, info->is_decompressor ? CODEC_TOO_MANY_PIXELS : CODEC_TOO_LARGE); break;
    default: escape(info, CODEC_CORRUPT);
    }
}

// A picture with holes in it is no picture: libjpeg would fill them with gray and go on.
static void on_message(j_common_ptr info, int level) {
    if (level >= 0) return;
    switch (info->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC: escape(info, CODEC_CORRUPT);
    }
    if (++info->err->num_warnings > JPEG_MAX_WARNINGS) escape(info, CODEC_CORRUPT);
}

// A scan comes by every coefficient, of which arithmetic coding may have something to say in next to no bits; and a byte of
// its data takes up to 190 ns, fifteen times what Huffman's codes do.
static void count_arithmetic(j_decompress_ptr info) {
    enum { BYTE = 50 };
    jpeg_guard *guard = guard_of((j_common_ptr)info);
    if (!info->arith_code || info->input_scan_number == guard->counted_scans) return;
    if (guard->counted_scans == 0) guard->work += BYTE * (uint64_t)info->src->bytes_in_buffer;
    guard->counted_scans = info->input_scan_number;
    unsigned coefficients = info->progressive_mode ? (unsigned)(info->Se - info->Ss + 1) : DCTSIZE2;
    for (int i = 0; i < info->comps_in_scan; i++) {
        const jpeg_component_info *component = info->cur_comp_info[i];
        guard->work += (uint64_t)component->width_in_blocks * component->height_in_blocks * coefficients;
    }
    if (guard->work > guard->max_work) escape((j_common_ptr)info, CODEC_TOO_MANY_PIXELS);
}

static void on_progress(j_common_ptr info) {
    jpeg_guard *guard = guard_of(info);
    if (guard->deadline && codec_now() > guard->deadline) escape(info, CODEC_DEADLINE);
    if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > JPEG_MAX_SCANS)
        escape(info, CODEC_CORRUPT);
    if (info->is_decompressor) count_arithmetic((j_decompress_ptr)info);
}

static void no_output(j_common_ptr info) { (void)info; }

struct jpeg_error_mgr *jpeg_guard_init(jpeg_guard *guard, uint64_t deadline) {
    jpeg_std_error(&guard->manager);
    guard->manager.error_exit = on_error;
    guard->manager.emit_message = on_message;
    guard->manager.output_message = no_output;
    guard->progress = (struct jpeg_progress_mgr){.progress_monitor = on_progress};
    guard->status = CODEC_OK;
    guard->deadline = deadline;
    guard->ran_dry = 0;
    guard->work = 0;
    guard->max_work = JPEG_MAX_WORK;
    guard->counted_scans = 0;
    return &guard->manager;
}

static void nothing(j_decompress_ptr info) { (void)info; }

// The end of the file where there should be more: an end marker, and a note. libjpeg reads ahead, so a file that lacks
// nothing but its own end marker gets here, too, and is fine when it is coded by Huffman.
static boolean run_dry(j_decompress_ptr info) {
    static const JOCTET end[2] = {0xFF, JPEG_EOI};
    // Arithmetic coding takes what is missing for zeros, and warns of nothing.
    if (info->arith_code) escape((j_common_ptr)info, CODEC_CORRUPT);
    guard_of((j_common_ptr)info)->ran_dry = 1;
    info->src->next_input_byte = end;
    info->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void skip(j_decompress_ptr info, long count) {
    if (count <= 0) return;
    if ((size_t)count > info->src->bytes_in_buffer) {
        run_dry(info);
        return;
    }
    info->src->next_input_byte += count;
    info->src->bytes_in_buffer -= (size_t)count;
}

void jpeg_guard_source(jpeg_guard *guard, struct jpeg_decompress_struct *info, const uint8_t *bytes, size_t count) {
    guard->source = (struct jpeg_source_mgr){
        .next_input_byte = bytes,
        .bytes_in_buffer = count,
        .init_source = nothing,
        .fill_input_buffer = run_dry,
        .skip_input_data = skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = nothing,
    };
    info->src = &guard->source;
    info->progress = &guard->progress;
}

void jpeg_set_coding(struct jpeg_compress_struct *out, jpeg_coding coding) {
    out->optimize_coding = coding != JPEG_BASELINE;
    if (coding == JPEG_PROGRESSIVE) jpeg_simple_progression(out);
}

int jpeg_guard_is_whole(const jpeg_guard *guard, const struct jpeg_decompress_struct *info) {
    // Arithmetic coding takes any marker for the end of its data, and makes up what would follow.
    if (info->arith_code && info->unread_marker && info->unread_marker != JPEG_EOI) return 0;
    // With several scans the missing ones leave a blurred picture and no warning, so there the end marker must be seen.
    return !guard->ran_dry || !jpeg_has_multiple_scans((j_decompress_ptr)info);
}
