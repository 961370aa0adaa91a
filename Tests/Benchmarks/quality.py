#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bytes, CPU time and SSIMULACRA2 of every format and setting on photographs, in Markdown. See scripts/quality."""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

from PIL import Image
from ssimulacra2 import compute_ssimulacra2_with_alpha


def score(reference, file, directory):
    """SSIMULACRA2: 100 is the same picture, 90 looks the same, 70 is good, 50 fair."""
    decoded = directory / "decoded.png"
    Image.open(file).convert("RGB").save(decoded, compress_level=1)
    return compute_ssimulacra2_with_alpha(str(reference), str(decoded))


def references(photos, width, directory):
    """The photographs at this width, as files that lose nothing. They are numbered: two may have the same name."""
    for number, photo in enumerate(photos):
        try:
            image = Image.open(photo).convert("RGB")
        except OSError as error:
            raise SystemExit(f"error: {photo} cannot be read as a picture: {error}")
        file = directory / f"{number}.png"
        image.resize((width, round(image.height * width / image.width)), Image.LANCZOS).save(file, compress_level=1)
        yield file


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("photos", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="imageproxy-quality.") as name:
        directory = pathlib.Path(name)
        pictures = list(references(arguments.photos, arguments.width, directory))
        made = directory / "made"
        made.mkdir()
        lines = subprocess.run(
            [str(arguments.bin / "bench-encoders"), str(made), *map(str, pictures)],
            check=True, capture_output=True, text=True).stdout.splitlines()
        rows = {}
        for line in lines:
            setting, file, count, time = line.split("\t")
            number = int(pathlib.Path(file).name.split("-")[0])
            rows.setdefault(setting, []).append({
                "picture": str(arguments.photos[number]), "bytes": int(count), "ms": float(time),
                "score": score(pictures[number], file, directory)})
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"{len(pictures)} photograph{'s'[:len(pictures) - 1]}, {arguments.width} pixels wide; sums of bytes, means of CPU time and score.\n")
    print("| setting | bytes | CPU ms | SSIMULACRA2 | worst |\n|---|---:|---:|---:|---:|")
    for setting, row in rows.items():
        scores = [one["score"] for one in row]
        print(f"| {setting} | {sum(one['bytes'] for one in row):,} | {statistics.mean(one['ms'] for one in row):.2f} "
              f"| {statistics.mean(scores):.1f} | {min(scores):.1f} |")


if __name__ == "__main__":
    main()
