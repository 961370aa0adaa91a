# SPDX-License-Identifier: Apache-2.0
"""What a miss costs the front, by the caches that it has to go through. See scripts/bench."""

import contextlib
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "SystemTests"))
from redis_server import Redis  # noqa: E402


def written(nginx, photo, directory, path="/"):
    """A script for wrk that asks for distinct URLs of one photograph: each is fetched and transformed."""
    script = directory / f"misses{path.replace('/', '-')}.lua"
    target = f"/500x,q80/http://127.0.0.1:{nginx.origin_port}{path}{photo.name}"
    # The time makes the URLs of one run others than those of the next.
    script.write_text(f"""
        local number = 0
        request = function()
            number = number + 1
            return wrk.format("GET", "{target}?{time.time_ns()}-" .. os.time() .. os.clock() .. "-" .. number)
        end
    """)
    return script


def measure_kinds(service, bin, nginx, photo, rounds, seconds, directory):
    """CPU milliseconds of a miss, in turns: without a cache, with one in memory, and with Redis behind that.

    Of what must not be stored, Redis is asked for it and told who makes it: that is what the lease costs by itself.
    """
    paths = {"/": written(nginx, photo, directory), "/unstored/": written(nginx, photo, directory, "/unstored/")}
    with contextlib.ExitStack() as stack:
        # As servers are set up: what does not fit makes room.
        redis = Redis("--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru")
        stack.callback(redis.close)
        fronts = {
            row: (stack.enter_context(service.front(bin, *flags)), paths[path]) for row, flags, path in (
                ("no cache", [], "/"), ("memory", ["-cache", "memory"], "/"),
                ("memory and Redis", ["-cache", "memory", "-cache", redis.url], "/"),
                ("memory, not to be stored", ["-cache", "memory"], "/unstored/"),
                ("memory and Redis, not to be stored", ["-cache", "memory", "-cache", redis.url], "/unstored/"))}
        figures = {row: [] for row in fronts}
        # The first round is not counted: everything is new in it.
        for number in range(rounds + 1):
            for row, (front, script) in fronts.items():
                front.settle()
                before = front.cpu()
                count, _ = service.wrk(f"http://127.0.0.1:{front.port}/", seconds, 8, script)
                front.settle()
                own, workers = (after - start for after, start in zip(front.cpu(), before))
                if number > 0:
                    figures[row].append((own * 1000 / count, workers * 1000 / count))
    return [
        {"kind": row, "front, CPU ms": statistics.median(own for own, _ in found),
         "workers, CPU ms": statistics.median(workers for _, workers in found)}
        for row, found in figures.items()
    ]


def report(kinds, table):
    print("\nA miss by the caches that it goes through (CPU of the front)")
    first = kinds[0]["front, CPU ms"]
    table([(row["kind"], row["front, CPU ms"], f"ms, {row['front, CPU ms'] / first:.2f} x without") for row in kinds])
