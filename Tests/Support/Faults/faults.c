// SPDX-License-Identifier: Apache-2.0
//
// Makes one call into libc fail, the n-th from now, and moves the wall clock: a program that is started with this library
// in LD_PRELOAD does as the file says that FAULT_CONTROL names, which a test maps and writes while the program runs. A
// process forked later shares the mapping, and needs no file for it.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The same layout as in faults.py.
struct control {
    // The call's name; empty = none.
    char call[24];
    // Part of the file name of the library that calls; empty = whoever calls.
    char caller[24];
    // Calls until the one that fails; 0 = it has, or none is to.
    int32_t countdown;
    // What errno it leaves; -1 = no failure, but one byte of what was asked for.
    int32_t error;
    int32_t fired;
    int32_t unused;
    // Seconds that the wall clock is ahead.
    int64_t clock_offset;
};

static struct control none;
static struct control *volatile control = &none;

struct range {
    const char *name;
    uintptr_t from, to;
};
static struct range libraries[64];
static int library_count;

static int note_library(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size, (void)data;
    uintptr_t from = UINTPTR_MAX, to = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
        uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (start < from) from = start;
        if (start + info->dlpi_phdr[i].p_memsz > to) to = start + info->dlpi_phdr[i].p_memsz;
    }
    if (library_count < 64) libraries[library_count++] = (struct range){info->dlpi_name, from, to};
    return 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_CONTROL");
    if (!path) return;
    dl_iterate_phdr(note_library, NULL);
    int (*real_open)(const char *, int, ...);
    *(void **)&real_open = dlsym(RTLD_NEXT, "open");
    void *(*real_mmap)(void *, size_t, int, int, int, off_t);
    *(void **)&real_mmap = dlsym(RTLD_NEXT, "mmap");
    int fd = real_open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) abort();
    void *memory = real_mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) abort();
    close(fd);
    control = memory;
}

static int is_called_by(const void *address) {
    if (!control->caller[0]) return 1;
    for (int i = 0; i < library_count; i++)
        if ((uintptr_t)address >= libraries[i].from && (uintptr_t)address < libraries[i].to)
            return strstr(libraries[i].name, control->caller) != NULL;
    return 0;
}

// Whether this call is the one.
static int is_due(const char *call, const void *caller) {
    if (!control->countdown || strcmp(control->call, call) != 0 || !is_called_by(caller)) return 0;
    if (__atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST) != 0) return 0;
    __atomic_store_n(&control->fired, 1, __ATOMIC_SEQ_CST);
    return 1;
}

// libuv wakes its loop through one, and aborts by design when that does not work.
static unsigned char is_eventfd[4096];
#define IS_EVENTFD(fd) ((fd) >= 0 && (fd) < 4096 && is_eventfd[fd])

#define CALLER __builtin_extract_return_addr(__builtin_return_address(0))
#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)
#define FAILS(label, failure) \
    if (is_due(label, CALLER)) { \
        errno = control->error; \
        return failure; \
    }
#define WRAP(type, name, label, failure, parameters, arguments) \
    type name parameters { \
        FAILS(label, failure) \
        REAL(name); \
        return real arguments; \
    }
// With a count of bytes that can be cut to one.
#define WRAP_BYTES(type, name, label, parameters, count, arguments) \
    type name parameters { \
        if (!IS_EVENTFD(fd) && is_due(label, CALLER)) { \
            if (control->error != -1) { \
                errno = control->error; \
                return -1; \
            } \
            if (count > 1) count = 1; \
        } \
        REAL(name); \
        return real arguments; \
    }

// dlsym itself allocates: these have another way to the real ones.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
void *malloc(size_t size) {
    FAILS("malloc", NULL)
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    FAILS("calloc", NULL)
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    FAILS("realloc", NULL)
    return __libc_realloc(old, size);
}

WRAP(void *, mmap, "mmap", MAP_FAILED, (void *at, size_t n, int p, int f, int fd, off_t o), (at, n, p, f, fd, o))
WRAP(int, memfd_create, "memfd_create", -1, (const char *name, unsigned flags), (name, flags))
WRAP(int, socket, "socket", -1, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, accept4, "accept4", -1, (int fd, __SOCKADDR_ARG a, socklen_t *n, int flags), (fd, a, n, flags))
WRAP(int, connect, "connect", -1, (int fd, __CONST_SOCKADDR_ARG a, socklen_t n), (fd, a, n))
WRAP(int, getsockopt, "getsockopt", -1, (int fd, int l, int o, void *v, socklen_t *n), (fd, l, o, v, n))
WRAP(int, setsockopt, "setsockopt", -1, (int fd, int l, int o, const void *v, socklen_t n), (fd, l, o, v, n))
WRAP(int, getsockname, "getsockname", -1, (int fd, __SOCKADDR_ARG a, socklen_t *n), (fd, a, n))
WRAP(int, getpeername, "getpeername", -1, (int fd, __SOCKADDR_ARG a, socklen_t *n), (fd, a, n))
WRAP_BYTES(ssize_t, read, "read", (int fd, void *b, size_t n), n, (fd, b, n))
WRAP_BYTES(ssize_t, write, "write", (int fd, const void *b, size_t n), n, (fd, b, n))
WRAP_BYTES(ssize_t, pread, "pread", (int fd, void *b, size_t n, off_t o), n, (fd, b, n, o))
WRAP_BYTES(ssize_t, pread64, "pread", (int fd, void *b, size_t n, off64_t o), n, (fd, b, n, o))
WRAP_BYTES(ssize_t, send, "send", (int fd, const void *b, size_t n, int f), n, (fd, b, n, f))
WRAP_BYTES(ssize_t, recv, "recv", (int fd, void *b, size_t n, int f), n, (fd, b, n, f))
WRAP(ssize_t, sendmsg, "sendmsg", -1, (int fd, const struct msghdr *m, int f), (fd, m, f))
WRAP(ssize_t, recvmsg, "recvmsg", -1, (int fd, struct msghdr *m, int f), (fd, m, f))
WRAP(int, fstat, "fstat", -1, (int fd, struct stat *s), (fd, s))
WRAP(int, lstat, "lstat", -1, (const char *path, struct stat *s), (path, s))
WRAP(int, access, "access", -1, (const char *path, int mode), (path, mode))
WRAP(int, rename, "rename", -1, (const char *from, const char *to), (from, to))
WRAP(int, unlink, "unlink", -1, (const char *path), (path))
WRAP(int, mkdir, "mkdir", -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, fsync, "fsync", -1, (int fd), (fd))
WRAP(int, fdatasync, "fsync", -1, (int fd), (fd))
WRAP(int, futimens, "futimens", -1, (int fd, const struct timespec t[2]), (fd, t))
WRAP(DIR *, opendir, "opendir", NULL, (const char *path), (path))
WRAP(int, epoll_ctl, "epoll_ctl", -1, (int e, int op, int fd, struct epoll_event *v), (e, op, fd, v))
WRAP(int, epoll_wait, "epoll_wait", -1, (int e, struct epoll_event *v, int n, int t), (e, v, n, t))
WRAP(int, epoll_pwait, "epoll_wait", -1, (int e, struct epoll_event *v, int n, int t, const sigset_t *s), (e, v, n, t, s))
WRAP(int, poll, "poll", -1, (struct pollfd *p, nfds_t n, int t), (p, n, t))
WRAP(int, pipe2, "pipe2", -1, (int fds[2], int flags), (fds, flags))
WRAP(pid_t, fork, "fork", -1, (void), ())
WRAP(pid_t, wait4, "wait4", -1, (pid_t pid, int *s, int o, struct rusage *u), (pid, s, o, u))
WRAP(ssize_t, getrandom, "getrandom", -1, (void *b, size_t n, unsigned f), (b, n, f))

int eventfd(unsigned value, int flags) {
    FAILS("eventfd", -1)
    REAL(eventfd);
    int fd = real(value, flags);
    if (fd >= 0 && fd < 4096) is_eventfd[fd] = 1;
    return fd;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    struct iovec one;
    if (is_due("writev", CALLER)) {
        if (control->error != -1) {
            errno = control->error;
            return -1;
        }
        one = (struct iovec){parts->iov_base, parts->iov_len > 0};
        parts = &one;
        count = 1;
    }
    REAL(writev);
    return real(fd, parts, count);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    if (is_due("pthread_create", CALLER)) return control->error;
    REAL(pthread_create);
    return real(thread, attributes, body, argument);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    if (is_due("getaddrinfo", CALLER)) return EAI_MEMORY;
    REAL(getaddrinfo);
    return real(node, service, hints, found);
}

// With arguments that are there or not: all are passed on, as on this machine they may be.
#define WRAP_OPEN(name) \
    int name(const char *path, int flags, ...) { \
        FAILS("open", -1) \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        REAL(name); \
        return real(path, flags, mode); \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)

int openat(int directory, const char *path, int flags, ...) {
    FAILS("open", -1)
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    REAL(openat);
    return real(directory, path, flags, mode);
}

#define WRAP_FCNTL(name) \
    int name(int fd, int command, ...) { \
        FAILS("fcntl", -1) \
        va_list rest; \
        va_start(rest, command); \
        long value = va_arg(rest, long); \
        va_end(rest); \
        REAL(name); \
        return real(fd, command, value); \
    }
WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int status = real(clock, now);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += control->clock_offset;
    return status;
}

time_t time(time_t *now) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (now) *now = moment.tv_sec;
    return moment.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone) {
    (void)zone;
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    now->tv_sec = moment.tv_sec;
    now->tv_usec = moment.tv_nsec / 1000;
    return 0;
}
