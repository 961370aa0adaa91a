# SPDX-License-Identifier: Apache-2.0
"""What /proc knows about the front and its workers; and a worker alone."""

import contextlib
import glob
import os
import subprocess
import time


class Process:
    """One line of /proc, as it was when looked at."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/stat") as file:
            text = file.read()
        # The name is in brackets and may hold anything.
        self.name = text[text.index("(") + 1:text.rindex(")")]
        rest = text[text.rindex(")") + 2:].split()
        self.pid, self.state, self.parent = pid, rest[0], int(rest[1])
        self.session = int(rest[3])
        self.started = int(rest[19])

    def __repr__(self):
        return f"<{self.name} {self.pid} of {self.parent}, {self.state}>"


def everything():
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError):
                found[int(entry)] = Process(int(entry))
    return found


def descendants(pid, zombies=False):
    """All that `pid` has started, directly or not, as lists: children, grandchildren, …"""
    processes = everything()
    levels, parents = [], {pid}
    while parents:
        level = [one for one in processes.values() if one.parent in parents and (zombies or one.state != "Z")]
        if not level:
            break
        levels.append(sorted(level, key=lambda one: one.pid))
        parents = {one.pid for one in level}
    return levels


def level(pid, depth):
    levels = descendants(pid)
    return levels[depth] if len(levels) > depth else []


def launchers(front):
    return level(front, 0)


def keepers(front):
    return level(front, 1)


def children(front):
    return level(front, 2)


def alive(pid):
    try:
        return Process(pid).state not in "ZX"
    except (OSError, ValueError):
        return False


def descriptors(pid):
    """What each open descriptor of a process leads to."""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
    return found


def status(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def cpu_seconds(pid):
    """Of a process and of all its children that it has collected."""
    with open(f"/proc/{pid}/stat") as file:
        text = file.read()
    fields = text[text.rindex(")") + 2:].split()
    return sum(int(fields[index]) for index in range(11, 15)) / os.sysconf("SC_CLK_TCK")


def abandoned_directories():
    """Directories of jobs sockets on which nobody listens: what a front should have taken away."""
    with open("/proc/net/unix") as file:
        paths = {line.split()[-1] for line in file}
    return {name for name in glob.glob("/tmp/imageproxy-*") if os.path.isdir(name) and f"{name}/jobs.sock" not in paths}


def wait_until(condition, timeout=10, interval=0.02, what=None):
    """Waits for a condition to become true, and gives its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout} s: {what() if callable(what) else what or condition}"
        time.sleep(interval)


@contextlib.contextmanager
def worker(bin, path):
    """One that listens on that path, as it is started in earnest."""
    process = subprocess.Popen([str(bin / "imageproxy-worker"), "--jobs-socket", str(path)], env={"LD_BIND_NOW": "1"})
    try:
        wait_until(lambda: os.path.exists(path), what="a socket for jobs")
        yield path
    finally:
        process.terminate()
        process.wait(10)
