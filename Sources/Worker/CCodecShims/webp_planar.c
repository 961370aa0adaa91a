// SPDX-License-Identifier: Apache-2.0
#include "webp_planar.h"

#include <string.h>

#include "jpeg_planar_private.h"
#include "webp_file.h"

static codec_status read_features(const WebPDemuxer *demuxer, webp_header *header) {
    WebPIterator frame;
    if (!WebPDemuxGetFrame(demuxer, 1, &frame)) return CODEC_CORRUPT;
    enum { LOSSY = 1 };
    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &features);
    // A still has the size of its canvas: that the demuxer checks.
    header->is_planar = code == VP8_STATUS_OK && frame.complete && features.format == LOSSY && !features.has_alpha;
    if (header->is_planar) header->work = webp_file_work(&features, frame.fragment.size);
    WebPDemuxReleaseIterator(&frame);
    return code == VP8_STATUS_OK ? CODEC_OK : CODEC_CORRUPT;
}

codec_status webp_read_header_of(const uint8_t *bytes, size_t count, uint64_t max_pixels, webp_header *header) {
    memset(header, 0, sizeof *header);
    WebPDemuxer *demuxer;
    codec_status status = webp_file_open(bytes, count, max_pixels, &demuxer);
    if (status != CODEC_OK) return status;
    header->width = (int)WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
    header->height = (int)WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
    header->exif = webp_file_chunk(demuxer, "EXIF", &header->exif_count);
    header->icc = webp_file_chunk(demuxer, "ICCP", &header->icc_count);
    if (!(WebPDemuxGetI(demuxer, WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG)) status = read_features(demuxer, header);
    WebPDemuxDelete(demuxer);
    return status;
}

// A plane that is there as a whole.
static void make_plane(planar_transcoder *t, int index, int width, int height) {
    planar_plane *p = &t->planes[index];
    int unit = index == 0 ? 1 : 2;
    p->scale = PLANAR_DCT;
    p->density_x = p->density_y = 1.0 / unit;
    p->width = p->stride = (width + unit - 1) / unit;
    p->height = p->ring_rows = p->filled = (height + unit - 1) / unit;
    // Rows are read by vectors, beyond their end.
    p->ring = planar_get(t, (size_t)p->stride * (size_t)p->height + 64);
}

static codec_status decode(planar_transcoder *t, const WebPIterator *frame, const planar_job *job) {
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(frame->fragment.bytes, frame->fragment.size, &features) != VP8_STATUS_OK) return CODEC_CORRUPT;
    uint64_t luma = (uint64_t)features.width * (uint64_t)features.height;
    if (2 * luma + webp_file_cost(&features) > job->max_memory) return CODEC_TOO_MANY_PIXELS;
    t->count = PLANAR_MOST;
    t->is_narrow = 1;
    for (int i = 0; i < t->count; i++) make_plane(t, i, features.width, features.height);
    WebPDecBuffer output;
    if (!WebPInitDecBuffer(&output)) return CODEC_NO_MEMORY;
    const planar_plane *planes = t->planes;
    output.colorspace = MODE_YUV;
    output.u.YUVA.y = planes[0].ring;
    output.u.YUVA.u = planes[1].ring;
    output.u.YUVA.v = planes[2].ring;
    output.u.YUVA.y_stride = planes[0].stride;
    output.u.YUVA.u_stride = output.u.YUVA.v_stride = planes[1].stride;
    output.u.YUVA.y_size = (size_t)planes[0].stride * (size_t)planes[0].height;
    output.u.YUVA.u_size = output.u.YUVA.v_size = (size_t)planes[1].stride * (size_t)planes[1].height;
    return webp_file_decode_into(&frame->fragment, features.width, features.height, &output, job->deadline);
}

// Every change of `t` is behind a pointer, so that it survives the longjmp.
static codec_status make_planes(
    planar_transcoder *t, const WebPIterator *frame, const planar_job *job, planar_result *result) {
    if (setjmp(t->decoding.escape)) return t->decoding.status;
    uint64_t before = codec_now();
    codec_status status = decode(t, frame, job);
    uint64_t between = codec_now();
    result->decode_ns = between - before;
    if (status != CODEC_OK) return status;
    planar_aim(t, job, 2, 0);
    planar_make_outputs(t, job);
    planar_resample(t, job);
    result->resize_ns = codec_now() - between;
    return CODEC_OK;
}

codec_status webp_planar_transcode(const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result) {
    memset(result, 0, sizeof *result);
    WebPDemuxer *demuxer;
    codec_status status = webp_file_open(bytes, count, UINT64_MAX, &demuxer);
    if (status != CODEC_OK) return status;
    WebPIterator frame;
    planar_transcoder *t = planar_make(job->deadline);
    if (!t) status = CODEC_NO_MEMORY;
    if (status == CODEC_OK && !WebPDemuxGetFrame(demuxer, 1, &frame)) status = CODEC_CORRUPT;
    if (status == CODEC_OK) {
        status = make_planes(t, &frame, job, result);
        WebPDemuxReleaseIterator(&frame);
    }
    WebPDemuxDelete(demuxer);
    if (status == CODEC_OK) status = planar_encode(t, job, result);
    if (t) planar_free(t);
    return status;
}
