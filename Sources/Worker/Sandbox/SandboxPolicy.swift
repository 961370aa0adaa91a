// SPDX-License-Identifier: Apache-2.0

/// What a worker's processes may ask of the kernel: each call with the reason it is needed.
public enum SandboxPolicy {
    /// A child's. Everything else ends the process.
    static let allowedCalls: [(name: String, reason: String)] = [
        ("recvmsg", "the job"),
        ("sendmsg", "the reply"),
        ("mmap", "memory of the codecs, and the source; never executable"),
        ("munmap", "the same memory, given back"),
        ("mremap", "realloc of large blocks"),
        ("mprotect", "the heap's growth in malloc; never executable"),
        ("madvise", "malloc gives back what it does not need"),
        ("brk", "malloc"),
        ("memfd_create", "the result"),
        ("write", "the result's bytes"),
        ("fstat", "type and size of the source's descriptor"),
        ("fcntl", "seals of the source and of the result, nothing else"),
        ("close", "descriptors of the job"),
        ("clock_gettime", "the deadline, where the vDSO has no clock"),
        ("getrandom", "malloc's and Swift's hash seeds"),
        ("getrusage", "peak memory for the reply"),
        ("futex", "locks inside libc that are never contended"),
        ("rt_sigreturn", "the end of a signal's handler"),
        ("restart_syscall", "a call that a stop signal has interrupted"),
        ("exit_group", "the end"),
    ]

    /// What a keeper that has made itself ready needs besides. Everything else fails.
    static let keeperCalls: [(name: String, reason: String)] = [
        ("epoll_pwait", "the next connection"),
        ("accept4", "the same"),
        ("rt_sigprocmask", "SIGTERM while it waits, and libc's fork"),
        ("poll", "the end of a child, or of its connection"),
        ("ppoll", "the same, on machines that have no poll"),
        ("clone", "a child"),
        ("clone3", "the same, by a younger libc"),
        ("set_robust_list", "libc's fork, in the child"),
        ("pidfd_open", "a child, to wait for"),
        ("pidfd_send_signal", "its end, at the deadline"),
        ("wait4", "what it has cost"),
        ("sendto", "the service manager's watchdog"),
        ("prctl", "the child: its end when the keeper ends"),
        ("dup2", "the child: its descriptors"),
        ("dup3", "the same, on machines that have no dup2"),
        ("close_range", "the child: all other descriptors"),
        ("prlimit64", "the child: its limits"),
        ("setrlimit", "the same, by another libc"),
        ("seccomp", "the child: its filter"),
    ]
}
