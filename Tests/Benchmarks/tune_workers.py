#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many workers this machine wants: throughput and latency for each number of them. See scripts/tune-workers."""

import argparse
import asyncio
import itertools
import json
import os
import pathlib
import random
import re
import statistics
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "SystemTests"), str(TESTS / "FaultTests")]

import pictures  # noqa: E402
from front import LOCAL, Front  # noqa: E402
from origin import Origin, picture  # noqa: E402
from overload import Client  # noqa: E402
from queueing import mean_wait  # noqa: E402

#: Fewer workers are as good when they reach this part of the best throughput.
ENOUGH = 0.95
#: Of the capacity, for the comparison with the model.
LOADS = (0.3, 0.5, 0.7, 0.85)


class Bench:
    """A front with a number of workers, whose originals are cached: what is left is work for workers."""

    def __init__(self, bin, workers, urls, flags):
        self.front = Front(bin, *flags, "-workers", str(workers), "-cache", "memory:500", "-forceCache",
                           "-minCacheDuration", "1h")
        self.front.wait_for_workers(workers)
        for url in urls:
            answer = self.front.get(f"/{url}")
            if answer.status != 200:
                sys.exit(f"error: {url} is answered {answer.status}: {answer.text.strip()}")
        # Never the same twice: a width, and another quality for every round through the widths.
        self.targets = (f"/{200 + n % 600}x,q{20 + n // 600 % 70}/{url}" for n, url in enumerate(itertools.cycle(urls)))
        self.client = Client(self.front.endpoint)

    def close(self):
        self.client.close()
        self.front.stop()

    def stages(self):
        """Sum and count of each stage so far."""
        found = re.findall(
            r'^imageproxy_stage_duration_seconds_(sum|count)\{stage="(\w+)"\} (\S+)$', self.front.get("/metrics").text, re.M)
        return {(stage, what): float(value) for what, stage, value in found}

    async def one(self):
        answer = await self.client.get("miss", next(self.targets))
        if answer.error:
            sys.exit(f"error: a picture could not be transformed: {answer.error}")
        return answer

    async def closed(self, clients, seconds):
        """As much as it can: so many clients, each with one request at a time."""
        begin, answers = time.monotonic(), []

        async def client():
            while time.monotonic() < begin + seconds:
                answers.append(await self.one())

        await asyncio.gather(*[client() for _ in range(clients)])
        return answers, time.monotonic() - begin

    async def open(self, rate, seconds, seed=1):
        """At a rate, with the irregular distances of requests that know nothing of each other."""
        chance, end, tasks = random.Random(seed), time.monotonic() + seconds, []
        due = time.monotonic()
        while (due := due + chance.expovariate(rate)) < end:
            await asyncio.sleep(max(0, due - time.monotonic()))
            tasks.append(asyncio.create_task(self.one()))
        return await asyncio.gather(*tasks)


def milliseconds(answers, share):
    times = sorted(answer.took * 1000 for answer in answers)
    return times[min(len(times) - 1, int(share * len(times)))]


def fewest(rows):
    """The fewest workers that are as good as any number of them."""
    best = max(row["throughput"] for row in rows)
    return next(row["workers"] for row in rows if row["throughput"] >= ENOUGH * best)


def plot(rows, advised):
    """Throughput as bars, p50 and p99 as lines, against the number of workers."""
    width, height, left, right, top, bottom = 720, 380, 60, 60, 50, 50
    inner, tall = width - left - right, height - top - bottom
    most = max(row["throughput"] for row in rows) * 1.1
    slowest = max(row["p99"] for row in rows) * 1.1
    step = inner / len(rows)
    x = lambda i: left + step * (i + 0.5)  # noqa: E731
    bar = lambda value: top + tall * (1 - value / most)  # noqa: E731
    line = lambda value: top + tall * (1 - value / slowest)  # noqa: E731
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{left}" y="20" font-size="15" font-weight="bold">Pictures per second and latency by number of workers'
        "</text>",
        f'<text x="{left}" y="38" fill="#4a7ab5">■ pictures/s (left)</text>'
        f'<text x="{left + 150}" y="38" fill="#2a9d4a">● p50 ms (right)</text>'
        f'<text x="{left + 280}" y="38" fill="#c33">● p99 ms (right)</text>']
    for tick in range(5):
        y = top + tall * (1 - tick / 4)
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{y}" y2="{y}" stroke="#ddd"/>'
                     f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{most * tick / 4:.0f}</text>'
                     f'<text x="{width - right + 6}" y="{y + 4}">{slowest * tick / 4:.0f}</text>')
    for i, row in enumerate(rows):
        y = bar(row["throughput"])
        colour = "#4a7ab5" if row["workers"] == advised else "#b5cbe6"
        parts.append(f'<rect x="{x(i) - step * 0.3:.1f}" y="{y:.1f}" width="{step * 0.6:.1f}" '
                     f'height="{top + tall - y:.1f}" fill="{colour}"/>'
                     f'<text x="{x(i):.1f}" y="{top + tall + 18}" text-anchor="middle">{row["workers"]}</text>')
    for name, colour in (("p50", "#2a9d4a"), ("p99", "#c33")):
        points = [(x(i), line(row[name])) for i, row in enumerate(rows)]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
                     + " ".join(f"{px:.1f},{py:.1f}" for px, py in points) + '"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" fill="{colour}"/>' for px, py in points]
    parts.append(f'<text x="{left + inner / 2}" y="{height - 8}" text-anchor="middle">workers; dark: recommended</text></svg>')
    return "\n".join(parts) + "\n"


async def sweep(options, urls, flags):
    rows = []
    clients = 2 * options.workers
    print(f"{os.cpu_count()} cores, {clients} clients, {options.seconds:g} s each\n")
    print("workers  pictures/s   p50 ms   p99 ms")
    for workers in range(1, options.workers + 1):
        bench = Bench(options.bin, workers, urls, flags)
        try:
            await bench.closed(clients, min(1, options.seconds / 4))
            answers, took = await bench.closed(clients, options.seconds)
        finally:
            bench.close()
        done = [answer for answer in answers if answer.status == 200]
        if not done:
            sys.exit("error: no request was answered with a picture")
        row = dict(workers=workers, throughput=len(done) / took, p50=milliseconds(done, 0.5), p99=milliseconds(done, 0.99),
                   refused=len(answers) - len(done))
        rows.append(row)
        refused = f"   {row['refused']} refused" if row["refused"] else ""
        print(f"{workers:7}  {row['throughput']:10.1f}  {row['p50']:7.1f}  {row['p99']:7.1f}{refused}", flush=True)
    advised = fewest(rows)
    print(f"\n-workers {advised}: the fewest that reach {ENOUGH:.0%} of the best throughput")
    return rows, advised


async def model(options, urls, flags, workers, capacity):
    """The wait that the model foretells from how long services take, beside the one that is measured."""
    bench = Bench(options.bin, workers, urls, flags)
    rows = []
    try:
        alone, _ = await bench.closed(1, options.seconds)
        times = [answer.took for answer in alone]
        scv = statistics.pvariance(times) / statistics.mean(times) ** 2
        print(f"\n{workers} workers; services vary by a squared coefficient of {scv:.2f} (one at a time)")
        print("load   asked/s  service ms  wait ms: model  measured")
        for share in LOADS:
            before = bench.stages()
            await bench.open(share * capacity, 2 * options.seconds)
            after = bench.stages()
            gone = {key: after[key] - before.get(key, 0) for key in after}
            count = gone["queue", "count"]
            if not count:
                continue
            wait = gone["queue", "sum"] / count
            # What a worker is busy with a picture, by the front's clock.
            service = gone["transform", "sum"] / gone["transform", "count"] - wait
            rate = count / (2 * options.seconds)
            foretold = mean_wait(rate, workers, service, scv)
            rows.append(dict(load=share, rate=rate, service=service, foretold=foretold, measured=wait))
            print(f"{share:4.0%}  {rate:8.1f}  {service * 1000:10.2f}  {foretold * 1000:14.2f}  {wait * 1000:8.2f}", flush=True)
    finally:
        bench.close()
    return rows


def main():
    parser = argparse.ArgumentParser(prog="scripts/tune-workers")
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--workers", type=int, default=2 * (os.cpu_count() or 1), help="the most that are tried")
    parser.add_argument("--seconds", type=float, default=5, help="for each number of workers")
    parser.add_argument("--urls", type=pathlib.Path, help="a file with the URL of a picture in each line")
    parser.add_argument("--svg", type=pathlib.Path, default=pathlib.Path(".build/tune/workers.svg"))
    parser.add_argument("--json", type=pathlib.Path, help="where the figures go as well")
    options = parser.parse_args()
    if options.workers < 1 or options.seconds <= 0:
        parser.error("--workers and --seconds have to be above zero")
    origin, flags = None, []
    if options.urls:
        urls = [line.strip() for line in options.urls.read_text().splitlines() if line.strip() and line[0] != "#"]
        if not urls:
            sys.exit(f"error: {options.urls} has no URL in it")
        flags = LOCAL
    else:
        origin, flags = Origin(), LOCAL
        keep = {"Cache_Control": "max-age=100000"}
        urls = [origin.serve("/large.jpg", picture(pictures.jpeg(1600, 1067), **keep)),
                origin.serve("/small.jpg", picture(pictures.jpeg(800, 600), **keep))]
    try:
        rows, advised = asyncio.run(sweep(options, urls, flags))
        capacity = next(row["throughput"] for row in rows if row["workers"] == advised)
        checked = asyncio.run(model(options, urls, flags, advised, capacity))
    finally:
        if origin:
            origin.close()
    options.svg.parent.mkdir(parents=True, exist_ok=True)
    options.svg.write_text(plot(rows, advised))
    print(f"\nplot: {options.svg}")
    if options.json:
        options.json.write_text(json.dumps(dict(cores=os.cpu_count(), sweep=rows, advised=advised, model=checked), indent=2) + "\n")


if __name__ == "__main__":
    main()
