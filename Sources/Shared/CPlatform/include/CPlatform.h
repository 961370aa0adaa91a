// SPDX-License-Identifier: Apache-2.0
//
// What Swift cannot call, or cannot call safely: macros, variadic functions, functions behind _GNU_SOURCE, and what has
// to happen between fork and exec. Results below zero are negative errno values.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// memfds

int cp_memfd_create(const char *name);
// Seals against shrinking, growing, writing and further seals.
int cp_memfd_seal(int fd);
// 1 when `fd` is a regular file with all four seals, 0 when it is not; -errno when that cannot be told.
int cp_is_sealed(int fd, int64_t *size);

// Unix SOCK_SEQPACKET sockets

int cp_listen(const char *path, int backlog);
// Does not wait: -EAGAIN when the backlog is full.
int cp_connect(const char *path);
// A file that is only a place: readable and writable no more than its path would be.
int cp_open_place(const char *path);
int cp_accept(int fd);
// A set that watches a listening socket, of which each connection wakes one waiter only, and pipes whose other end
// belongs to somebody who must not be outlived.
int cp_watch_create(int listening, const int *lifelines, int count);
// 1: a connection, 0: a lifeline has ended, 2: `milliseconds` (-1 = for ever) have passed, -EINTR: a signal.
int cp_watch_wait(int watch, int milliseconds);
// `descriptor` < 0: none.
ssize_t cp_send(int fd, const void *bytes, size_t count, int descriptor);
// Takes one message and at most one descriptor (-1: none came). Further descriptors are closed and the message is
// refused with -EMSGSIZE, as is one that is longer than `capacity`.
ssize_t cp_receive(int fd, void *bytes, size_t capacity, int *descriptor, int waits);

// Processes

int cp_pidfd_open(pid_t pid);
int cp_pidfd_signal(int pidfd, int signal);
// Whether a child of this process is stopped, as by SIGSTOP.
int cp_is_stopped(int pidfd);
// Ends a child that has exited: *signal is 0 or the signal that ended it, *code its exit status.
// cpu in microseconds, peak in KiB. -EAGAIN while it runs.
int cp_wait(pid_t pid, int waits, int *code, int *signal, uint64_t *cpu, uint32_t *peak);
// Waits until a process has ended (result & 1) or the peer of a connection has hung up (result & 2), at most for
// `milliseconds` (-1 = for ever). Either descriptor may be negative: it is not looked at.
int cp_wait_for_end(int pidfd, int connection, int milliseconds);
// Starts a program with `descriptors` as 3, 4, …, nothing else open but the standard three, default signal handling, and
// SIGKILL as the signal it gets when the calling thread ends. Returns the pid; *pidfd is its descriptor.
// -errno of exec is reported.
pid_t cp_spawn(
    const char *program, char *const argv[], char *const envp[], const int *descriptors, int count, int *pidfd);
// Closes every descriptor from `first` on.
void cp_close_from(int first);

// The service manager

// A connected datagram socket; `path` may begin with @ for the abstract namespace.
int cp_notify_connect(const char *path);
// -EBADF when it is not open.
int cp_set_cloexec(int fd);

// The rest

uint64_t cp_monotonic_ns(void);
int cp_random(void *bytes, size_t count);
// Raises the soft limit of open files to the hard one, and returns it.
int64_t cp_raise_file_limit(void);
// Keeps this process's memory out of core dumps, and from other processes of the same user.
int cp_hide_memory(void);
// Peak resident memory of this process in KiB.
uint32_t cp_peak_memory(void);
typedef struct {
    double cpu_seconds;  // user and system
    int64_t resident_bytes, open_descriptors, maximum_descriptors;
} cp_usage;
// What cannot be read is 0.
void cp_get_usage(cp_usage *usage);
