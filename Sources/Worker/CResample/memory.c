// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    // For less the call is not worth it.
    LEAST = 16 << 10,
    // Of more, who knows whether all of it will be written: a file may say anything of its size.
    MOST = 4 << 20,
};

void cr_provide(void *memory, size_t count) {
#ifdef MADV_POPULATE_WRITE
    if (count < LEAST || count > MOST) return;
    // Pages that are in it as a whole.
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), mask = ~(page - 1);
    uintptr_t begin = ((uintptr_t)memory + page - 1) & mask, end = ((uintptr_t)memory + count) & mask;
    // Kernels before 5.14 cannot; and where there is no memory, the write will tell.
    madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
#else
    (void)memory, (void)count;
#endif
}
