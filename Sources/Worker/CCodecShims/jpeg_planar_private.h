// SPDX-License-Identifier: Apache-2.0
//
// The steps of jpeg_planar.h, for all who put them together. They leave by `decoding.escape` where something is wrong,
// the encoder's by `encoding.escape`.
#pragma once
#include "CResample.h"
#include "jpeg_common.h"
#include "jpeg_planar.h"
#include "jpeg_sink.h"

enum { PLANAR_MOST = 3, PLANAR_DCT = 8 };

// One component on its way from rows of the decoder to a plane of the encoder.
typedef struct {
    // Decoder's side: a ring of rows, filled one group of iMCU rows at a time.
    uint8_t *ring;
    int stride, ring_rows, group_rows;
    int width, height;  // samples that belong to the picture, after DCT scaling
    double density_x, density_y;  // such samples to a pixel of the picture
    int scale;          // eighths of the DCT
    int filled;         // rows decoded so far
    uint8_t **group;    // where the decoder writes next
    // Between the passes.
    cr_taps columns, rows;
    int borrows_taps;  // from the plane before it, which is as large
    // Every sample of the output is one of the input, changed by the table; and rows of those that wait.
    int is_copied;
    uint8_t table[256];
    const uint8_t *copied[CR_ROWS];
    const uint8_t **inputs;
    // Rows that the horizontal pass will take together: where each is, and where it goes.
    int16_t *batch;
    size_t batch_stride;
    int waiting;
    int places[CR_ROWS];
    void *scratch;
    // Encoder's side. Padded to whole MCUs: the whole plane, or a ring of those rows that the encoder has not taken.
    uint8_t *plane;
    int out_width, out_height, out_stride, out_rows;
    int plane_rows, taken;
    int produced;
} planar_plane;

typedef struct jpeg_planes {
    jpeg_guard decoding, encoding;
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    planar_plane planes[PLANAR_MOST];
    int count;
    int is_narrow;    // what has been decoded: luma in 16...235 and chroma in 16...240
    uint8_t *turned;  // rows on their way to becoming columns
    jpeg_sink sink;
    int streams;  // rows are encoded as they come; planes are never there as a whole
} planar_transcoder;

// Gray or YCbCr with 8 bits and sampling factors that divide each other.
int jpeg_is_planar(const struct jpeg_decompress_struct *in);

planar_transcoder *planar_make(uint64_t deadline);
void planar_free(planar_transcoder *t);
// Bytes, or an escape: `malloc` where there is a picture to give up.
void *planar_get(planar_transcoder *t, size_t count);

// Up to the first row.
void planar_start(
    planar_transcoder *t, const uint8_t *bytes, size_t count, const planar_job *job, planar_result *result);
// The taps of all planes, `unit` pixels of the result to a sample of chroma. With a `cell`, only three by three of the
// result's pixels in each square of this many: the one in the corner, and those around it.
void planar_aim(planar_transcoder *t, const planar_job *job, int unit, int cell);
void planar_release_aim(planar_transcoder *t);
// Rings of the decoder's rows: as many as the taps need, or all of them.
void planar_make_rings(planar_transcoder *t, int keeps_all);
// Reads the rows, and resamples them as they come unless `job` is NULL.
void planar_decode(planar_transcoder *t, const planar_job *job, planar_result *result);
// Makes the rows of output whose inputs have all been decoded.
void planar_resample(planar_transcoder *t, const planar_job *job);

// The planes of the result, to be filled, …
void planar_make_outputs(planar_transcoder *t, const planar_job *job);
// … and encoded.
codec_status planar_encode(planar_transcoder *t, const planar_job *job, planar_result *result);

// Whether rows can be encoded as they come, from first to last.
int planar_streams(const planar_job *job);
void planar_start_stream(planar_transcoder *t, const planar_job *job, planar_result *result);
// Makes room for the rows that are waiting.
void planar_make_room(planar_transcoder *t, planar_plane *p);
// Encodes the rows of MCUs that are there in all planes.
void planar_write_ready(planar_transcoder *t);
void planar_finish_stream(planar_transcoder *t, planar_result *result);
