// SPDX-License-Identifier: Apache-2.0
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "CResample.h"
#include "warm_up.h"

// Libraries that no picture needs. libavif is linked against encoders besides libaom and a decoder besides libdav1d,
// which are the ones that are asked for, with what only they need; libtiff against what is behind the codings that
// `tiff_forget_codings` takes from it. They are half of all mappings, each of which a fork copies, and code that a
// picture which takes a codec over could use. None that this program itself is linked against may be among them:
// libdav1d looks a function of libc up by its name, and the search goes through all that come before libc.
static const char *const unused[] = {
    "libSvtAv1Enc.so", "librav1e.so", "libgav1.so", "libabsl_", "libLerc.so", "libjbig.so", "liblzma.so", "libzstd.so",
};

static int take_out(struct dl_phdr_info *library, size_t size, void *context) {
    (void)size, (void)context;
    const char *slash = strrchr(library->dlpi_name, '/');
    const char *name = slash ? slash + 1 : library->dlpi_name;
    int is_unused = 0;
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++)
        if (strncmp(name, unused[i], strlen(unused[i])) == 0) is_unused = 1;
    if (!is_unused) return 0;
    // The list of parts is in the first of them.
    ElfW(Phdr) parts[16];
    int count = library->dlpi_phnum < 16 ? library->dlpi_phnum : 16;
    memcpy(parts, library->dlpi_phdr, (size_t)count * sizeof *parts);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < count; i++) {
        if (parts[i].p_type != PT_LOAD) continue;
        uintptr_t start = (library->dlpi_addr + parts[i].p_vaddr) & ~(page - 1);
        uintptr_t end = (library->dlpi_addr + parts[i].p_vaddr + parts[i].p_memsz + page - 1) & ~(page - 1);
        munmap((void *)start, end - start);
    }
    return 0;
}

enum {
    LARGEST_HOLE = 1 << 20,
    // What even a small picture needs: its libraries' tables and rows.
    ALWAYS_USED = 192 << 10,
};

// The first whole page of what no process has used yet, up to the end of the heap; NULL when it is not known.
static char *fresh;

// The heap's holes are left by the keeper's own work, and a child that filled them would write to a page here and a page
// there, each of which is copied for it. They are taken for good: what is left is the end of the heap, all in one piece.
static void fill_holes(void) {
    // Once such a block was freed none of that size is mapped by itself any more; the second one comes from the end of the
    // heap, where it stays free. `volatile`, as the compiler leaves out what is only freed.
    for (int i = 0; i < 2; i++) {
        void *volatile block = malloc(2 * LARGEST_HOLE);
        free(block);
    }
    size_t spare = mallinfo2().keepcost;
    // Not libc's allocator, as in a build with sanitizers.
    if (spare < LARGEST_HOLE) return;
    char *end = (char *)sbrk(0) - spare;
    for (size_t size = LARGEST_HOLE; size >= 16; size = size > 1024 ? size / 2 : size - 16) {
        char *volatile block;
        while ((block = malloc(size)) && block < end) continue;
        free(block);
    }
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    fresh = (char *)(((uintptr_t)sbrk(0) - mallinfo2().keepcost + page - 1) & ~(page - 1));
}

void codec_begin_fork(void) {
    if (fresh) cr_provide(fresh, ALWAYS_USED);
}

void codec_prepare_forks(void) {
    // A page that holds nothing is provided empty to the process that writes to it, which is cheaper than a copy.
    malloc_trim(0);
    fill_holes();
    // A symbol that is bound at its first use is looked for in every library: they all have to be there then. When all
    // are bound, the loader looks at none again, in a process that loads nothing and leaves by _exit.
    const char *is_bound = getenv("LD_BIND_NOW");
    if (is_bound && *is_bound) dl_iterate_phdr(take_out, NULL);
}
