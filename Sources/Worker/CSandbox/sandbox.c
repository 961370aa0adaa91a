// SPDX-License-Identifier: Apache-2.0
#include "CSandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// libseccomp's own macros leave a field out.
#pragma clang diagnostic ignored "-Wmissing-field-initializers"

static int result(long status) { return status < 0 ? -errno : 0; }

static int write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    ssize_t written = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    return written < 0 ? -error : 0;
}

// Without a map of its own uid a process owns nothing it makes in a user namespace, a mount included.
static int map_self(uid_t uid, gid_t gid) {
    char map[64];
    int status = write_file("/proc/self/setgroups", "deny");
    if (status < 0) return status;
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    status = write_file("/proc/self/uid_map", map);
    if (status < 0) return status;
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    return write_file("/proc/self/gid_map", map);
}

int cs_new_namespaces(int with_pid) {
    int flags = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWUTS | (with_pid ? CLONE_NEWPID : 0);
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (uid != 0) flags |= CLONE_NEWUSER;
    if (unshare(flags) < 0) return -errno;
    // Not fatal: only the empty root needs it.
    if (uid != 0) map_self(uid, gid);
    return 0;
}

int cs_empty_root(void) {
    // Changes of mounts stay here, and those of the machine do not come in.
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -errno;
    if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2,mode=000") < 0)
        return -errno;
    if (chdir("/tmp") < 0) return -errno;
    // Both arguments the same: the old root ends up on top of the new one, and is taken off by the next line.
    if (syscall(SYS_pivot_root, ".", ".") < 0) return -errno;
    if (umount2(".", MNT_DETACH) < 0) return -errno;
    if (chdir("/") < 0) return -errno;
    return result(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
}

int cs_has_own_network(void) {
    // Any socket will do for these questions; a Unix one is allowed where others are not.
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 0;
    int isolated = 1;
    // Indices are given out in order from 1, and never again; a machine with more has been up for long, and does not
    // count as isolated by what this misses: its loopback alone has a low index.
    for (int index = 1; index <= 4096 && isolated; index++) {
        struct ifreq interface = {.ifr_ifindex = index};
        if (ioctl(fd, SIOCGIFNAME, &interface) < 0) continue;
        if (ioctl(fd, SIOCGIFFLAGS, &interface) < 0) isolated = 0;
        else isolated = !(interface.ifr_flags & IFF_UP) || (interface.ifr_flags & IFF_LOOPBACK);
    }
    close(fd);
    return isolated;
}

int cs_has_own_root(void) {
    static const char *const places[] = {"/etc/passwd", "/etc/hostname", "/home", "/root", "/srv", "/opt"};
    // systemd's ProtectHome puts something unreadable where homes would be.
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], R_OK) == 0 || (errno != ENOENT && errno != EACCES)) return 0;
    return 1;
}

static int drop_bounding_set(void) {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        // Without CAP_SETPCAP the set cannot be narrowed; then no_new_privs keeps it from mattering.
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EPERM) return -errno;
    return 0;
}

static int drop_capabilities(void) {
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct none[2], held[2];
    memset(none, 0, sizeof none);
    // A unit that gives none may also forbid to change them.
    if (syscall(SYS_capget, &header, held) == 0 && memcmp(held, none, sizeof none) == 0) return 0;
    return result(syscall(SYS_capset, &header, none));
}

int cs_drop_privileges(uint32_t uid, uint32_t gid) {
    // The bounding set first: it takes a capability that the change of uid takes away.
    int status = drop_bounding_set();
    if (status < 0) return status;
    if (geteuid() == 0) {
        if (setgroups(0, NULL) < 0) return -errno;
        if (setresgid(gid, gid, gid) < 0) return -errno;
        if (setresuid(uid, uid, uid) < 0) return -errno;
    }
    status = drop_capabilities();
    if (status < 0) return status;
    // Nobody of the same uid may look into it.
    return result(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

int cs_no_new_privileges(void) { return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

int cs_landlock_deny_all(void) {
    enum { create_ruleset = 444, restrict_self = 446, version = 1 };
    long abi = syscall(create_ruleset, NULL, 0, version);
    if (abi < 0) return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
    // Rights by ABI: 13 from the start, +refer, +truncate, +ioctl_dev; TCP from 4; scopes from 6.
    static const int rights[] = {0, 13, 14, 15, 15, 16};
    struct {
        uint64_t files, network, scopes;
    } ruleset = {
        .files = (1ull << rights[abi > 5 ? 5 : abi]) - 1,
        .network = abi >= 4 ? 3 : 0,
        .scopes = abi >= 6 ? 3 : 0,
    };
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int fd = (int)syscall(create_ruleset, &ruleset, size, 0);
    if (fd < 0) return -errno;
    long status = syscall(restrict_self, fd, 0);
    int error = errno;
    close(fd);
    return status < 0 ? -error : (int)abi;
}

static int limit(int which, uint64_t soft, uint64_t hard) {
    struct rlimit value = {soft, hard};
    return result(setrlimit((__rlimit_resource_t)which, &value));
}

int cs_limit_files(uint64_t files) { return limit(RLIMIT_NOFILE, files, files); }
int cs_limit_file_size(uint64_t bytes) { return limit(RLIMIT_FSIZE, bytes, bytes); }
int cs_limit_core(void) { return limit(RLIMIT_CORE, 0, 0); }
int cs_limit_memory(uint64_t bytes) { return limit(RLIMIT_AS, bytes, bytes); }
// SIGXCPU at the soft limit says why; SIGKILL a second later, if it was ignored.
int cs_limit_cpu(uint64_t seconds) { return limit(RLIMIT_CPU, seconds, seconds + 1); }

int cs_die_with_parent(void) { return result(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)); }

struct cs_filter {
    struct sock_fprog program;
};

static int add_rules(scmp_filter_ctx context, const char *const *names, int count) {
    for (int i = 0; i < count; i++) {
        int call = seccomp_syscall_resolve_name(names[i]);
        if (call == __NR_SCMP_ERROR) return -EINVAL;
        int status;
        if (call == SCMP_SYS(mmap) || call == SCMP_SYS(mprotect)) {
            // Never executable.
            status = seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        } else if (call == SCMP_SYS(fcntl)) {
            // Seals only.
            status = seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 1, SCMP_A1(SCMP_CMP_EQ, F_ADD_SEALS));
            if (status == 0)
                status = seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 1, SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS));
        } else {
            status = seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 0);
        }
        if (status < 0) return status;
    }
#if __has_feature(address_sanitizer)
    // Where the stack for signals is: AddressSanitizer asks whenever a decoder leaves by longjmp.
    return seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack), 0);
#else
    return 0;
#endif
}

cs_filter *cs_filter_compile(const char *const *names, int count, int kills, int *error) {
    cs_filter *filter = NULL;
    int memory = -1;
    scmp_filter_ctx context = seccomp_init(kills ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
    *error = -ENOMEM;
    if (!context) return NULL;
    // For calls of another architecture, such as 32-bit ones, it would be the end of the thread.
    *error = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (*error == 0) *error = add_rules(context, names, count);
    if (*error < 0) goto done;
    // libseccomp writes to a descriptor only.
    *error = -EIO;
    memory = memfd_create("filter", MFD_CLOEXEC);
    if (memory < 0 || seccomp_export_bpf(context, memory) < 0) goto done;
    struct stat status;
    if (fstat(memory, &status) < 0 || status.st_size % sizeof(struct sock_filter) != 0) goto done;
    filter = calloc(1, sizeof *filter);
    struct sock_filter *code = malloc((size_t)status.st_size);
    if (!filter || !code || pread(memory, code, (size_t)status.st_size, 0) != status.st_size) {
        free(filter);
        free(code);
        filter = NULL;
        goto done;
    }
    filter->program.len = (unsigned short)((size_t)status.st_size / sizeof(struct sock_filter));
    filter->program.filter = code;
    *error = 0;
done:
    if (memory >= 0) close(memory);
    seccomp_release(context);
    return filter;
}

int cs_filter_load(const cs_filter *filter) {
    return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter->program));
}

pid_t cs_fork(void) {
    pid_t pid = fork();
    return pid < 0 ? -errno : pid;
}

void cs_exit(int code) { _exit(code); }
