# SPDX-License-Identifier: Apache-2.0
"""Each call into the kernel and for memory fails once, early and late, in the front and in its workers.

Whoever asks meanwhile gets the right picture or an honest error, the next one the right picture; no descriptor is lost,
and nobody crashes but where it says so. IMAGEPROXY_ALL_FAULTS=1 goes through every call there is, which takes long.
"""

import os
import signal

import pytest

import client
import faults
import pictures
import processes
from front import LOCAL
from origin import picture

#: Size of what is asked for by its width.
SOURCE = pictures.jpeg(300, 200)
EVERY = bool(os.environ.get("IMAGEPROXY_ALL_FAULTS"))
#: Swift ends a process that gets no memory, by design, and a digest that cannot be computed for want of it is one more
#: such case. libcurl is held to living on. hiredis 0.14 is not: it does not look whether it got its next output buffer.
LIBRARIES = ["libcurl", "libhiredis"]
MEMORY = ["malloc", "calloc", "realloc"]
#: Calls that end the front by design: libuv can do nothing without its loop and its threads, and without random numbers
#: a worker's answer could be somebody else's.
FATAL = {"epoll_ctl", "pthread_create", "getrandom"}
#: Calls that a front makes for itself and its workers at the start, and not for a request.
AT_THE_START = {"fork", "wait4", "pipe2", "eventfd"}


def numbers():
    """Which calls from the beginning of a request are tried; the caller stops when there are no more."""
    number = 1
    while True:
        yield number
        number += 1 if EVERY or number < 3 else 1 + number // 2


class Stage:
    """One front under test, which is started again should it end."""

    def __init__(self, start, origin, library, control, flags, in_workers=None):
        self.start, self.origin, self.control = start, origin, control
        self.flags = [*LOCAL, "-workers", "2", "-fetchTimeout", "3s", "-transformTimeout", "3s", *flags]
        # Swift's own look at a crash takes a second, and there is nothing that it could tell here.
        self.environment = {"SWIFT_BACKTRACE": "enable=no"}
        if not in_workers:
            self.environment |= faults.environment(library, control)
        if in_workers:
            self.flags += ["-workerProgram", in_workers]
        self.url = origin.serve("/a.jpg", picture(SOURCE, Cache_Control="max-age=1000"))
        self.keeps_pictures = "memory" in flags
        self.width, self.deaths, self.fired = 0, {}, 0
        self.open()

    def open(self):
        self.front = self.start(*self.flags, environment=self.environment)
        self.front.wait_for_workers(2)
        for _ in range(3):
            assert self.ask(self.next())
        self.base = self.descriptors()

    def descriptors(self):
        """How many there are, but for those of pictures that are cached, which only root can tell from others."""
        if not self.keeps_pictures:
            return self.front.descriptor_count()
        if os.geteuid() != 0:
            return 0
        return sum("memfd:" not in target for target in processes.descriptors(self.front.pid).values())

    def next(self):
        """What nobody has asked for yet: another width, and a source that is another to every cache."""
        self.width += 1
        return f"/{10 + self.width % 280}x/{self.url}?{self.width}", 10 + self.width % 280

    def ask(self, wanted):
        """Whether the right picture came; anything but that or an honest error ends the test."""
        target, width = wanted
        try:
            answered = self.front.get(target, timeout=30)
        except (client.Ended, ConnectionError):
            return False
        if answered.status == 200 and answered["X-Imageproxy-Error"] is None:
            assert answered["Content-Type"] == "image/jpeg"
            assert pictures.decoded(answered.body).size == (width, round(200 * width / 300)), target
            return True
        if answered.status == 200:
            # The source instead of what could not be made.
            assert answered.body == SOURCE, answered
        else:
            assert answered.status >= 500, answered
        return False

    def inject(self, call, number, error, caller="", requests=2):
        """Whether there is a call of this number in what a miss and a hit do."""
        wanted = self.next()
        self.control.fail(call, number, error, caller)
        try:
            for _ in range(requests):
                self.ask(wanted)
        finally:
            fired = self.control.end()
        self.fired += fired
        what = f"{call} {number} with {error} {caller}"
        # All is as if nothing had been.
        processes.wait_until(
            lambda: self.front.process.poll() is not None or self.ask(wanted), timeout=20,
            what=lambda: f"the picture, after {what}\n{self.front.errors}")
        if self.front.process.poll() is not None:
            self.died(call, what)
            return fired
        assert self.ask(self.next()), f"another picture, after {what}\n{self.front.errors}"
        return fired

    def died(self, call, what):
        """A new one finds nothing in its way, and nothing in the caches that is wrong."""
        assert self.front.process.returncode < 0, what
        self.deaths.setdefault(call, []).append(f"{what}: {signal.Signals(-self.front.process.returncode).name}")
        self.front.assert_no_worker_left()
        self.open()

    def sweep(self, call, callers=("",)):
        for caller in callers:
            for error in faults.ERRORS[call]:
                for number in numbers():
                    # A call late in a busy loop may be another's turn next time: twice nothing is the end.
                    if not self.inject(call, number, error, caller) and not self.inject(call, number, error, caller):
                        break
        # Connections to the origin and to Redis may be kept, or not; a worker's ticket may be out.
        processes.wait_until(
            lambda: self.descriptors() <= self.base + 6, timeout=10,
            what=lambda: f"descriptors after {call}: {self.base} before, now {self.descriptors()}")


@pytest.fixture(params=["no cache", "memory", "disk", "redis"])
def stage(request, start, origin, shim, tmp_path):
    control = faults.Control(tmp_path / "faults")
    flags = {
        "no cache": [], "memory": ["-cache", "memory"], "disk": ["-cache", str(tmp_path / "cache")],
        "redis": ["-cache", request.getfixturevalue("redis").url] if request.param == "redis" else None,
    }[request.param]
    yield Stage(start, origin, shim("faults"), control, flags)


def test_every_failing_call_in_the_front(stage):
    for call in faults.ERRORS:
        if call not in MEMORY and call not in AT_THE_START:
            stage.sweep(call)
    assert stage.deaths.keys() <= FATAL, f"{stage.deaths}\n{stage.front.errors}"
    assert stage.fired > 40


def test_want_of_memory_in_the_fronts_libraries(stage):
    for call in MEMORY:
        stage.sweep(call, LIBRARIES)
    deaths = [what for all in stage.deaths.values() for what in all if "libhiredis" not in what]
    assert not deaths, f"{deaths}\n{stage.front.errors}"
    assert stage.fired > 10


@pytest.mark.parametrize("call", [
    "malloc", "calloc", "mmap", "memfd_create", "write", "sendmsg", "recvmsg", "fcntl", "accept4", "epoll_wait", "fork",
    "wait4", "poll"])
def test_every_failing_call_in_a_worker(start, origin, shim, worker_with, tmp_path, call):
    """Whatever becomes of the worker's processes, the front has somebody else do the work."""
    control = faults.Control(tmp_path / "faults")
    tmp_path.chmod(0o755)
    worker = worker_with(shim("faults"), FAULT_CONTROL=control.path)
    stage = Stage(start, origin, shim("faults"), control, [], in_workers=worker)
    stage.sweep(call)
    assert not stage.deaths and stage.fired > 0
    stage.front.wait_for_workers(2)
