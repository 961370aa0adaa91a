#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the whole service costs: CPU time and throughput of misses and hits, memory, start. See scripts/bench.

Everything that is compared is measured in turns in one run: machines are noisy, and ratios less so than figures.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from PIL import Image

from photos import cropped

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "SystemTests"))
import processes  # noqa: E402

import hits as hit_kinds  # noqa: E402
import misses as miss_kinds  # noqa: E402

#: What is to be reached, by the name of the figure.
GOALS = {
    "libjpeg-turbo alone, ratio to its floor": 1.12,
    "ratio to libjpeg-turbo's floor": 0.92,
    "libjpeg-turbo alone, ratio to its floor (large)": 1.05,
    "ratio to libjpeg-turbo's floor (large)": 0.75,
    "with fork, IPC and sandbox, ratio to libjpeg-turbo's floor": 1.25,
    "miss, ratio to libjpeg-turbo's floor": 1.25,
    "hit, CPU ratio to nginx": 1.2,
    "worker memory above idle, MB": 16,
    "start to first answer, ms": 50,
}


def log(text):
    print(f"\033[1m▸ {text}\033[0m", file=sys.stderr, flush=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


# Pictures


def made_photos(source, directory):
    """From one photograph: one of the size that many web pages have, and one as cameras make them."""
    directory.mkdir(parents=True, exist_ok=True)
    small, large = directory / "photo-1600x1067.jpg", directory / "photo-6000x4000.jpg"
    if not (small.exists() and large.exists()):
        log("making photographs of 1600x1067 and 6000x4000 pixels")
        image = Image.open(source).convert("RGB")
        for file, size, quality in ((large, (6000, 4000), 93), (small, (1600, 1067), 85)):
            cropped(image, size).save(file, "JPEG", quality=quality, subsampling=2)
    return small, large


def found_photos(directory):
    """The JPEG files of a directory: the first of at most 3 megapixels, and the first of at least 12."""
    small = large = None
    for file in sorted(directory.glob("*.jpg")):
        with Image.open(file) as image:
            area = image.width * image.height
            if image.format != "JPEG" or image.mode != "RGB":
                continue
        if small is None and 1_000_000 <= area <= 3_000_000:
            small = file
        if large is None and area >= 12_000_000:
            large = file
    if not small or not large:
        sys.exit(f"error: {directory} needs a JPEG of 1 to 3 megapixels and one of at least 12")
    return small, large


def megapixels(file):
    with Image.open(file) as image:
        return image.width * image.height / 1e6


# Programs


class Front:
    def __init__(self, bin, *flags, port=None):
        self.port = port or free_port()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [str(bin / "imageproxy"), "-addr", f"127.0.0.1:{self.port}", "-allowPrivateNetworks", *flags],
            stdout=subprocess.DEVNULL, stderr=self.errors)
        self.pid = self.process.pid

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-2000:]

    def cpu(self):
        """Seconds so far: of the front itself, and of all its workers with the children that they have collected."""
        workers = processes.launchers(self.pid) + processes.keepers(self.pid)
        # The front has collected no worker, so what it says of children is nothing.
        return processes.cpu_seconds(self.pid), sum(processes.cpu_seconds(one.pid) for one in workers)

    def settle(self):
        """Until no child is at work any more, so that all time has been accounted for."""
        processes.wait_until(lambda: not processes.children(self.pid), timeout=30)
        time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@contextlib.contextmanager
def front(bin, *flags):
    one = Front(bin, *flags)
    try:
        processes.wait_until(
            lambda: answers(one.port), timeout=10, interval=0.001, what=lambda: f"the front answers\n{one.said()}")
        yield one
    finally:
        one.stop()


def answers(port, target="/health-check"):
    with contextlib.suppress(OSError):
        return b" 200 OK" in get(port, target)[:20]


def get(port, target):
    """A whole answer, on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        parts = []
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


#: Of the files that it serves.
TYPES = "types { image/jpeg jpg; image/png png; image/gif gif; image/webp webp; image/tiff tif tiff; image/bmp bmp; }"


class Nginx:
    """Two servers: an origin of files, and a cache in front of it. One process each that does the work."""

    def __init__(self, directory, files):
        self.directory = directory
        self.origin_port, self.cache_port = free_port(), free_port()
        self.processes = [self._start("origin", f"""
            server {{
                listen 127.0.0.1:{self.origin_port};
                location / {{ root {files}; add_header Cache-Control max-age=86400; }}
                location /unstored/ {{ alias {files}/; add_header Cache-Control no-store; }}
            }}
        """), self._start("cache", f"""
            proxy_cache_path {directory}/cache levels=1:2 keys_zone=a:10m max_size=1g;
            server {{
                listen 127.0.0.1:{self.cache_port};
                location / {{ proxy_pass http://127.0.0.1:{self.origin_port}; proxy_cache a; }}
            }}
        """)]
        processes.wait_until(lambda: answers(self.origin_port, "/ready") and answers(self.cache_port, "/ready"))

    def _start(self, name, servers):
        file = self.directory / f"{name}.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "".join(f"{kind}_temp_path {self.directory}/{name}-{kind};" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        file.write_text(f"""
            {user} worker_processes 1; daemon off; pid {self.directory}/{name}.pid; error_log {self.directory}/{name}.log;
            events {{ worker_connections 1024; }}
            http {{
                access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; {TYPES}
                {temporary} {servers}
            }}
        """)
        return subprocess.Popen(
            [shutil.which("nginx") or "/usr/sbin/nginx", "-e", f"{self.directory}/{name}.log", "-c", str(file)])

    def cpu(self):
        """Seconds of the cache's worker so far."""
        return sum(processes.cpu_seconds(one.pid) for one in processes.level(self.processes[1].pid, 0))

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait(10)


def wrk(url, seconds, connections, script=None):
    """Loads one URL, or those that a script makes; gives the number of answers and of those in a second."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    if script:
        command += ["-s", str(script)]
    output = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"error: not every request was answered with 200:\n{output}")
    count = int(re.search(r"(\d+) requests in", output)[1])
    return count, float(re.search(r"Requests/sec: *([\d.]+)", output)[1])


# Measurements


def measure_pipeline(program, photos, quick, directory):
    """CPU time of the pipeline alone, against the codecs: in one process, without the service around it."""
    result = directory / "pipeline.json"
    subprocess.run(
        [str(program), "--json", str(result), *(["--rounds", "11"] if quick else []), *map(str, photos)],
        check=True, stdout=subprocess.DEVNULL)
    return json.loads(result.read_text())


def measure_alone(bin, photo, quick, directory):
    """One picture after the other, without fetching: what the service adds to the pipeline is a request on a connection
    that is open, the job's way to a worker and back, and a sandboxed process.

    In turns with the pipeline and its floors.
    """
    rounds, pictures = (3, 100) if quick else (7, 200)
    target = "/500x,q80/http://imageproxy.invalid/sample.jpg"
    found = []
    with front(bin, "-samplePhoto", str(photo)) as one:
        # The first round is not counted: everything is new in it.
        for _ in range(rounds + 1):
            [floors] = measure_pipeline(bin / "bench-pipeline", [photo], quick, directory)
            one.settle()
            before = one.cpu()
            connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=30)
            for _ in range(pictures):
                connection.request("GET", target)
                answer = connection.getresponse()
                assert answer.status == 200 and answer.read(2) == b"\xff\xd8"
                answer.read()
            connection.close()
            one.settle()
            own, workers = ((after - start) * 1000 / pictures for after, start in zip(one.cpu(), before))
            found.append((own, workers, floors))

    def median(value):
        return statistics.median(value(*row) for row in found[1:])

    return {
        "front, CPU ms": median(lambda own, workers, floors: own),
        "workers, CPU ms": median(lambda own, workers, floors: workers),
        "CPU ms": median(lambda own, workers, floors: own + workers),
        "beyond the pipeline, ms": median(lambda own, workers, floors: own + workers - floors["pipeline"]),
        # Not of pictures that no planes are made of.
        "ratio to stock": median(lambda own, workers, floors: (own + workers) / floors.get("stock", float("nan"))),
    }


def measure_misses(bin, nginx, photo, seconds, directory):
    """Distinct URLs of one photograph: each is fetched and transformed."""
    script = miss_kinds.written(nginx, photo, directory)
    with front(bin) as one:
        url = f"http://127.0.0.1:{one.port}/"
        wrk(url, 1, 4, script)
        one.settle()
        before = one.cpu()
        count, rate = wrk(url, seconds, 8, script)
        one.settle()
        own, workers = (after - start for after, start in zip(one.cpu(), before))
    return {
        "requests": count, "requests per second": rate, "front, CPU ms": own * 1000 / count,
        "workers, CPU ms": workers * 1000 / count, "CPU ms": (own + workers) * 1000 / count,
    }


def measure_hits(bin, nginx, photo, files, rounds, seconds):
    """One variant from the memory cache, and nginx's cache with the very same bytes, in turns."""
    target = f"/500x,q80/http://127.0.0.1:{nginx.origin_port}/{photo.name}"
    with front(bin, "-cache", "memory") as one:
        head, _, body = get(one.port, target).partition(b"\r\n\r\n")
        assert b" 200 OK" in head and body.startswith(b"\xff\xd8")
        (files / "variant.jpg").write_bytes(body)
        assert get(nginx.cache_port, "/variant.jpg").endswith(body)
        ours, theirs = [], []
        for _ in range(rounds):
            before = one.cpu()[0]
            count, rate = wrk(f"http://127.0.0.1:{one.port}{target}", seconds, 32)
            ours.append(((one.cpu()[0] - before) * 1e6 / count, rate))
            before = nginx.cpu()
            count, rate = wrk(f"http://127.0.0.1:{nginx.cache_port}/variant.jpg", seconds, 32)
            theirs.append(((nginx.cpu() - before) * 1e6 / count, rate))
        memory = int(processes.status(one.pid)["VmHWM"].split()[0]) / 1024

    def median(rows, column):
        return statistics.median(row[column] for row in rows)

    return {
        "bytes": len(body), "CPU us": median(ours, 0), "requests per second": median(ours, 1),
        "nginx, CPU us": median(theirs, 0), "nginx, requests per second": median(theirs, 1), "front, peak MB": memory,
    }


def measure_memory(bin, nginx, photo):
    """The highest memory of the child that makes a small picture of a large one, and of a keeper that waits."""
    peaks = []
    with front(bin, "-workers", "1") as one:
        keeper = processes.wait_until(lambda: processes.keepers(one.pid))[0]
        get(one.port, f"/100x/http://127.0.0.1:{nginx.origin_port}/{photo.name}")
        idle = int(processes.status(keeper.pid)["VmRSS"].split()[0]) / 1024
        for number in range(3):
            target = f"/{500 + number}x,q80/http://127.0.0.1:{nginx.origin_port}/{photo.name}"
            with socket.create_connection(("127.0.0.1", one.port), 30) as connection:
                connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                child = processes.wait_until(lambda: processes.children(one.pid), interval=0.0005)[0]
                peak = 0
                with contextlib.suppress(OSError, KeyError, ValueError):
                    while True:
                        peak = max(peak, int(processes.status(child.pid)["VmHWM"].split()[0]) / 1024)
                connection.recv(1)
            peaks.append(peak)
        one.settle()
        front_peak = int(processes.status(one.pid)["VmHWM"].split()[0]) / 1024
    return {
        "worker, peak MB": max(peaks), "keeper, idle MB": idle, "front, peak MB": front_peak,
        "source MB": photo.stat().st_size / 1e6, "source megapixels": megapixels(photo),
    }


def measure_start(bin, photo, times):
    """From exec to the first answer, and to the first picture."""
    first, pictures = [], []
    for _ in range(times):
        port = free_port()
        start = time.perf_counter()
        one = Front(bin, "-workers", "2", "-samplePhoto", str(photo), port=port)
        while not answers(port):
            pass
        first.append((time.perf_counter() - start) * 1000)
        assert answers(port, "/100x/http://imageproxy.invalid/sample.jpg")
        pictures.append((time.perf_counter() - start) * 1000)
        one.stop()
    return {"first answer, ms": statistics.median(first), "first picture, ms": statistics.median(pictures)}


# Report


def table(rows):
    width = max(len(row[0]) for row in rows) + 2
    for name, value, unit in rows:
        goal = GOALS.get(name)
        shown = f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
        note = f"  (to reach: {goal})" if goal is not None else ""
        print(f"  {name:<{width}}{shown:>9} {unit}{note}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--sample", type=pathlib.Path)
    parser.add_argument("--photos", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    quick, bin = arguments.quick, arguments.bin

    small, large = (
        found_photos(arguments.photos) if arguments.photos else made_photos(arguments.sample, arguments.work / "photos"))
    with tempfile.TemporaryDirectory(prefix="imageproxy-bench.") as name:
        directory = pathlib.Path(name)
        files = directory / "files"
        files.mkdir()
        (files / "ready").write_text("ready")
        for photo in (small, large):
            shutil.copy(photo, files)

        log("the pipeline against the codecs")
        pipeline = measure_pipeline(bin / "bench-pipeline", [small, large], quick, directory)
        log("the service: one picture after the other, without fetching")
        alone = measure_alone(bin, small, quick, directory)
        nginx = Nginx(directory, files)
        try:
            log("the service: misses")
            misses = measure_misses(bin, nginx, small, 5 if quick else 20, directory)
            log("the service: hits, in turns with nginx")
            hits = measure_hits(bin, nginx, small, files, 3 if quick else 7, 2 if quick else 4)
            log("the service: hits by where they are found")
            kinds = hit_kinds.measure_kinds(
                sys.modules[__name__], bin, nginx, small, 3 if quick else 7, 1 if quick else 3, arguments.full)
            by_cache = None
            if arguments.full:
                log("the service: misses by the caches that they go through")
                by_cache = miss_kinds.measure_kinds(
                    sys.modules[__name__], bin, nginx, small, 3 if quick else 7, 2 if quick else 4, directory)
            log("memory and start")
            memory = measure_memory(bin, nginx, large)
        finally:
            nginx.stop()
        start = measure_start(bin, small, 5 if quick else 21)

    figures = {
        "machine": {"cores": os.cpu_count(), "kernel": os.uname().release, "quick": quick},
        "photographs": {"small": small.name, "large": large.name},
        "pipeline": pipeline, "alone": alone, "misses": misses, "hits": hits, "hits by kind": kinds,
        "misses by cache": by_cache, "memory": memory, "start": start,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    report(figures)
    print(f"\n  All figures: {arguments.json}")


def report(figures):
    misses, hits, memory, start = (figures[key] for key in ("misses", "hits", "memory", "start"))
    small, large = figures["pipeline"]
    print("\nThe pipeline, 500 pixels wide, quality 80 (CPU time of one thread)")
    for row, note in ((small, ""), (large, " (large)")):
        figures_of_row = [(pathlib.Path(row["file"]).name, row["pipeline"], "ms"),
                          ("ratio to the same decoder's floor", row["ratio"], "")]
        # Not of pictures that no planes are made of.
        if row.get("stock"):
            figures_of_row += [
                (f"libjpeg-turbo alone, ratio to its floor{note}", row["stockPipeline"] / row["stock"], ""),
                (f"ratio to libjpeg-turbo's floor{note}", row["pipeline"] / row["stock"], "")]
        table(figures_of_row)
    alone = figures["alone"]
    print("\nOne picture after the other, not fetched (all processes)")
    table([
        ("CPU per picture", alone["CPU ms"], "ms"),
        ("of which front", alone["front, CPU ms"], "ms"),
        ("of which workers", alone["workers, CPU ms"], "ms"),
        ("beyond the pipeline", alone["beyond the pipeline, ms"], "ms"),
        ("with fork, IPC and sandbox, ratio to libjpeg-turbo's floor", alone["ratio to stock"], ""),
    ])
    print("\nThe whole service, misses: fetched, transformed, answered (all processes)")
    floors = [(f"miss, ratio to {whose} floor", misses["CPU ms"] / small[key], "")
              for whose, key in (("libjpeg-turbo's", "stock"), ("the same decoder's", "floor")) if small.get(key)]
    table([
        ("requests per second", misses["requests per second"], "on this machine, with the origin and the client on it"),
        ("CPU per request", misses["CPU ms"], "ms"),
        ("of which front", misses["front, CPU ms"], "ms"),
        ("of which workers", misses["workers, CPU ms"], "ms"),
    ] + floors)
    if figures["misses by cache"]:
        miss_kinds.report(figures["misses by cache"], table)
    print(f"\nThe whole service, hits in memory: {hits['bytes']:,} bytes")
    table([
        ("requests per second", hits["requests per second"], f"(nginx: {hits['nginx, requests per second']:,.0f})"),
        ("CPU per request", hits["CPU us"], f"us (nginx: {hits['nginx, CPU us']:.1f})"),
        ("hit, CPU ratio to nginx", hits["CPU us"] / hits["nginx, CPU us"], ""),
    ])
    hit_kinds.report(figures["hits by kind"], table)
    print(f"\nMemory, a photograph of {memory['source megapixels']:.0f} megapixels, {memory['source MB']:.1f} MB, to 500 pixels")
    table([
        ("worker, peak MB", memory["worker, peak MB"], ""),
        ("worker memory above idle, MB", memory["worker, peak MB"] - memory["keeper, idle MB"], ""),
        ("front, peak MB", memory["front, peak MB"], ""),
    ])
    print("\nStart, with 2 workers")
    table([("start to first answer, ms", start["first answer, ms"], ""),
           ("start to first picture, ms", start["first picture, ms"], "")])


if __name__ == "__main__":
    main()
