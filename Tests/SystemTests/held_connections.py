# SPDX-License-Identifier: Apache-2.0
"""Holds many connections to a front that never finish a request, and finds out what each costs it.

Used by the tests with some, and by scripts/held-connections with as many as wanted.
"""

import argparse
import collections
import pathlib
import resource
import statistics
import time

import origin as origins
import pictures
import processes
from front import LOCAL, Front

#: Bytes of the front's memory that a connection may cost.
LIMIT = 12_000

Figures = collections.namedtuple("Figures", "held bytes_each asked answered alone_ms beside_ms")


def resident(front):
    return int(processes.status(front.pid)["VmRSS"].split()[0]) * 1024


def ask(front, target, count=40):
    """Times of some requests that others make, in ms, and how many were answered."""
    times, answered = [], 0
    with front.connect() as connection:
        for _ in range(count):
            begin = time.monotonic()
            answered += connection.request(target).status == 200
            times.append((time.monotonic() - begin) * 1000)
    return statistics.median(times), answered


def measure(front, target, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 100), hard))
    alone, first = ask(front, target)
    before = resident(front)
    held = []
    try:
        for _ in range(count):
            held.append(front.connect())
        processes.wait_until(lambda: connections(front) > count, what=f"{count} connections")
        # All kinds of clients that take their time: silent ones, half a request line, half a head. Last of all, because
        # the front has ten seconds of patience with these.
        for number, connection in enumerate(held):
            connection.send(["", "GET / HT", f"GET {target} HTTP/1.1\r\nHost: a\r\nX: {'x' * 200}\r\n"][number % 3])
        beside, second = ask(front, target)
        each = (resident(front) - before) / count
        assert connections(front) > count / 3, "those that said nothing were dropped"
        return Figures(count, each, 80, first + second, alone, beside)
    finally:
        for connection in held:
            connection.close()


def connections(front):
    """Those that are open, the one that asks among them."""
    line = next(line for line in front.get("/metrics").text.splitlines() if line.startswith("imageproxy_connections "))
    return int(line.split()[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    origin = origins.Origin()
    url = origin.serve("/a.jpg", pictures.flat(200, 100))
    front = Front(arguments.bin, *LOCAL, "-workers", "1")
    try:
        figures = measure(front, f"/100x/{url}", arguments.count)
    finally:
        front.stop()
        origin.close()
    print(f"{figures.held} connections held: {figures.bytes_each:.0f} bytes of the front's memory each (limit {LIMIT})")
    print(f"others: {figures.answered} of {figures.asked} requests answered, median {figures.alone_ms:.1f} ms before, "
          f"{figures.beside_ms:.1f} ms beside them")
    raise SystemExit(figures.bytes_each > LIMIT or figures.answered < figures.asked)


if __name__ == "__main__":
    main()
