// SPDX-License-Identifier: Apache-2.0
#include "CPictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <png.h>

static void set_sampling(struct jpeg_compress_struct *out, const jpeg_recipe *recipe) {
    for (int i = 0; i < out->num_components; i++) {
        int is_chroma = (i == 1 || i == 2) && out->jpeg_color_space == JCS_YCbCr;
        int h = is_chroma ? recipe->chroma_h : recipe->luma_h, v = is_chroma ? recipe->chroma_v : recipe->luma_v;
        out->comp_info[i].h_samp_factor = h ? h : 1;
        out->comp_info[i].v_samp_factor = v ? v : 1;
    }
}

picture_bytes make_jpeg(const uint8_t *pixels, const jpeg_recipe *recipe) {
    // libjpeg's own error handler ends the process, which is right for a test's own mistakes.
    struct jpeg_error_mgr errors;
    struct jpeg_compress_struct out;
    out.err = jpeg_std_error(&errors);
    jpeg_create_compress(&out);
    unsigned char *bytes = NULL;
    unsigned long count = 0;
    jpeg_mem_dest(&out, &bytes, &count);
    out.image_width = (JDIMENSION)recipe->width;
    out.image_height = (JDIMENSION)recipe->height;
    int channels = recipe->kind == JPEG_GRAY ? 1 : recipe->kind >= JPEG_INK ? 4 : 3;
    out.input_components = channels;
    out.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&out);
    if (recipe->kind == JPEG_RGB_AS_IT_IS) jpeg_set_colorspace(&out, JCS_RGB);
    if (recipe->kind == JPEG_INK) jpeg_set_colorspace(&out, JCS_CMYK);
    if (recipe->kind == JPEG_INK_YCC) jpeg_set_colorspace(&out, JCS_YCCK);
    jpeg_set_quality(&out, recipe->quality, TRUE);
    set_sampling(&out, recipe);
    out.dct_method = JDCT_ISLOW;
    out.arith_code = recipe->is_arithmetic;
    out.restart_in_rows = recipe->restart_rows;
    if (recipe->is_progressive) jpeg_simple_progression(&out);
    jpeg_scan_info scans[3];
    if (recipe->is_split_in_scans) {
        memset(scans, 0, sizeof scans);
        for (int i = 0; i < 3; i++) {
            scans[i].comps_in_scan = 1;
            scans[i].component_index[0] = i;
            scans[i].Se = 63;
        }
        out.scan_info = scans;
        out.num_scans = 3;
    }
    jpeg_start_compress(&out, TRUE);
    while (out.next_scanline < out.image_height) {
        JSAMPROW row = (JSAMPROW)pixels + (size_t)out.next_scanline * out.image_width * (size_t)channels;
        jpeg_write_scanlines(&out, &row, 1);
    }
    jpeg_finish_compress(&out);
    jpeg_destroy_compress(&out);
    return (picture_bytes){bytes, count};
}

static void append(png_structp png, png_bytep bytes, png_size_t count) {
    picture_bytes *all = png_get_io_ptr(png);
    all->bytes = realloc(all->bytes, all->count + count);
    memcpy(all->bytes + all->count, bytes, count);
    all->count += count;
}

static void flush(png_structp png) { (void)png; }

picture_bytes make_png(const uint8_t *rows, const png_recipe *r) {
    picture_bytes all = {NULL, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &all, append, flush);
    png_set_IHDR(
        png, info, (png_uint_32)r->width, (png_uint_32)r->height, r->depth, r->colour,
        r->is_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    if (r->palette_count) png_set_PLTE(png, info, (png_const_colorp)r->palette, r->palette_count);
    if (r->alpha_count) png_set_tRNS(png, info, r->alphas, r->alpha_count, NULL);
    if (r->has_key) {
        png_color_16 key = {.red = r->key[0], .green = r->key[1], .blue = r->key[2], .gray = r->key[0]};
        png_set_tRNS(png, info, NULL, 0, &key);
    }
    // Small pieces, so that readers have to join them.
    png_set_compression_buffer_size(png, 200);
    png_write_info(png, info);
    size_t stride = png_get_rowbytes(png, info);
    png_bytepp pointers = malloc((size_t)r->height * sizeof *pointers);
    for (int y = 0; y < r->height; y++) pointers[y] = (png_bytep)rows + (size_t)y * stride;
    png_write_image(png, pointers);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(pointers);
    return all;
}

uint8_t *read_png(const uint8_t *bytes, size_t count, int *width, int *height) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, bytes, count)) return NULL;
    // 16 bits, too, are encoded as sRGB; libpng would take them for linear.
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    image.format = PNG_FORMAT_RGBA;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
    if (!png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
        free(pixels);
        return NULL;
    }
    *width = (int)image.width;
    *height = (int)image.height;
    return pixels;
}
