#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CPU time of a picture that no cache has, in turns with another program that takes the same URLs. See scripts/bench."""

import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import service
from matrix import arguments_parser, wanted_pictures
from service import processes

OPTIONS = ("500x", "100x100,sc", "1200x,q80")


class Other:
    """A program that is started as the original is, with all the time that it and what it starts have taken."""

    def __init__(self, program, flags):
        self.port = service.free_port()
        self.process = subprocess.Popen(
            [program, "-addr", f"127.0.0.1:{self.port}", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.wait_until(lambda: service.answers(self.port), timeout=30, what=lambda: f"{program} answers")

    def cpu(self):
        """Seconds so far, of the program and of what it has started."""
        pids = [self.process.pid] + [one.pid for level in processes.descendants(self.process.pid) for one in level]
        return sum(processes.cpu_seconds(pid) for pid in pids)

    def settle(self):
        time.sleep(0.2)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def picture(port, options, url):
    head, _, body = service.get(port, f"/{options}/{url}?{time.time_ns()}").partition(b"\r\n\r\n")
    return body if head.startswith(b"HTTP/1.1 200") else None


def cost(program, cpu, options, url, at_least):
    """Milliseconds of CPU time a picture and the bytes of one, over so many that the clock's ticks do not matter."""
    program.settle()
    before, count = cpu(), 0
    body = b""
    while count < 3 or cpu() - before < at_least:
        body = picture(program.port, options, url)
        if body is None:
            return None
        count += 1
    program.settle()
    return (cpu() - before) * 1000 / count, len(body)


def compare(front, other, url, options, rounds, at_least):
    """Both in turns: the medians and the least and the greatest ratio, or nothing when one of them cannot do it."""
    ours, theirs = [], []
    for _ in range(rounds):
        their = cost(other, other.cpu, options, url, at_least)
        own = cost(front, lambda: sum(front.cpu()), options, url, at_least)
        if own is None or their is None:
            return {"ours": own is not None, "other": their is not None}
        ours.append(own)
        theirs.append(their)
    ratios = [their[0] / own[0] for own, their in zip(ours, theirs)]
    return {
        "ours, CPU ms": statistics.median(row[0] for row in ours), "ours, bytes": ours[-1][1],
        "other, CPU ms": statistics.median(row[0] for row in theirs), "other, bytes": theirs[-1][1],
        "ratio": statistics.median(ratios), "least ratio": min(ratios), "greatest ratio": max(ratios),
    }


def row(name, options, figures):
    if "ratio" not in figures:
        cannot = " and ".join(who for who, can in (("we", figures["ours"]), ("the other", figures["other"])) if not can)
        return f"{name:<24} {options:<12} not answered with a picture: {cannot}"
    return (
        f"{name:<24} {options:<12} {figures['other, CPU ms']:>9.1f} {figures['ours, CPU ms']:>9.2f}"
        f" {figures['ratio']:>7.1f} ({figures['least ratio']:.1f} to {figures['greatest ratio']:.1f})"
        f" {figures['other, bytes']:>10,} {figures['ours, bytes']:>10,}")


def main():
    parser = arguments_parser()
    parser.add_argument("program")
    parser.add_argument("flags", nargs="*")
    arguments = parser.parse_args()
    program = shutil.which(arguments.program)
    if not program:
        sys.exit(f"error: {arguments.program} is no program")

    pictures = wanted_pictures(arguments)
    rounds, at_least = (3, 0.1) if arguments.quick else (5, 0.5)
    results = []
    with tempfile.TemporaryDirectory(prefix="imageproxy-bench.") as name:
        files = pathlib.Path(name) / "files"
        files.mkdir()
        (files / "ready").write_text("ready")
        for file in pictures:
            shutil.copy(file, files)
        nginx = service.Nginx(pathlib.Path(name), files)
        other = None
        try:
            other = Other(program, arguments.flags)
            with service.front(arguments.bin) as front:
                print(f"{'CPU of a picture that no cache has, ms':<37} {'other':>9} {'ours':>9} {'ratio':>7}"
                      f" {'bytes: other':>25} {'ours':>10}", flush=True)
                for file in pictures:
                    for options in OPTIONS:
                        url = f"http://127.0.0.1:{nginx.origin_port}/{file.name}"
                        figures = compare(front, other, url, options, rounds, at_least)
                        results.append({"picture": file.name, "options": options, **figures})
                        print(row(file.name, options, figures), flush=True)
        finally:
            if other:
                other.stop()
            nginx.stop()
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\n  All figures: {arguments.json}")


if __name__ == "__main__":
    main()
