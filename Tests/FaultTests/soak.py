# SPDX-License-Identifier: Apache-2.0
"""Asks for everything in turn, for long, and looks whether the front and its workers grow. Run by scripts/soak."""

import argparse
import asyncio
import itertools
import os
import pathlib
import random
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "SystemTests"))

import pictures  # noqa: E402
import processes  # noqa: E402
import redis_server  # noqa: E402
from front import LOCAL, Front  # noqa: E402
from origin import Origin, picture  # noqa: E402

#: What a request is, and how often of a hundred.
SHARES = {"hit": 70, "miss": 10, "passed": 4, "wrong": 8, "aborted": 4, "slow": 2, "purge": 2}
#: What the front and its workers may grow by after the first quarter of the run: MB, MB for 100,000 requests, descriptors.
#: The first is what malloc's arenas take and give back between two looks.
GROWTH, SLOPE, DESCRIPTORS = 6, 1, 12


class Soak:
    def __init__(self, bin, connections):
        self.connections = connections
        self.origin = Origin()
        self.directory = tempfile.mkdtemp(prefix="soak-")
        self.redis = redis_server.Redis("--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru")
        self.front = Front(
            bin, *LOCAL, "-workers", "2", "-adminAddr", f"127.0.0.1:{redis_server.free_port()}",
            "-cache", "memory:8", "-cache", f"file://{self.directory}?size=20MB", "-cache", self.redis.url,
            "-denyHosts", "denied.example", "-fetchTimeout", "5s")
        self.front.wait_for_workers(2)
        self.admin = self.front.command[self.front.command.index("-adminAddr") + 1].rpartition(":")[2]
        keep = {"Cache_Control": "max-age=100000"}
        self.good = [self.origin.serve(f"/{n}.jpg", picture(pictures.jpeg(320, 200, quality=60 + n), **keep)) for n in range(8)]
        broken = self.origin.serve("/broken.jpg", picture(pictures.jpeg(320, 200)[:3000]))
        html = self.origin.serve("/page.jpg", picture(b"<html>", "image/jpeg"))
        bomb = self.origin.serve("/bomb.png", picture(pictures.png_header(100_000, 100_000), "image/png"))
        self.wrong = [
            f"/50x/{broken}", f"/50x/{html}", f"/50x/{bomb}", f"/50x/{self.origin.url('/missing')}",
            "/50x/http://denied.example/a.jpg", "/50x/http://127.0.0.1:1/a.jpg", "/50x/ftp://a/b", "/%zz", "/nothing"]
        self.hits = [f"/{30 + n % 25}x/{self.good[n % 8]}" for n in range(100)]
        self.numbers = itertools.count()
        self.counts = dict.fromkeys(SHARES, 0)
        self.done = 0
        self.samples = []

    def close(self):
        self.front.stop()
        self.redis.close()
        self.origin.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def target(self, kind):
        number = next(self.numbers)
        if kind == "hit":
            return random.choice(self.hits)
        if kind == "passed":
            return f"/{random.choice(self.good)}?{number % 500}"
        if kind == "wrong":
            return random.choice(self.wrong)
        # Never the same twice, and not a new original each time.
        return f"/{20 + number % 280}x,q{10 + number // 280 % 90}/{random.choice(self.good)}?{number // 25200}"

    async def client(self, until):
        """One connection after another, a few hundred requests each."""
        kinds, weights = list(SHARES), list(SHARES.values())
        reader = writer = None
        while not until():
            kind = random.choices(kinds, weights)[0]
            if writer is None or kind == "aborted" or random.random() < 0.005:
                if writer:
                    writer.close()
                reader, writer = await asyncio.open_connection(*self.front.endpoint, limit=1 << 20)
            head = f"GET {self.target(kind)} HTTP/1.1\r\nHost: soak\r\n\r\n".encode()
            if kind == "purge":
                await self.purge(random.choice(self.good))
            elif kind == "aborted":
                writer.write(head)
                await writer.drain()
                await asyncio.sleep(random.random() * 0.01)
                writer.transport.abort()
                writer = None
            else:
                if kind == "slow":
                    writer.write(head[:20])
                    await asyncio.sleep(0.05)
                    head = head[20:]
                writer.write(head)
                status, closes = await self.answer(reader)
                assert status < 500 or kind == "wrong" or status == 503, f"{kind}: {status}"
                if closes:
                    writer.close()
                    writer = None
            self.counts[kind] += 1
            self.done += 1
        if writer:
            writer.close()

    async def answer(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        await reader.readexactly(int(fields.get("content-length", 0)))
        return int(head.split(" ", 2)[1]), fields.get("connection") == "close"

    async def purge(self, url):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.admin), limit=1 << 20)
        writer.write(f"PURGE /{url} HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n".encode())
        status, _ = await self.answer(reader)
        assert status == 200, f"PURGE: {status}"
        writer.close()

    def look(self):
        """Requests so far, then memory in MB and descriptors of the front and of its lasting workers' processes."""
        lasting = [one.pid for level in processes.descendants(self.front.pid)[:2] for one in level]
        memory = [resident(self.front.pid), sum(resident(pid) for pid in lasting)]
        self.samples.append((self.done, *memory, self.front.descriptor_count()))

    async def watch(self, until, interval):
        print("  seconds   requests  req/s  front MB  workers MB  descriptors", flush=True)
        start = time.monotonic()
        while not until():
            await asyncio.sleep(interval)
            await asyncio.get_running_loop().run_in_executor(None, self.look)
            count, front, workers, descriptors = self.samples[-1]
            passed = time.monotonic() - start
            print(f"{passed:9.0f} {count:10} {count / passed:6.0f} {front:9.1f} {workers:11.1f} {descriptors:12}", flush=True)

    async def run(self, requests, seconds):
        end = time.monotonic() + seconds if seconds else float("inf")
        until = lambda: self.done >= requests or time.monotonic() >= end  # noqa: E731
        interval = min(30, seconds / 12) if seconds else 30
        await asyncio.gather(self.watch(until, interval), *[self.client(until) for _ in range(self.connections)])

    def verdict(self):
        """What has grown too much; nothing, if all is well."""
        rest = self.samples[len(self.samples) // 4:]
        third = max(1, len(rest) // 3)
        first, last = ([statistics.median(column) for column in zip(*part)] for part in (rest[:third], rest[-third:]))
        allowed = GROWTH + SLOPE * (last[0] - first[0]) / 100_000
        found = []
        for name, column, bound in (("front MB", 1, allowed), ("workers MB", 2, allowed), ("descriptors", 3, DESCRIPTORS)):
            growth = last[column] - first[column]
            print(f"{name:12} grew by {growth:6.1f}, {bound:5.1f} allowed ({first[column]:.1f} to {last[column]:.1f})")
            if growth > bound:
                found.append(name)
        return found


def resident(pid):
    with processes.contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    soak = Soak(options.bin.resolve(), options.connections)
    try:
        asyncio.run(soak.run(options.requests, options.seconds))
        print(f"{soak.done} requests: " + ", ".join(f"{count} {kind}" for kind, count in soak.counts.items()))
        found = soak.verdict()
    finally:
        soak.close()
    if found:
        sys.exit(f"error: these have grown beyond what is allowed: {', '.join(found)}; see the table above")


if __name__ == "__main__":
    main()
