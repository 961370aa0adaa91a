// SPDX-License-Identifier: Apache-2.0
#include "CPlatform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int cp_memfd_create(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    // Kernels before 6.3 do not know that flag.
    if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

int cp_memfd_seal(int fd) { return fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0 ? -errno : 0; }

int cp_is_sealed(int fd, int64_t *size) {
    struct stat status;
    // The call itself: libc's fstat asks for fstatat with an empty path, and a worker's child may not name paths.
    if (syscall(SYS_fstat, fd, &status) < 0) return -errno;
    if (!S_ISREG(status.st_mode)) return 0;
    int seals = fcntl(fd, F_GET_SEALS);
    // EINVAL is the answer for whatever cannot have any, EBADF for a descriptor that is only a path.
    if (seals < 0 && errno != EINVAL && errno != EBADF) return -errno;
    if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS) return 0;
    *size = status.st_size;
    return 1;
}

static int address_of(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size_t length = strlen(path);
    if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
    memcpy(address->sun_path, path, length);
    return 0;
}

static int socket_for(const char *path, int flags, struct sockaddr_un *address) {
    int status = address_of(path, address);
    if (status < 0) return status;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
    return fd < 0 ? -errno : fd;
}

// Whether a path is a socket that nobody listens on: left behind by a process that was killed. Other kinds of file
// refuse a connection in the same words, and are not this program's to remove.
static int is_abandoned(const char *path, const struct sockaddr_un *address) {
    struct stat status;
    if (lstat(path, &status) < 0 || !S_ISSOCK(status.st_mode)) return 0;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return 0;
    int refused = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

int cp_listen(const char *path, int backlog) {
    struct sockaddr_un address;
    // Workers wait for a connection together, and only one of them gets it: the others must not block.
    int fd = socket_for(path, SOCK_NONBLOCK, &address);
    if (fd < 0) return fd;
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    if (bound < 0 && errno == EADDRINUSE) {
        if (is_abandoned(path, &address) && unlink(path) == 0) {
            bound = bind(fd, (struct sockaddr *)&address, sizeof address);
        } else {
            errno = EADDRINUSE;
        }
    }
    if (bound < 0 || listen(fd, backlog) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int cp_connect(const char *path) {
    struct sockaddr_un address;
    int fd = socket_for(path, SOCK_NONBLOCK, &address);
    if (fd < 0) return fd;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int cp_open_place(const char *path) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cp_accept(int fd) {
    int accepted;
    do accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    while (accepted < 0 && errno == EINTR);
    return accepted < 0 ? -errno : accepted;
}

int cp_watch_create(int listening, const int *lifelines, int count) {
    int flags = fcntl(listening, F_GETFL);
    if (flags < 0 || fcntl(listening, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
    int watch = epoll_create1(EPOLL_CLOEXEC);
    if (watch < 0) return -errno;
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u32 = 1};
    int status = epoll_ctl(watch, EPOLL_CTL_ADD, listening, &event);
    event = (struct epoll_event){.events = EPOLLIN, .data.u32 = 0};
    for (int i = 0; i < count && status == 0; i++) status = epoll_ctl(watch, EPOLL_CTL_ADD, lifelines[i], &event);
    if (status == 0) return watch;
    int error = errno;
    close(watch);
    return -error;
}

int cp_watch_wait(int watch, int milliseconds) {
    sigset_t block, before;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    sigprocmask(SIG_BLOCK, &block, &before);
    struct epoll_event events[8];
    int count = epoll_pwait(watch, events, 8, milliseconds, &before);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (count < 0) return -error;
    if (count == 0) return 2;
    for (int i = 0; i < count; i++)
        if (events[i].data.u32 == 0) return 0;
    return 1;
}

ssize_t cp_send(int fd, const void *bytes, size_t count, int descriptor) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {(void *)bytes, count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    ssize_t sent;
    do sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t cp_receive(int fd, void *bytes, size_t capacity, int *descriptor, int waits) {
    // Room for a few more than one, so that what does not belong here is received and closed rather than lost to
    // truncation; beyond that the kernel itself closes.
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(8 * sizeof(int))];
    } control;
    struct iovec part = {bytes, capacity};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
    *descriptor = -1;
    ssize_t received;
    do received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | (waits ? 0 : MSG_DONTWAIT));
    while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;

    int found = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int one;
            memcpy(&one, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (found++ == 0) *descriptor = one;
            else close(one);
        }
    }
    if (found > 1 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        if (*descriptor >= 0) close(*descriptor);
        *descriptor = -1;
        return -EMSGSIZE;
    }
    return received;
}

int cp_pidfd_open(pid_t pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

int cp_pidfd_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int cp_is_stopped(int pidfd) {
    siginfo_t info = {.si_pid = 0};
    // Left to be seen again: this asks what is, not what was.
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WSTOPPED | WNOHANG | WNOWAIT) < 0) return 0;
    return info.si_pid != 0;
}

int cp_wait(pid_t pid, int waits, int *code, int *signal, uint64_t *cpu, uint32_t *peak) {
    int status;
    struct rusage usage;
    pid_t ended;
    do ended = wait4(pid, &status, waits ? 0 : WNOHANG, &usage);
    while (ended < 0 && errno == EINTR);
    if (ended < 0) return -errno;
    if (ended == 0) return -EAGAIN;
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    *signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    *cpu = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    *peak = (uint32_t)usage.ru_maxrss;
    return 0;
}

int cp_wait_for_end(int pidfd, int connection, int milliseconds) {
    struct pollfd polled[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = connection, .events = POLLRDHUP}};
    if (poll(polled, 2, milliseconds) <= 0) return 0;
    return (polled[0].revents ? 1 : 0) | (polled[1].revents & (POLLRDHUP | POLLHUP | POLLERR) ? 2 : 0);
}

void cp_close_from(int first) {
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0) return;
    // Before Linux 5.9. The limit may be large, but such kernels are not what this runs on every day.
    struct rlimit limit;
    int last = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1 << 20 ? (int)limit.rlim_cur : 1 << 20;
    for (int fd = first; fd < last; fd++) close(fd);
}

// Between fork and exec: only calls that are safe in a process that was forked off a threaded one.
static void exec_child(
    const char *program, char *const argv[], char *const envp[], const int *descriptors, int count, int errors,
    pid_t parent) {
    // The descriptors' numbers may overlap with their targets: first all of them out of the way, then into place.
    enum { away = 64 };
    int moved[16];
    for (int i = 0; i < count; i++)
        if ((moved[i] = fcntl(descriptors[i], F_DUPFD, away)) < 0) goto failed;
    int report = fcntl(errors, F_DUPFD_CLOEXEC, away);
    if (report < 0) goto failed;
    errors = report;
    for (int i = 0; i < count; i++)
        if (dup2(moved[i], 3 + i) < 0) goto failed;
    if (dup2(errors, 3 + count) < 0 || fcntl(3 + count, F_SETFD, FD_CLOEXEC) < 0) goto failed;
    errors = 3 + count;
    cp_close_from(4 + count);

    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    // A Ctrl-C in the terminal is for the parent, which ends its children in order.
    setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) goto failed;
    // The parent may have ended before the line above.
    if (getppid() != parent) _exit(1);
    execve(program, argv, envp);
failed:;
    int error = errno;
    ssize_t ignored = write(errors, &error, sizeof error);
    (void)ignored;
    _exit(127);
}

pid_t cp_spawn(
    const char *program, char *const argv[], char *const envp[], const int *descriptors, int count, int *pidfd) {
    if (count > 16) return -EINVAL;
    int errors[2];
    if (pipe2(errors, O_CLOEXEC) < 0) return -errno;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) exec_child(program, argv, envp, descriptors, count, errors[1], parent);
    int error = pid < 0 ? errno : 0;
    close(errors[1]);
    if (pid > 0) {
        // Ends when exec has closed the other end, or with exec's errno.
        ssize_t received;
        do received = read(errors[0], &error, sizeof error);
        while (received < 0 && errno == EINTR);
        if (received != sizeof error) error = 0;
    }
    close(errors[0]);
    if (pid > 0 && error == 0) {
        *pidfd = cp_pidfd_open(pid);
        if (*pidfd >= 0) return pid;
        error = -*pidfd;
        kill(pid, SIGKILL);
    }
    if (pid > 0) waitpid(pid, NULL, 0);
    return -error;
}

uint64_t cp_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int cp_random(void *bytes, size_t count) {
    // Up to 256 bytes are never interrupted and always whole.
    return getrandom(bytes, count, 0) == (ssize_t)count ? 0 : -EIO;
}

int64_t cp_raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    return (int64_t)limit.rlim_cur;
}

int cp_hide_memory(void) {
    // The limit for core files that the kernel writes; the flag for those that it pipes to a program, which may not look
    // at the limit, and for ptrace and /proc/PID/mem.
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) < 0) return -errno;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

uint32_t cp_peak_memory(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint32_t)usage.ru_maxrss : 0;
}

int cp_notify_connect(const char *path) {
    struct sockaddr_un address;
    int status = address_of(path, &address);
    if (status < 0) return status;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    // A leading @ stands for the abstract namespace, whose names begin with a zero byte and have no other end.
    if (address.sun_path[0] == '@') address.sun_path[0] = 0;
    else length++;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (struct sockaddr *)&address, length) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

int cp_set_cloexec(int fd) {
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0) return -errno;
    return fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0 ? -errno : 0;
}

void cp_get_usage(cp_usage *usage) {
    memset(usage, 0, sizeof *usage);
    struct rusage own;
    if (getrusage(RUSAGE_SELF, &own) == 0)
        usage->cpu_seconds = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
                             (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage->maximum_descriptors = (int64_t)limit.rlim_cur;
    FILE *statm = fopen("/proc/self/statm", "re");
    long pages = 0;
    if (statm && fscanf(statm, "%*d %ld", &pages) == 1) usage->resident_bytes = (int64_t)pages * sysconf(_SC_PAGESIZE);
    if (statm) fclose(statm);
    DIR *descriptors = opendir("/proc/self/fd");
    if (!descriptors) return;
    while (readdir(descriptors)) usage->open_descriptors++;
    // Two are `.` and `..`, one is the directory itself.
    usage->open_descriptors -= 3;
    closedir(descriptors);
}
