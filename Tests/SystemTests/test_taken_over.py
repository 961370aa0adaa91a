# SPDX-License-Identifier: Apache-2.0
"""A child that does what code in a picture wants, in the middle of its work: the first call into the kernel is its end.

test_sandbox.py has the worker try by itself, as it starts; here somebody outside of its namespaces makes it. For root.
IMAGEPROXY_ALL_FAULTS=1 tries every number that a call could have.
"""

import errno
import os
import platform
import signal
import subprocess

import numpy
import pytest
from PIL import Image

import injection
import pictures
import processes
from front import in_parallel
from origin import picture

HERE = -100  # AT_FDCWD
PASSWORDS = b"/etc/passwd\0"
JOBS = b"\1\0/run/imageproxy/jobs.sock\0"
PAGE = bytes(256)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a sandboxed process")

#: What is called, and with what; of names that the machine does not know nothing is tried.
CALLS = [
    ("openat", HERE, PASSWORDS), ("openat", HERE, b"/proc/self/mem\0", 2), ("openat", HERE, b"/tmp/x\0", 0o102, 0o600),
    ("openat2", HERE, PASSWORDS, PAGE, 24), ("open", PASSWORDS), ("creat", b"/tmp/x\0", 0o600), ("stat", b"/\0", PAGE),
    ("statx", HERE, b"/\0", 0, 0xFFF, PAGE), ("newfstatat", HERE, b"/\0", PAGE), ("access", b"/\0"),
    ("faccessat", HERE, b"/\0"), ("readlinkat", HERE, b"/proc/self/exe\0", PAGE, 256), ("getdents64", 3, PAGE, 256),
    ("unlinkat", HERE, b"/tmp/x\0"), ("mkdirat", HERE, b"/x\0", 0o700), ("renameat2", HERE, b"/a\0", HERE, b"/b\0"),
    ("linkat", HERE, b"/a\0", HERE, b"/b\0"), ("symlinkat", b"/a\0", HERE, b"/b\0"),
    ("mknodat", HERE, b"/x\0", 0o20600, 0x103),
    ("fchmodat", HERE, b"/\0", 0o777), ("fchownat", HERE, b"/\0", 0, 0), ("truncate", b"/x\0", 0), ("ftruncate", 4, 0),
    ("chdir", b"/\0"), ("chroot", b"/\0"), ("getcwd", PAGE, 256), ("open_by_handle_at", HERE, PAGE, 0),
    ("socket", 2, 1), ("socket", 10, 2), ("socket", 1, 1), ("socket", 16, 3), ("socket", 17, 3),
    ("socketpair", 1, 1, 0, PAGE),
    ("connect", 3, JOBS, 27), ("bind", 3, JOBS, 27), ("listen", 3, 1), ("accept4", 3), ("sendto", 3, PAGE, 8),
    ("recvfrom", 3, PAGE, 8), ("getsockopt", 3, 1, 17, PAGE, PAGE), ("setsockopt", 3, 1, 2, PAGE, 4),
    ("shutdown", 3, 2),
    ("clone", 17), ("clone3", PAGE, 64), ("fork",), ("vfork",), ("execve", b"/bin/sh\0"),
    ("execveat", HERE, b"/bin/sh\0"),
    ("kill", 1, 9), ("kill", -1, 9), ("tgkill", 1, 1, 9), ("tkill", 1, 9), ("rt_sigqueueinfo", 1, 9, PAGE),
    ("pidfd_open", 1), ("pidfd_getfd", 3, 0), ("pidfd_send_signal", 3, 9), ("ptrace", 16, 1), ("wait4", -1),
    ("process_vm_readv", 1, PAGE, 1, PAGE, 1), ("process_vm_writev", 1, PAGE, 1, PAGE, 1), ("kcmp", 1, 1),
    ("mount", b"none\0", b"/\0", b"tmpfs\0"), ("umount2", b"/\0", 2), ("pivot_root", b".\0", b".\0"),
    ("move_mount", 3, b"\0", 3, b"\0"),
    ("fsopen", b"tmpfs\0"), ("unshare", 0x10000000), ("setns", 3), ("setuid", 0), ("setresuid", 0, 0, 0),
    ("setgroups", 0),
    ("capset", PAGE, PAGE), ("prctl", 4, 1), ("prctl", 1, 0), ("seccomp", 1, 0, PAGE), ("arch_prctl", 0x1002, 0),
    ("bpf", 0, PAGE, 64), ("perf_event_open", PAGE, 0, -1, -1), ("userfaultfd",), ("io_uring_setup", 8, PAGE),
    ("io_setup", 8, PAGE),
    ("keyctl", 0, -3), ("add_key", b"user\0", b"x\0", b"x\0", 1, -3), ("init_module", PAGE, 1, b"\0"),
    ("finit_module", 3, b"\0"),
    ("kexec_load",), ("reboot",), ("swapon", b"/x\0"), ("syslog", 3, PAGE, 256), ("settimeofday", PAGE),
    ("clock_settime", 0, PAGE),
    ("sethostname", b"x\0", 1), ("mmap", 0, 4096, 5, 0x22, -1), ("mmap", 0, 4096, 7, 0x22, -1),
    ("mmap", 0, 4096, 4, 1, 4),
    ("mprotect", 0x1000, 4096, 5), ("pkey_mprotect", 0x1000, 4096, 5), ("memfd_secret",), ("remap_file_pages",),
    ("shmget", 1, 4096, 0o1600), ("msgget", 1, 0o1600), ("semget", 1, 1, 0o1600), ("mq_open", b"x\0", 0o102, 0o600),
    ("inotify_init1",), ("fanotify_init",), ("timer_create", 0, 0, PAGE), ("setitimer", 0, PAGE), ("alarm", 1),
    ("personality", -1),
    ("prlimit64", 0, 9, PAGE), ("setrlimit", 9, PAGE), ("setpriority", 0, 0, -20), ("sched_setaffinity", 0, 64, PAGE),
    ("fcntl", 3, 0, 10), ("fcntl", 3, 4, 0), ("fcntl", 4, 1024, 1), ("ioctl", 0, 0x5412, b"x"),
    ("ioctl", 3, 0x541B, PAGE),
    ("dup", 3), ("dup3", 3, 9), ("pipe2", PAGE), ("epoll_create1",), ("eventfd2",), ("splice", 4, 0, 3, 0, 1),
    ("sendfile", 3, 4, 0, 1),
    ("pread64", 4, PAGE, 1), ("read", 3, PAGE, 1), ("pwrite64", 4, PAGE, 1), ("sigaltstack", PAGE),
    ("rt_sigaction", 11, PAGE, 0, 8),
    ("landlock_create_ruleset", 0, 0, 1), ("getpid",), ("getppid",), ("uname", PAGE), ("sysinfo", PAGE),
    ("nanosleep", PAGE),
]
KNOWN = [call for call in CALLS if injection.number_of(call[0]) is not None]
#: (name, number, arguments, instruction)
ATTEMPTS = [(call[0], injection.number_of(call[0]), call[1:], injection.CALL) for call in KNOWN]
if platform.machine() == "x86_64":
    # Other ways into the kernel, where numbers mean other calls: to write in x32, to read by the gate for 32 bits.
    ATTEMPTS += [("x32 write", 0x40000001, (1, PAGE, 1), injection.CALL), ("i386 read", 3, (), b"\xcd\x80")]
ALLOWED = {
    "recvmsg", "sendmsg", "mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "memfd_create", "write", "fstat",
    "fcntl",
    "close", "clock_gettime", "getrandom", "getrusage", "futex", "rt_sigreturn", "restart_syscall", "exit_group",
}
#: No filter is asked about these two: the kernel's own probes come back by them, and nobody else gets anything.
UNFILTERED = {335, 336} if platform.machine() == "x86_64" else set()
if os.environ.get("IMAGEPROXY_ALL_FAULTS"):
    ATTEMPTS += [(f"number {number}", number, (), injection.CALL) for number in range(512)
                 if number not in {injection.number_of(name) for name in ALLOWED} | UNFILTERED]

SIZE = (300, 200)


@pytest.fixture(scope="module")
def front(shared_front):
    shared_front.wait_for_workers(2)
    return shared_front


@pytest.fixture(scope="module")
def source():
    """A picture that keeps a child busy for as long as it takes to get hold of it."""
    tile = pictures.scene(1000, 1000)
    return pictures.encoded(Image.fromarray(numpy.tile(tile, (2, 3, 1))), "PNG", compress_level=1)


@pytest.fixture(scope="module")
def ask(front, shared_origin, source, slow_picture):
    """Asks for a picture that nobody has seen, and has one of its children, or several, make a call."""
    def serve(path, data):
        return shared_origin.serve(path, lambda seen: picture(data + seen.target.encode(), "image/png")(seen))

    # Who is caught a second time must not have answered already.
    urls = {1: serve("/once.png", source), 2: serve("/twice.png", slow_picture)}

    def ask_once(target, number, arguments, instruction, times):
        """The ends of so many children of one request, and its answer; of fewer when they were too fast."""
        answers, ends, seen = [], [], set()

        def a_child():
            for child in processes.children(front.pid):
                with processes.contextlib.suppress(OSError):
                    # Its own filter, on top of its keeper's, comes right after the fork, and then there is work for long.
                    if child.pid not in seen and processes.status(child.pid)["Seccomp_filters"] == "2":
                        return child.pid
            return None

        processes.wait_until(lambda: not processes.children(front.pid), interval=0.002)
        with in_parallel(1, lambda _: answers.append(front.get(target))):
            for _ in range(times):
                pid = processes.wait_until(lambda: a_child() or answers, interval=0.001, what="a child with work")
                if pid is answers:
                    break
                seen.add(pid)
                try:
                    held = injection.Injected(pid)
                except ProcessLookupError:
                    break
                ends.append(held.call(number, *arguments, instruction=instruction))
                if not isinstance(ends[-1], signal.Signals):
                    held.end()
        return ends, answers[0]

    def ask_while(name, number, arguments, instruction, times=1):
        for attempt in range(20):
            target = f"/300x/{urls[times]}?{name}{number}{arguments}{times},{attempt}".replace(" ", "")
            ends, answer = ask_once(target, number, arguments, instruction, times)
            if len(ends) == times:
                return ends, answer
        raise AssertionError("every child was too fast to be caught")

    return ask_while


def is_the_picture(answer):
    assert (answer.status, answer["X-Imageproxy-Error"], answer["Content-Type"]) == (200, None, "image/png"), answer
    assert pictures.decoded(answer.body).size == SIZE


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt[0])
def test_a_call_that_no_picture_needs_is_the_end(front, ask, attempt):
    ends, answer = ask(*attempt)
    assert ends == [signal.SIGSYS]
    # Another child makes it.
    is_the_picture(answer)
    assert front.process.poll() is None


def test_enough_is_tried():
    assert len(KNOWN) >= 80 and not {call[0] for call in KNOWN} & (ALLOWED - {"mmap", "mprotect", "fcntl"})


def test_a_picture_that_takes_every_child_over_is_given_up(ask, slow_picture):
    ends, answer = ask("openat", injection.number_of("openat"), (HERE, PASSWORDS), injection.CALL, times=2)
    assert ends == [signal.SIGSYS] * 2
    assert (answer.status, answer["X-Imageproxy-Error"]) == (200, "crashed"), answer
    assert answer.body.startswith(slow_picture)


def test_what_is_let_through_comes_back(ask):
    """The calls are made, and it is not for having made one that a child dies."""
    ends, answer = ask("close", injection.number_of("close"), (31,), injection.CALL)
    assert ends == [-errno.EBADF]
    is_the_picture(answer)


def test_outside_of_a_sandbox_they_work():
    """So that it is the sandbox that ends them. Only what does no harm."""
    for name, arguments, is_done in [
        ("openat", (HERE, PASSWORDS), lambda got: got >= 0), ("socket", (2, 1), lambda got: got >= 0),
        ("getpid", (), lambda got: got == sleeper.pid), ("memfd_create", (b"x\0", 0), lambda got: got >= 0),
        ("mmap", (0, 4096, 5, 0x22, -1), lambda got: got > 0), ("unshare", (0x20000,), lambda got: got == 0),
        ("ptrace", (16, 1 << 30), lambda got: got == -errno.ESRCH), ("uname", (bytes(512),), lambda got: got == 0),
    ]:
        sleeper = subprocess.Popen(["sleep", "100"])
        try:
            assert is_done(injection.Injected(sleeper.pid).call(injection.number_of(name), *arguments)), name
        finally:
            sleeper.kill()
            sleeper.wait()
