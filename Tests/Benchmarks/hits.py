# SPDX-License-Identifier: Apache-2.0
"""What a hit costs the front, by where it is found and by what is said about it. See scripts/bench."""

import contextlib
import pathlib
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "SystemTests"))
from redis_server import Redis  # noqa: E402

#: Name of the row, flags, and fields of each request. What is said is said about hits in memory.
SAID = [
    ("memory, -diagnosticHeaders cache", ["-diagnosticHeaders", "cache"], ()),
    ("memory, -diagnosticHeaders cache,timing,request", ["-diagnosticHeaders", "cache,timing,request"], ()),
    ("memory, requests with traceparent", [], ["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]),
    ("memory, -accessLogFile", ["-accessLogFile", "{directory}/access.log"], ()),
    ("memory, asked for with a condition (304)", [], ["If-None-Match: *"]),
]


def measure_kinds(service, bin, nginx, photo, rounds, seconds, is_full):
    """CPU microseconds of a hit, in turns: in memory, on disk, in Redis; with `is_full`, with what answers and logs say."""
    target = f"/500x,q80/http://127.0.0.1:{nginx.origin_port}/{photo.name}"
    with tempfile.TemporaryDirectory(prefix="imageproxy-bench-hits.") as name, contextlib.ExitStack() as stack:
        redis = Redis()
        stack.callback(redis.close)
        kinds = [
            ("memory", ["-cache", "memory"], ()), ("disk", ["-cache", f"{name}/cache"], ()),
            ("Redis", ["-cache", redis.url], ()),
        ]
        if is_full:
            kinds += [(row, ["-cache", "memory", *(flag.format(directory=name) for flag in flags)], fields)
                      for row, flags, fields in SAID]
        fronts = []
        for row, flags, fields in kinds:
            front = stack.enter_context(service.front(bin, *flags))
            url = f"http://127.0.0.1:{front.port}{target}"
            script = None
            if fields:
                script = pathlib.Path(name) / f"{len(fronts)}.lua"
                pairs = (field.partition(": ") for field in fields)
                script.write_text("".join(f'wrk.headers["{key}"] = "{value}"\n' for key, _, value in pairs))
            # The first answer is made; what goes to disk or to Redis is there a moment after it.
            service.processes.wait_until(lambda: is_hit(service, front, target), timeout=20)
            fronts.append((row, front, url, script, made(service, front)))
        figures = {row: [] for row, *_ in fronts}
        for _ in range(rounds):
            for row, front, url, script, _ in fronts:
                before = front.cpu()[0]
                count, rate = service.wrk(url, seconds, 32, script)
                figures[row].append(((front.cpu()[0] - before) * 1e6 / count, rate))
        for row, front, _, _, before in fronts:
            assert made(service, front) == before, f"{row}: not every request was a hit"
    return [
        {"kind": row, "CPU us": statistics.median(cpu for cpu, _ in found),
         "requests per second": statistics.median(rate for _, rate in found)}
        for row, found in figures.items()
    ]


def made(service, front):
    """How many pictures the front has had made."""
    page = service.get(front.port, "/metrics").decode()
    return sum(int(line.rpartition(" ")[2]) for line in page.splitlines()
               if line.startswith("imageproxy_transformations_total{"))


def is_hit(service, front, target):
    before = made(service, front)
    assert b" 200 OK" in service.get(front.port, target)[:20]
    return before > 0 and made(service, front) == before


def report(kinds, table):
    print("\nThe same hit by where it is found, and by what is said about it (CPU of the front)")
    memory = kinds[0]["CPU us"]
    table([(row["kind"], row["CPU us"], f"us, {row['CPU us'] / memory:.2f} x memory") for row in kinds])
