// SPDX-License-Identifier: Apache-2.0
//
// What a taken-over codec would try. Raw system calls, as injected code would make them.
#include "CSandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static char page[4096];

struct attempt {
    const char *name;
    long number;
    long a, b, c, d, e, f;
};

#define P(x) ((long)(x))

// The other ways into the kernel of an x86-64: a bit in the number, and the gate for 32-bit programs (-1: no number).
enum { X32 = 0x40000000, I386 = -1 };

static const struct sockaddr_un jobs_socket = {AF_UNIX, "/run/imageproxy/jobs.sock"};

// One row an attempt; arguments are such that the call would work, or at least be looked at, without a sandbox.
static const struct attempt attempts[] = {
    {"openat /etc/passwd", SYS_openat, AT_FDCWD, P("/etc/passwd"), O_RDONLY, 0, 0, 0},
    {"openat /etc/shadow", SYS_openat, AT_FDCWD, P("/etc/shadow"), O_RDONLY, 0, 0, 0},
    {"openat /proc/1/environ", SYS_openat, AT_FDCWD, P("/proc/1/environ"), O_RDONLY, 0, 0, 0},
    {"openat /proc/self/mem for writing", SYS_openat, AT_FDCWD, P("/proc/self/mem"), O_RDWR, 0, 0, 0},
    {"create a file in /tmp", SYS_openat, AT_FDCWD, P("/tmp/x"), O_CREAT | O_RDWR, 0600, 0, 0},
    {"statx /", SYS_statx, AT_FDCWD, P("/"), 0, 0xfff, P(page), 0},
    {"getdents of the root", SYS_getdents64, 0, P(page), sizeof page, 0, 0, 0},
    {"readlinkat /proc/self/exe", SYS_readlinkat, AT_FDCWD, P("/proc/self/exe"), P(page), sizeof page, 0, 0},
    {"unlinkat", SYS_unlinkat, AT_FDCWD, P("/tmp/x"), 0, 0, 0, 0},
    {"mkdirat", SYS_mkdirat, AT_FDCWD, P("/x"), 0700, 0, 0, 0},
    {"renameat2", SYS_renameat2, AT_FDCWD, P("/a"), AT_FDCWD, P("/b"), 0, 0},
    {"fchmodat", SYS_fchmodat, AT_FDCWD, P("/"), 0777, 0, 0, 0},
    {"chroot", SYS_chroot, P("/"), 0, 0, 0, 0, 0},
    {"name_to_handle_at", SYS_name_to_handle_at, AT_FDCWD, P("/"), P(page), P(page + 64), 0, 0},
    {"open_by_handle_at", SYS_open_by_handle_at, AT_FDCWD, P(page), O_RDONLY, 0, 0, 0},
    {"socket inet", SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0},
    {"socket inet6", SYS_socket, AF_INET6, SOCK_STREAM, 0, 0, 0, 0},
    {"socket unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0, 0},
    {"socket netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0, 0, 0},
    {"socket packet", SYS_socket, AF_PACKET, SOCK_RAW, 0, 0, 0, 0},
    {"socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, P(page), 0, 0},
    {"connect to the jobs socket", SYS_connect, 3, P(&jobs_socket), sizeof jobs_socket, 0, 0, 0},
    {"bind", SYS_bind, 3, P(&jobs_socket), sizeof jobs_socket, 0, 0, 0},
    {"listen", SYS_listen, 3, 1, 0, 0, 0, 0},
    {"accept on the jobs socket", SYS_accept4, 3, 0, 0, 0, 0, 0},
    {"clone", SYS_clone, SIGCHLD, 0, 0, 0, 0, 0},
    {"clone3", SYS_clone3, P(page), 64, 0, 0, 0, 0},
    {"execve /bin/sh", SYS_execve, P("/bin/sh"), 0, 0, 0, 0, 0},
    {"execveat", SYS_execveat, AT_FDCWD, P("/bin/sh"), 0, 0, 0, 0},
    {"kill the keeper", SYS_kill, 1, SIGKILL, 0, 0, 0, 0},
    {"kill everybody", SYS_kill, -1, SIGKILL, 0, 0, 0, 0},
    {"tgkill", SYS_tgkill, 1, 1, SIGKILL, 0, 0, 0},
    {"pidfd_open of the keeper", SYS_pidfd_open, 1, 0, 0, 0, 0, 0},
    {"pidfd_getfd", SYS_pidfd_getfd, 0, 0, 0, 0, 0, 0},
    {"ptrace the keeper", SYS_ptrace, PTRACE_ATTACH, 1, 0, 0, 0, 0},
    {"process_vm_readv", SYS_process_vm_readv, 1, P(page), 1, P(page), 1, 0},
    {"process_vm_writev", SYS_process_vm_writev, 1, P(page), 1, P(page), 1, 0},
    {"mount", SYS_mount, P("none"), P("/"), P("tmpfs"), 0, 0, 0},
    {"umount", SYS_umount2, P("/"), 2, 0, 0, 0, 0},
    {"pivot_root", SYS_pivot_root, P("."), P("."), 0, 0, 0, 0},
    {"unshare a user namespace", SYS_unshare, CLONE_NEWUSER, 0, 0, 0, 0, 0},
    {"setns", SYS_setns, 0, 0, 0, 0, 0, 0},
    {"setuid 0", SYS_setuid, 0, 0, 0, 0, 0, 0},
    {"setresuid 0", SYS_setresuid, 0, 0, 0, 0, 0, 0},
    {"capset", SYS_capset, P(page), P(page + 64), 0, 0, 0, 0},
    {"prctl PR_SET_DUMPABLE", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0, 0},
    {"prctl PR_SET_PDEATHSIG", SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0, 0},
    {"a second seccomp filter", SYS_seccomp, 1, 0, P(page), 0, 0, 0},
    {"bpf", SYS_bpf, 0, P(page), 64, 0, 0, 0},
    {"perf_event_open", SYS_perf_event_open, P(page), 0, -1, -1, 0, 0},
    {"userfaultfd", SYS_userfaultfd, 0, 0, 0, 0, 0, 0},
    {"io_uring_setup", SYS_io_uring_setup, 8, P(page), 0, 0, 0, 0},
    {"keyctl", SYS_keyctl, 0, -3, 0, 0, 0, 0},
    {"add_key", SYS_add_key, P("user"), P("x"), P("x"), 1, -3, 0},
    {"init_module", SYS_init_module, P(page), 1, P(""), 0, 0, 0},
    {"kexec_load", SYS_kexec_load, 0, 0, 0, 0, 0, 0},
    {"reboot", SYS_reboot, 0, 0, 0, 0, 0, 0},
    {"swapon", SYS_swapon, P("/x"), 0, 0, 0, 0, 0},
    {"settimeofday", SYS_settimeofday, P(page), 0, 0, 0, 0, 0},
    {"sethostname", SYS_sethostname, P("x"), 1, 0, 0, 0, 0},
    {"mmap with PROT_EXEC", SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0},
    {"mprotect to PROT_EXEC", SYS_mprotect, P(page), 4096, PROT_READ | PROT_EXEC, 0, 0, 0},
    {"shmget", SYS_shmget, 1, 4096, 0600 | 01000, 0, 0, 0},
    {"msgget", SYS_msgget, 1, 0600 | 01000, 0, 0, 0, 0},
    {"inotify_init1", SYS_inotify_init1, 0, 0, 0, 0, 0, 0},
    {"fanotify_init", SYS_fanotify_init, 0, 0, 0, 0, 0, 0},
    {"timer_create", SYS_timer_create, 0, 0, P(page), 0, 0, 0},
    {"personality", SYS_personality, 0xffffffff, 0, 0, 0, 0, 0},
    {"prlimit of its own memory", SYS_prlimit64, 0, RLIMIT_AS, P(page), 0, 0, 0},
    {"fcntl F_DUPFD", SYS_fcntl, 0, F_DUPFD, 10, 0, 0, 0},
    {"ioctl TIOCSTI", SYS_ioctl, 0, 0x5412, P("x"), 0, 0, 0},
    {"dup", SYS_dup, 0, 0, 0, 0, 0, 0},
    {"pipe2", SYS_pipe2, P(page), 0, 0, 0, 0, 0},
    {"epoll_create1", SYS_epoll_create1, 0, 0, 0, 0, 0, 0},
    {"landlock_create_ruleset", 444, 0, 0, 1, 0, 0, 0},
    {"sched_setaffinity", SYS_sched_setaffinity, 0, sizeof page, P(page), 0, 0, 0},
    {"getpid", SYS_getpid, 0, 0, 0, 0, 0, 0},
    {"uname", SYS_uname, P(page), 0, 0, 0, 0, 0},
#ifdef __x86_64__
    // What younger machines never had.
    {"open /etc/passwd", SYS_open, P("/etc/passwd"), O_RDONLY, 0, 0, 0, 0},
    {"stat /", SYS_stat, P("/"), P(page), 0, 0, 0, 0},
    {"readlink /proc/self/exe", SYS_readlink, P("/proc/self/exe"), P(page), sizeof page, 0, 0, 0},
    {"unlink", SYS_unlink, P("/tmp/x"), 0, 0, 0, 0, 0},
    {"mkdir", SYS_mkdir, P("/x"), 0700, 0, 0, 0, 0},
    {"rename", SYS_rename, P("/a"), P("/b"), 0, 0, 0, 0},
    {"chmod", SYS_chmod, P("/"), 0777, 0, 0, 0, 0},
    {"fork", SYS_fork, 0, 0, 0, 0, 0, 0},
    {"vfork", SYS_vfork, 0, 0, 0, 0, 0, 0},
    // Numbers mean other calls there: what is allowed here must not be.
    {"a call of x32", X32 + SYS_write, 1, P(page), 0, 0, 0, 0},
    {"a call of i386", I386, 0, 0, 0, 0, 0, 0},
#endif
};

const char *cs_attempt_name(int which) {
    return which >= 0 && (size_t)which < sizeof attempts / sizeof *attempts ? attempts[which].name : NULL;
}

static long call(const struct attempt *one) {
#ifdef __x86_64__
    // By the gate, and 3 is read there, which is close here.
    long status = 3;
    if (one->number == I386) {
        __asm__ volatile("int $0x80" : "+a"(status) : "b"(0L), "c"(0L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
        return status;
    }
#endif
    long result = syscall(one->number, one->a, one->b, one->c, one->d, one->e, one->f);
    return result < 0 ? -errno : result;
}

// Whether the call makes another process of this program, which must not go on.
static int forks(long number) {
#ifdef __x86_64__
    if (number == SYS_fork || number == SYS_vfork) return 1;
#endif
    return number == SYS_clone;
}

long cs_attempt(int which) {
    const struct attempt *one = &attempts[which];
    long status = call(one);
    if (status == 0 && forks(one->number)) _exit(0);
    return status;
}
