// SPDX-License-Identifier: Apache-2.0
//
// Pictures that harm whoever decodes them: a worker that is started with this library in LD_PRELOAD does what a picture
// says after its own end, "PILL:" and a word, as it would if a codec had such a fault.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void swallow(const char *word, size_t length) {
#define IS(text) (length >= sizeof text - 1 && memcmp(word, text, sizeof text - 1) == 0)
    if (IS("crash")) *(volatile int *)8 = 1;
    if (IS("abort")) abort();
    if (IS("spin")) for (volatile int i = 0;; i++) {}
    if (IS("open")) open("/etc/passwd", O_RDONLY);
    if (IS("exit")) _exit(7);
    if (IS("sleep")) for (int word = 0;;) syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0);
    if (IS("hog")) {
        // All that there is to be had, then a moment for somebody to look at it; nothing is left to decode with.
        char *memory;
        for (size_t block = 4 << 20; block >= 64; block /= 2)
            while ((memory = malloc(block))) memset(memory, 1, block);
        for (volatile int i = 0; i < 300000000; i++) {}
    }
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "mmap");
    void *start = real(address, length, protection, flags, fd, offset);
    // A source is the only thing that a child maps.
    if (fd >= 0 && protection == PROT_READ && start != MAP_FAILED) {
        const char *word = memmem(start, length, "PILL:", 5);
        if (word) swallow(word + 5, length - (size_t)(word + 5 - (const char *)start));
    }
    return start;
}
