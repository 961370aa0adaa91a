// SPDX-License-Identifier: Apache-2.0
//
// A disk that fails, or does not answer: what is below the directory FAULTY_DIRECTORY does as the file FAULTY_STATE says,
// which is four numbers of 32 bits that may change at any time: the errors of reading and of writing, and whether reading
// and writing wait until they are zero again.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { READ, WRITE };
static volatile const int32_t *state;
static const char *directory;
static _Atomic char is_below[4096];

__attribute__((constructor)) static void begin(void) {
    directory = getenv("FAULTY_DIRECTORY");
    const char *name = getenv("FAULTY_STATE");
    if (!directory || !name) return;
    int (*real)(const char *, int, ...);
    *(void **)&real = dlsym(RTLD_NEXT, "open");
    int file = real(name, O_RDONLY | O_CLOEXEC);
    void *start = mmap(NULL, 4 * sizeof *state, PROT_READ, MAP_SHARED, file, 0);
    if (start != MAP_FAILED) state = start;
    close(file);
}

/// The error that something has to end with; 0 = none.
static int fault(int kind) {
    if (!state) return 0;
    while (state[2 + kind]) usleep(2000);
    return state[kind];
}

static int open_with(const char *symbol, const char *path, int flags, mode_t mode) {
    int (*real)(const char *, int, ...);
    *(void **)&real = dlsym(RTLD_NEXT, symbol);
    int below = state && strncmp(path, directory, strlen(directory)) == 0;
    if (below && (flags & O_CREAT) && fault(WRITE)) {
        errno = fault(WRITE);
        return -1;
    }
    int file = real(path, flags, mode);
    if (file >= 0 && file < (int)sizeof is_below) is_below[file] = (char)below;
    return file;
}

#define OPEN(name)                                              \
    int name(const char *path, int flags, ...) {                \
        va_list list;                                           \
        va_start(list, flags);                                  \
        mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0; \
        va_end(list);                                           \
        return open_with(#name, path, flags, mode);             \
    }
OPEN(open)
OPEN(open64)

static int fails(int file, int kind) {
    if (file < 0 || file >= (int)sizeof is_below || !is_below[file]) return 0;
    errno = fault(kind);
    return errno != 0;
}

ssize_t read(int file, void *buffer, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "read");
    return fails(file, READ) ? -1 : real(file, buffer, size);
}

ssize_t write(int file, const void *buffer, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "write");
    return fails(file, WRITE) ? -1 : real(file, buffer, size);
}

int close(int file) {
    static int (*real)(int);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "close");
    if (file >= 0 && file < (int)sizeof is_below) is_below[file] = 0;
    return real(file);
}
