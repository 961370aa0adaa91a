#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The queueing model beside a real front and its queue, without the machine's cores in between: workers that sleep.

    /usr/bin/python3 Tests/Benchmarks/queue_check.py --bin DIRECTORY

What a worker does with a picture is replaced by a sleep, so a few cores are enough for many workers, and what is measured is
how jobs are queued and handed out. scripts/tune-workers measures the same with real work.
"""

import argparse
import asyncio
import pathlib
import random
import sys
import tempfile
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "SystemTests"), str(TESTS / "FaultTests")]

import pictures  # noqa: E402
import stub_worker  # noqa: E402
from front import LOCAL, Front  # noqa: E402
from origin import Origin, picture  # noqa: E402
from overload import Client  # noqa: E402
from queueing import mean_wait  # noqa: E402
from tune_workers import Bench  # noqa: E402

#: Seconds of a service, mean.
SERVICE = 0.05
LOADS = (0.5, 0.7, 0.85)


class Sleepers(stub_worker.StubWorkers):
    """Workers that take their time, and answer with one picture; its size is what was asked for."""

    def __init__(self, path, count, draw):
        super().__init__(path)
        self.body = pictures.flat(40, 20)
        for _ in range(count):
            threading.Thread(target=self._work, args=(draw,), daemon=True).start()

    def _work(self, draw):
        while ticket := self._next():
            try:
                ticket.greet()
                if job := ticket.take():
                    time.sleep(draw())
                    ticket.send(stub_worker.reply(job.nonce, width=40, height=20, size=len(self.body)),
                                stub_worker.memory(self.body))
                    ticket.hung_up(5)
            except OSError:
                pass
            finally:
                ticket.close()


class Sleeping(Bench):
    """A `Bench` whose front has such workers."""

    def __init__(self, bin, directory, workers, draw, url):
        self.sleepers = Sleepers(f"{directory}/jobs-{time.monotonic_ns()}.sock", workers, draw)
        self.front = Front(bin, *LOCAL, "-jobsSocket", self.sleepers.socket.getsockname(), "-cache", "memory", "-maxQueueWait",
                           "1m")
        assert self.front.get(f"/{url}").status == 200
        self.targets = (f"/40x20,q{1 + n % 100}/{url}?{n}" for n in range(10**6))
        self.client = Client(self.front.endpoint)

    def close(self):
        super().close()
        self.sleepers.close()


async def asked(bench, rate, seconds):
    try:
        await bench.open(rate, seconds)
        return bench.stages()
    finally:
        bench.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    origin = Origin()
    url = origin.serve("/a.jpg", picture(pictures.flat(80, 40), Cache_Control="max-age=100000"))
    print("workers  services     load   asked/s  service ms  wait ms: model  measured")
    with tempfile.TemporaryDirectory() as directory:
        for workers in (1, 4):
            for name, scv, draw in (("even", 0, lambda: SERVICE), ("exponential", 1, lambda: random.expovariate(1 / SERVICE))):
                for load in LOADS:
                    bench = Sleeping(options.bin, directory, workers, draw, url)
                    gone = asyncio.run(asked(bench, load * workers / SERVICE, options.seconds))
                    count = gone["queue", "count"]
                    wait, rate = gone["queue", "sum"] / count, count / options.seconds
                    service = gone["transform", "sum"] / gone["transform", "count"] - wait
                    print(f"{workers:7}  {name:11}  {load:4.0%}  {rate:8.1f}  {service * 1e3:10.2f}  "
                          f"{mean_wait(rate, workers, service, scv) * 1e3:14.2f}  {wait * 1e3:8.2f}", flush=True)
    origin.close()


if __name__ == "__main__":
    main()
