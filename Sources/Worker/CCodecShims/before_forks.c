// SPDX-License-Identifier: Apache-2.0
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "warm_up.h"

// Libraries that libavif is linked against and that no picture needs: encoders besides libaom and a decoder besides
// libdav1d, which are the ones that are asked for, with what only they need. They are two fifths of all mappings, each
// of which a fork copies, and code that a picture which takes a codec over could use.
static const char *const unused[] = {"libSvtAv1Enc.so", "librav1e.so", "libgav1.so", "libabsl_"};

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

void codec_prepare_forks(void) {
    // A page that holds nothing is provided empty to the process that writes to it, which is cheaper than a copy.
    malloc_trim(0);
    // A symbol that is bound at its first use is looked for in every library: they all have to be there then. When all
    // are bound, the loader looks at none again, in a process that loads nothing and leaves by _exit.
    const char *is_bound = getenv("LD_BIND_NOW");
    if (is_bound && *is_bound) dl_iterate_phdr(take_out, NULL);
}
