// SPDX-License-Identifier: Apache-2.0
#include "warm_up.h"

#include <stdlib.h>

#include "colour_transform.h"
#include "tiff_file.h"

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

void codec_warm_up(void) {
    // libc's qsort asks for the size of the machine's memory the first time that it has more than a kilobyte to sort.
    // libtiff sorts its tags with it, libwebp its colours.
    int numbers[1024] = {3, 2, 1};
    qsort(numbers, 1024, sizeof *numbers, compare);
    colour_transform_warm_up();
    tiff_forget_codings();
}
