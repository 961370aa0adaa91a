// SPDX-License-Identifier: Apache-2.0
//
// Deadlines that pass in the middle of a job, to the look: in a worker that is started with this library in LD_PRELOAD,
// it becomes an hour later when the clock has been looked at as often as a picture says, "LOOKS:" and a number. A job
// that goes on looking and does not end is ended by a signal, so that it cannot be taken for one that has given up by
// itself.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

// Looks that measure only, between one that can end the job and the next.
enum { MOST_LATE_LOOKS = 12 };

static long looks_left = -1;
static int late_looks;

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "mmap");
    void *start = real(address, length, protection, flags, fd, offset);
    // A source is the only thing that a child maps.
    if (fd >= 0 && protection == PROT_READ && start != MAP_FAILED) {
        const char *word = memmem(start, length, "LOOKS:", 6);
        if (word) {
            looks_left = strtol(word + 6, NULL, 10);
            late_looks = 0;
        }
    }
    return start;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, time);
    if (clock != CLOCK_MONOTONIC || looks_left < 0) return status;
    if (looks_left > 0) {
        looks_left--;
        return status;
    }
    if (++late_looks > MOST_LATE_LOOKS) abort();
    time->tv_sec += 3600;
    return status;
}
