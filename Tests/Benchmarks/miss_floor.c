// SPDX-License-Identifier: Apache-2.0
//
// What the kernel takes for a miss: the system calls that a front cannot do without, and nothing between them. A source
// comes from a server on this machine over a connection that was used before, goes into sealed memory and to a worker; the
// result comes back and goes to a client. Says how much CPU time the process in the middle took, the others not counted.
//
//   cc -O2 -o .build/miss-floor Tests/Benchmarks/miss_floor.c && .build/miss-floor [SOURCE_BYTES RESULT_BYTES]
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MISSES = 2000, ROUNDS = 9, REQUEST = 150, FRAME = 142, PIECE = 64 << 10, ALL_SEALS = 15 };

static int source_bytes = 286 << 10, result_bytes = 33 << 10;
static char piece[PIECE], *result;
static int poller;

static void must(int is_fine, const char *what) {
    if (is_fine) return;
    perror(what);
    exit(1);
}

static void read_all(int from, char *to, int count) {
    for (int done = 0, now; done < count; done += now) {
        now = recv(from, to ? to + done : piece, to ? count - done : count - done < PIECE ? count - done : PIECE, 0);
        must(now > 0, "recv");
    }
}

static void write_all(int to, const char *bytes, int count) {
    for (int done = 0, now; done < count; done += now) must((now = send(to, bytes + done, count - done, 0)) > 0, "send");
}

static void send_frame(int to, int descriptor) {
    char room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {piece, FRAME};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = room;
        message.msg_controllen = sizeof room;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    }
    must(sendmsg(to, &message, 0) == FRAME, "sendmsg");
}

static int receive_frame(int from) {
    char bytes[256], room[CMSG_SPACE(sizeof(int))];
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    must(recvmsg(from, &message, MSG_CMSG_CLOEXEC) > 0, "recvmsg");
    int descriptor = -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head) memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
    return descriptor;
}

static int sealed(const char *bytes, int count) {
    int file = memfd_create("floor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    must(file >= 0 && write(file, bytes, count) == count && fcntl(file, F_ADD_SEALS, ALL_SEALS) == 0, "memfd");
    return file;
}

/// A server of one connection: answers so many bytes to so many.
static void origin(int listener) {
    char *bytes = calloc(1, source_bytes);
    for (int one = accept(listener, NULL, NULL);;) {
        read_all(one, NULL, REQUEST);
        write_all(one, bytes, source_bytes);
    }
}

/// Takes a connection for each job, as a keeper does, and answers it with the same bytes.
static void worker(int listener) {
    for (;;) {
        int one = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        must(one >= 0, "accept");
        send_frame(one, -1);
        int source = receive_frame(one), made = sealed(result, result_bytes);
        send_frame(one, made);
        close(made);
        close(source);
        recv(one, piece, 1, 0);  // The front hangs up.
        close(one);
    }
}

static void client(int connection) {
    for (;;) {
        write_all(connection, piece, REQUEST);
        read_all(connection, NULL, result_bytes);
    }
}

static void await(int descriptor) {
    struct epoll_event event;
    do must(epoll_wait(poller, &event, 1, -1) == 1, "epoll_wait");
    while (event.data.fd != descriptor);
}

static void watch(int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    must(epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) == 0, "epoll_ctl");
}

static void miss(int from, int to, const struct sockaddr_un *jobs, char *picture) {
    await(to);
    must(recv(to, piece, PIECE, 0) == REQUEST, "a client's request");
    write_all(from, piece, REQUEST);
    int source = memfd_create("floor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    for (int done = 0; done < source_bytes;) {
        await(from);
        int count = recv(from, piece, PIECE, 0);
        must(count > 0 && write(source, piece, count) == count, "a source");
        done += count;
    }
    must(fcntl(source, F_ADD_SEALS, ALL_SEALS) == 0, "seals");

    int ticket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(connect(ticket, (const void *)jobs, sizeof *jobs) == 0, "connect");
    watch(ticket);
    await(ticket);
    receive_frame(ticket);
    send_frame(ticket, source);
    await(ticket);
    int made = receive_frame(ticket);
    struct stat about;
    must(fcntl(made, F_GET_SEALS) == ALL_SEALS && fstat(made, &about) == 0 && about.st_size == result_bytes, "a result");
    must(pread(made, picture, result_bytes, 0) == result_bytes, "pread");
    close(made);
    shutdown(ticket, SHUT_RDWR);
    close(ticket);
    close(source);
    write_all(to, picture, result_bytes);
}

static int listening(struct sockaddr_in *address) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t length = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(bind(listener, (void *)address, length) == 0 && listen(listener, 1) == 0, "listen");
    getsockname(listener, (void *)address, &length);
    return listener;
}

static int connected(const struct sockaddr_in *address) {
    int one = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    must(connect(one, (const void *)address, sizeof *address) == 0, "connect");
    setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return one;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int ascending(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

int main(int count, char **arguments) {
    if (count == 3) source_bytes = atoi(arguments[1]), result_bytes = atoi(arguments[2]);
    result = calloc(1, result_bytes);
    struct sockaddr_in origin_address, front_address;
    // A name in no directory: the kernel forgets it with the last process.
    struct sockaddr_un jobs = {.sun_family = AF_UNIX};
    snprintf(jobs.sun_path + 1, sizeof jobs.sun_path - 1, "miss-floor-%d", getpid());
    int jobs_listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    must(bind(jobs_listener, (void *)&jobs, sizeof jobs) == 0 && listen(jobs_listener, 64) == 0, "listen");
    int origin_listener = listening(&origin_address), front_listener = listening(&front_address);

    pid_t others[3];
    if ((others[0] = fork()) == 0) origin(origin_listener);
    if ((others[1] = fork()) == 0) worker(jobs_listener);
    if ((others[2] = fork()) == 0) client(connected(&front_address));
    int to = accept(front_listener, NULL, NULL), from = connected(&origin_address);
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch(to);
    watch(from);
    char *picture = malloc(result_bytes);
    double figures[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (int index = 0; index < MISSES; index++) miss(from, to, &jobs, picture);
        figures[round] = (now() - start) / MISSES;
    }
    for (int index = 0; index < 3; index++) kill(others[index], SIGKILL), waitpid(others[index], NULL, 0);
    qsort(figures, ROUNDS, sizeof *figures, ascending);
    printf("%d bytes in, %d bytes out: %.0f µs of CPU time for a miss (%.0f to %.0f in %d rounds)\n", source_bytes,
           result_bytes, figures[ROUNDS / 2], figures[0], figures[ROUNDS - 1], ROUNDS);
    return 0;
}
