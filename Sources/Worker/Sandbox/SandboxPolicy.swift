// SPDX-License-Identifier: Apache-2.0

/// What a child may ask of the kernel: each call with the reason it is needed. Everything else ends the process.
public enum SandboxPolicy {
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
}
