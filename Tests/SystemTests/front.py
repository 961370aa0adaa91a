# SPDX-License-Identifier: Apache-2.0
"""The real programs, started and stopped, with a look at what is left of them."""

import contextlib
import os
import re
import subprocess
import threading
import time
from signal import SIGKILL, SIGTERM

import pytest

import client
import pictures
import processes

#: What a front whose origin stands on this machine needs.
LOCAL = ["-allowPrivateNetworks"]
#: Of the environment, a front gets this alone, and what its test says.
INHERITED = ["PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "SWIFT_BACKTRACE"]


class Front:
    """A running `imageproxy`."""

    def __init__(self, bin, *flags, address="127.0.0.1:0", environment=None, within=()):
        """within: a command that becomes the program that is named behind it, in surroundings of its own."""
        self.binaries = bin
        self.command = [*within, str(bin / "imageproxy"), "-addr", address, *flags]
        variables = {name: os.environ[name] for name in INHERITED if name in os.environ} | (environment or {})
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables)
        self.pid = self.process.pid
        self._errors = []
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        line = self.process.stdout.readline().decode()
        match = re.fullmatch(r"imageproxy listening on (.*)\n", line)
        if not match:
            self.process.kill()
            self.process.wait()
            self._reader.join(5)
            pytest.fail(f"{self.command} said {line!r} instead of where it listens\n{self.errors}")
        self.address = match[1]
        self._workers = set()

    def _collect(self):
        for line in self.process.stderr:
            self._errors.append(line.decode(errors="replace"))

    @property
    def errors(self):
        """Standard error so far."""
        return "".join(self._errors)

    @property
    def endpoint(self):
        if self.address.startswith("unix:"):
            return self.address[5:]
        host, _, port = self.address.rpartition(":")
        return host or "127.0.0.1", int(port)

    def connect(self, timeout=30):
        return client.Connection(self.endpoint, timeout)

    def get(self, target, method="GET", headers=(), timeout=30):
        """One request on a connection of its own."""
        with self.connect(timeout) as connection:
            return connection.request(target, method, headers)

    def picture(self, target, mode="RGB"):
        """The decoded picture that a target must give."""
        answer = self.get(target)
        assert answer.status == 200, f"{target}: {answer}\n{self.errors}"
        assert answer["X-Imageproxy-Error"] is None, f"{target}: {answer}\n{self.errors}"
        return pictures.decoded(answer.body, mode)

    def family(self):
        """The pids of all that it has started."""
        return {one.pid for level in processes.descendants(self.pid) for one in level}

    def wait_for_workers(self, count):
        """Until that many workers have a launcher and a keeper."""
        processes.wait_until(
            lambda: len(processes.launchers(self.pid)) == count and len(processes.keepers(self.pid)) == count,
            what=f"{count} workers; {processes.descendants(self.pid)}\n{self.errors}")

    def descriptor_count(self):
        try:
            return len(processes.descriptors(self.pid))
        except PermissionError:
            # Only root may look into the front; it tells the number itself, with one for the connection that asks.
            text = self.get("/metrics").text
            return int(re.search(r"^process_open_fds (\d+)$", text, re.MULTILINE)[1]) - 1

    def signal(self, number):
        """Sends a signal, and remembers who must be gone when the front is."""
        self._workers |= self.family()
        self.process.send_signal(number)

    def stop(self, status=0, timeout=30, by=SIGTERM):
        """Ends it, and looks at what is left: nothing may be. `by=None`: it was told already."""
        if self.process.poll() is None and by is not None:
            self.signal(by)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"did not end {timeout} s after SIGTERM\n{self.errors}")
        self._reader.join(5)
        assert self.process.returncode == status, f"status {self.process.returncode}\n{self.errors}"
        assert "this is a bug" not in self.errors, self.errors
        self.assert_no_worker_left()

    def kill(self):
        """SIGKILL; there is nothing that somebody would have to take away."""
        self.signal(SIGKILL)
        self.process.wait()
        self._reader.join(5)

    def assert_no_worker_left(self, timeout=5):
        processes.wait_until(
            lambda: not any(processes.alive(pid) for pid in self._workers), timeout,
            what=f"workers gone: {[pid for pid in self._workers if processes.alive(pid)]}")


def run_program(bin, *arguments, environment=None, timeout=20, program="imageproxy"):
    """Runs a program that is expected to end by itself."""
    return subprocess.run(
        [str(bin / program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
        env={"PATH": os.environ["PATH"], **(environment or {})})


@contextlib.contextmanager
def in_parallel(count, work, patience=60):
    """Runs `work(index)` in threads; on leaving, waits for all and raises what the first one raised."""
    failures, threads = [], []

    def run(index):
        try:
            work(index)
        except BaseException as error:
            failures.append(error)

    for index in range(count):
        threads.append(threading.Thread(target=run, args=(index,), daemon=True))
        threads[-1].start()
    yield
    end = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
        assert not thread.is_alive(), "a client still waits"
    if failures:
        raise failures[0]
