// SPDX-License-Identifier: Apache-2.0
#include "jpeg_codes.h"

const uint8_t jpeg_zigzag[DCTSIZE2 + 16] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,
    6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31,
    39, 46, 53, 60, 61, 54, 47, 55, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
};

int jpeg_codes_make(jpeg_codes *codes, const JHUFF_TBL *table, int is_dc) {
    memset(codes, 0, sizeof *codes);
    memcpy(codes->symbols, table->huffval, sizeof codes->symbols);
    uint32_t code = 0;
    int index = 0;
    for (int length = 1; length <= 16; length++, code <<= 1) {
        int count = table->bits[length];
        if (index + count > 256) return 0;
        codes->first[length] = index - (int)code;
        for (int i = 0; i < count; i++, index++, code++) {
            if (is_dc && codes->symbols[index] > 15) return 0;
            // No code consists of ones only.
            if (code + 1 >= 1u << length) return 0;
            int spare = JPEG_LOOK - length;
            if (spare < 0) continue;
            uint16_t *look = codes->look + (code << spare);
            for (int k = 0; k < 1 << spare; k++) look[k] = (uint16_t)(length | codes->symbols[index] << 8);
        }
        if (count) codes->limit[length] = code << (16 - length);
    }
    return 1;
}

unsigned jpeg_look_far(const jpeg_codes *codes, uint64_t bits) {
    uint32_t next = (uint32_t)(bits >> 48);
    for (int length = JPEG_LOOK + 1; length <= 16; length++)
        if (next < codes->limit[length])
            return (unsigned)(length | codes->symbols[(int)(next >> (16 - length)) + codes->first[length]] << 8);
    return 0;
}
