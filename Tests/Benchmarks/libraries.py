#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pipeline beside libvips and Pillow: CPU time, bytes and SSIMULACRA2 of the same results. See scripts/bench."""

import io
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import PIL
import pyvips
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from matrix import arguments_parser, wanted_pictures

WIDTH, QUALITY = 500, 80
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF"}


def libvips(data, format):
    """What a service on libvips calls: `thumbnail`, which shrinks while it decodes."""
    pages = "n=-1" if format == "GIF" else ""
    picture = pyvips.Image.thumbnail_buffer(data, WIDTH, height=10_000, option_string=pages)
    if format == "JPEG":
        return picture.jpegsave_buffer(Q=QUALITY, keep="none")
    if format == "WEBP":
        return picture.webpsave_buffer(Q=QUALITY, keep="none")
    return picture.pngsave_buffer(keep="none") if format == "PNG" else picture.gifsave_buffer(keep="none")


def pillow(data, format):
    """`thumbnail`, which shrinks a JPEG while it decodes. Not for animations: it would have to be led through them."""
    if format == "GIF":
        return None
    picture = Image.open(io.BytesIO(data))
    picture.thumbnail((WIDTH, 10_000), Image.LANCZOS)
    out = io.BytesIO()
    picture.save(out, format, **({} if format == "PNG" else {"quality": QUALITY}))
    return out.getvalue()


class Ours:
    """The pipeline as a worker runs it, in bench-pipeline."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory

    def __call__(self, file, rounds):
        figures = self.directory / "ours.json"
        for old in self.directory.glob(f"{file.stem}-*"):
            old.unlink()
        subprocess.run(
            [str(self.program), "--options", f"{WIDTH}x,q{QUALITY},{FORMATS[file.suffix.lower()].lower()}",
             "--rounds", str(rounds), "--output", str(self.directory), "--json", str(figures), str(file)],
            check=True, capture_output=True)
        (result,) = self.directory.glob(f"{file.stem}-*")
        return json.loads(figures.read_text())[0]["pipeline"], result.read_bytes()


def timed(library, file, rounds):
    """The median CPU time of this process in milliseconds, and the result; nothing where it is left out."""
    data, format = file.read_bytes(), FORMATS[file.suffix.lower()]
    times, result = [], None
    for _ in range(rounds):
        start = time.process_time()
        result = library(data, format)
        times.append((time.process_time() - start) * 1000)
    return (statistics.median(times), result) if result else None


def on_grey(picture, size):
    """At this size, what is transparent before mid-grey."""
    if "A" not in picture.mode:
        return picture.convert("RGB").resize(size, Image.LANCZOS)
    scaled = picture.convert("RGBa").resize(size, Image.LANCZOS).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", size, (128, 128, 128)), scaled).convert("RGB")


def score(file, result, directory):
    """SSIMULACRA2 of a result, against the source decoded whole and reduced by Pillow; none for an animation."""
    source, made = Image.open(file), Image.open(io.BytesIO(result))
    if getattr(source, "is_animated", False):
        return None
    # As they are seen: the colour of what is nearly transparent counts as little as it shows.
    pair = directory / "reference.png", directory / "made.png"
    for picture, path in zip((on_grey(source, made.size), on_grey(made, made.size)), pair):
        picture.save(path, compress_level=1)
    return compute_ssimulacra2(*map(str, pair))


def compare(file, ours, rounds, each, directory):
    """All in turns; by name the CPU time, the bytes and the score."""
    found = {}
    for _ in range(rounds):
        for name, run in (("ours", ours), ("libvips", lambda *of: timed(libvips, *of)),
                          ("Pillow", lambda *of: timed(pillow, *of))):
            if one := run(file, each):
                found.setdefault(name, []).append(one)
    return {
        name: {"CPU ms": statistics.median(time for time, _ in runs), "bytes": len(runs[-1][1]),
               "score": score(file, runs[-1][1], directory)}
        for name, runs in found.items()
    }


def row(file, figures):
    cells = [file.name]
    for name in ("ours", "libvips", "Pillow"):
        one = figures.get(name)
        if not one:
            cells.append("–")
            continue
        times = "" if name == "ours" else f" ({one['CPU ms'] / figures['ours']['CPU ms']:.1f} ×)"
        score = "" if one["score"] is None else f", {one['score']:.1f}"
        cells.append(f"{one['CPU ms']:.1f} ms{times}, {one['bytes'] / 1000:.0f} kB{score}")
    return "| " + " | ".join(cells) + " |"


def main():
    arguments = arguments_parser().parse_args()
    rounds, each = (3, 3) if arguments.quick else (7, 7)
    pyvips.cache_set_max(0)
    results = {}
    print(f"To {WIDTH} pixels at quality {QUALITY}: CPU time, bytes, and"
          " SSIMULACRA2 against the whole source reduced by Pillow.\n")
    print(f"| | ours | libvips {'.'.join(str(pyvips.version(part)) for part in range(3))} | Pillow {PIL.__version__} |")
    print("|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="imageproxy-bench.") as name:
        ours = Ours(arguments.bin / "bench-pipeline", pathlib.Path(name))
        for file in wanted_pictures(arguments):
            if file.suffix.lower() in FORMATS:
                results[file.name] = compare(file, ours, rounds, each, pathlib.Path(name))
                print(row(file, results[file.name]), flush=True)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\n  All figures: {arguments.json}")


if __name__ == "__main__":
    main()
