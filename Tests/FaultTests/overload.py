# SPDX-License-Identifier: Apache-2.0
"""Ten times more than the workers can do: what is answered, how fast, and what becomes of those who ask for little.

Run by scripts/overload, which prints the figures; the tests look at the answers alone.
"""

import argparse
import asyncio
import itertools
import os
import pathlib
import random
import statistics
import sys
import time

import numpy
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "SystemTests"))

import pictures  # noqa: E402
import processes  # noqa: E402
from front import LOCAL, Front  # noqa: E402
from origin import Origin, picture  # noqa: E402


class Answer:
    def __init__(self, kind, status, retry_after, error, began, ended):
        self.kind, self.status, self.retry_after, self.error = kind, status, retry_after, error
        self.began, self.ended = began, ended

    @property
    def took(self):
        return self.ended - self.began


class Client:
    """Asks over connections that are kept; a request that finds none free opens another."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.free = []
        self.answers = []

    async def get(self, kind, target):
        began = time.monotonic()
        reader, writer = self.free.pop() if self.free else await asyncio.open_connection(*self.endpoint, limit=1 << 20)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        await reader.readexactly(int(fields.get("content-length", 0)))
        answer = Answer(
            kind, int(head.split(" ", 2)[1]), fields.get("retry-after"), fields.get("x-imageproxy-error"), began,
            time.monotonic())
        self.answers.append(answer)
        self.free.append((reader, writer))
        return answer

    async def at_rate(self, rate, seconds, kind, targets):
        """Asks at a rate, whatever becomes of it; returns when all is answered."""
        start, tasks = time.monotonic(), []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0, start + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(self.get(kind, next(targets))))
        await asyncio.gather(*tasks)

    def close(self):
        for _, writer in self.free:
            writer.close()


class Load:
    """A front with a memory cache and originals in it: all that is left to do is work for the workers."""

    def __init__(self, bin, workers):
        self.origin = Origin()
        keep = {"Cache_Control": "max-age=100000"}
        pixels = numpy.tile(pictures.scene(1000, 1000), (2, 3, 1))
        large = pictures.encoded(Image.fromarray(pixels), "PNG", compress_level=1)
        self.large = self.origin.serve("/large.png", picture(large, "image/png", **keep))
        self.small = self.origin.serve("/small.jpg", picture(pictures.jpeg(1200, 800), **keep))
        self.front = Front(bin, *LOCAL, "-workers", str(workers), "-cache", "memory:200")
        self.front.wait_for_workers(workers)
        for url in (self.large, self.small):
            assert self.front.get(f"/{url}").status == 200
        self.hit = f"/33x/{self.small}"
        assert self.front.get(self.hit).status == 200
        numbers = itertools.count()
        # Never the same twice: width, and a quality for every round through the widths. They are mixed, as a wide one is
        # more work: what is asked for while capacity is measured has to be like what is asked for later.
        self.large_targets = (f"/{100 + 337 * n % 800}x,q{10 + n // 800}/{self.large}" for n in numbers)
        self.small_targets = (f"/{100 + 337 * n % 800}x,q{10 + n // 800}/{self.small}" for n in numbers)
        self.client = Client(self.front.endpoint)

    def close(self):
        self.front.stop()
        self.origin.close()

    def cpu(self):
        """Seconds of CPU so far: of the workers, of the front, and of this process, which is clients and origin."""
        return numpy.array([
            sum(processes.cpu_seconds(one.pid) for one in processes.keepers(self.front.pid)),
            processes.cpu_seconds(self.front.pid), time.process_time()])

    def mixed_targets(self, share, seed=1):
        """Large ones with a probability, small ones otherwise; with their kind."""
        choice = random.Random(seed)
        while True:
            yield ("large", next(self.large_targets)) if choice.random() < share else ("small", next(self.small_targets))

    async def capacity(self, seconds, workers):
        """Jobs a second when there is always one more to do."""
        end, done = time.monotonic() + seconds, 0

        async def one():
            nonlocal done
            while time.monotonic() < end:
                answer = await self.client.get("alone", next(self.large_targets))
                assert answer.status == 200, answer.status
                done += 1

        start = time.monotonic()
        await asyncio.gather(*[one() for _ in range(3 * workers)])
        return done / (time.monotonic() - start)

    async def flood(self, rate, seconds, hit_rate):
        """Misses at a rate, and beside them a few who ask for what is cached."""
        before = len(self.client.answers)
        await asyncio.gather(
            self.client.at_rate(rate, seconds, "miss", self.large_targets),
            self.client.at_rate(hit_rate, seconds, "hit", itertools.repeat(self.hit)))
        return self.client.answers[before:]

    async def mixed_flood(self, rate, seconds):
        before, start, tasks, targets = len(self.client.answers), time.monotonic(), [], self.mixed_targets(0.3)
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0, start + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(self.client.get(*next(targets))))
        await asyncio.gather(*tasks)
        return self.client.answers[before:]


def check(answers):
    """What must be so however slow the machine is."""
    for answer in answers:
        assert answer.error is None, answer.error
        if answer.kind == "hit":
            assert answer.status == 200, f"a hit was answered {answer.status}"
        else:
            assert answer.status in (200, 503), answer.status
            assert (answer.status == 503) == (answer.retry_after is not None), "503 and Retry-After belong together"


def quantiles(answers):
    times = sorted(answer.took * 1000 for answer in answers)
    if not times:
        return "none"
    at = lambda share: times[min(len(times) - 1, int(share * len(times)))]  # noqa: E731
    return f"p50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms, max {times[-1]:.1f} ms"


def shares(used):
    names = ("workers", "front", "clients")
    return "of the CPU used " + ", ".join(f"{name} {100 * one / sum(used):.0f} %" for name, one in zip(names, used))


async def measure(load, workers, seconds, factor):
    try:
        await figures(load, workers, seconds, factor)
    finally:
        load.client.close()


async def figures(load, workers, seconds, factor):
    used = load.cpu()
    capacity = await load.capacity(seconds / 2, workers)
    used = load.cpu() - used
    cost = used[0] / len(load.client.answers)
    alone = statistics.median(
        [(await load.client.get("alone", next(load.large_targets))).took for _ in range(5)])
    print(f"capacity                {capacity:.1f} jobs/s, {alone * 1000:.0f} ms for one alone; {shares(used)}")

    used, start = load.cpu(), time.monotonic()
    answers = await load.flood(capacity * factor, seconds, 20)
    used = load.cpu() - used
    check(answers)
    misses = [answer for answer in answers if answer.kind == "miss"]
    # Counted while the flood lasts, and not from its first second, in which the queue fills.
    done = [a for a in misses if a.status == 200 and start + 1 <= a.ended <= start + seconds]
    goodput = len(done) / (seconds - 1)
    print(f"asked                   {factor} times that for {seconds} s: {len(misses)} requests")
    print(f"goodput                 {goodput:.1f} jobs/s, {100 * goodput / capacity:.0f} % of capacity")
    # What others take of the machine changes how fast the workers are, but not what a job costs them.
    served = sum(a.status == 200 for a in misses)
    print(f"CPU meanwhile           {shares(used)}; {100 * cost * served / used[0]:.0f} % of what that gave before")
    print(f"answered 200            {quantiles([a for a in misses if a.status == 200])}")
    print(f"answered 503            {quantiles([a for a in misses if a.status == 503])}")
    print(f"hits meanwhile          {quantiles([a for a in answers if a.kind == 'hit'])}")

    # `flood` has waited for its last answer: the time since then counts, too.
    ended = start + seconds
    while True:
        answer = await load.client.get("after", next(load.large_targets))
        if answer.status == 200 and answer.took < 2 * alone + 0.05:
            break
        await asyncio.sleep(0.05)
    print(f"normal again            {answer.ended - ended:.1f} s after the last request of the flood")

    answers = await load.mixed_flood(capacity * factor, seconds)
    check(answers)
    for kind in ("small", "large"):
        asked = [a for a in answers if a.kind == kind]
        done = [a for a in asked if a.status == 200]
        print(f"mixed, {kind:5}            {100 * len(done) / len(asked):.0f} % of {len(asked)} answered 200: {quantiles(done)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--factor", type=float, default=10)
    options = parser.parse_args()
    load = Load(options.bin, options.workers)
    try:
        asyncio.run(measure(load, options.workers, options.seconds, options.factor))
    finally:
        load.close()


if __name__ == "__main__":
    main()
