#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pipeline over kinds of pictures and widths, stage by stage, with the codecs' floor. See scripts/bench."""

import argparse
import math
import pathlib
import subprocess
import sys

from PIL import Image, ImageDraw

from photos import cropped

WIDTHS = "100,500,1600"


def with_alpha(photo):
    """A soft-edged oval of a photograph, nothing around it."""
    alpha = Image.new("L", (photo.width // 4, photo.height // 4))
    ImageDraw.Draw(alpha).ellipse((8, 8, alpha.width - 8, alpha.height - 8), fill=255)
    picture = photo.convert("RGBA")
    picture.putalpha(alpha.resize(photo.size, Image.BICUBIC))
    return picture


def frames(photo, count=24, size=(640, 426)):
    """A small picture that wanders over a large one: every frame changes in part."""
    ground = photo.resize(size, Image.LANCZOS).quantize(200, dither=Image.Dither.NONE).convert("RGB")
    sprite = cropped(photo, (120, 120))
    for number in range(count):
        frame = ground.copy()
        turn = 2 * math.pi * number / count
        frame.paste(sprite, (round(260 + 180 * math.cos(turn)), round(153 + 120 * math.sin(turn))))
        yield frame.quantize(palette=ground.quantize(256), dither=Image.Dither.NONE)


def made_pictures(sample, directory):
    """The kinds of pictures that are asked for most, all of one photograph."""
    directory.mkdir(parents=True, exist_ok=True)
    image = Image.open(sample).convert("RGB")
    photo = cropped(image, (1600, 1067))
    animation = list(frames(photo))
    made = {
        "camera-24mp-420.jpg": lambda file: cropped(image, (6000, 4000)).save(file, quality=93, subsampling=2),
        "photo-420.jpg": lambda file: photo.save(file, quality=85, subsampling=2),
        "photo-444.jpg": lambda file: photo.save(file, quality=85, subsampling=0),
        "photo-progressive.jpg": lambda file: photo.save(file, quality=85, subsampling=2, progressive=True),
        "photo.png": photo.save,
        "oval-alpha.png": lambda file: with_alpha(photo).save(file),
        "photo.webp": lambda file: photo.save(file, quality=85),
        "wanderer.gif": lambda file: animation[0].save(
            file, save_all=True, append_images=animation[1:], duration=60, loop=0, optimize=False),
    }
    for name, save in made.items():
        if not (directory / name).exists():
            save(directory / name)
    return [directory / name for name in made]


def found_pictures(directory):
    """All pictures of a directory."""
    kinds = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif"}
    files = sorted(file for file in directory.iterdir() if file.suffix.lower() in kinds)
    if not files:
        sys.exit(f"error: no pictures in {directory}")
    return files


def arguments_parser():
    """For what scripts/bench passes on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--sample", type=pathlib.Path)
    parser.add_argument("--photos", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    return parser


def wanted_pictures(arguments):
    """Those of a directory, or those made of the sample."""
    if arguments.photos:
        return found_pictures(arguments.photos)
    return made_pictures(arguments.sample, arguments.work / "pictures")


def main():
    arguments = arguments_parser().parse_args()
    files = wanted_pictures(arguments)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    print("Milliseconds of one thread: stages by the clock, job and floor as CPU time\n", flush=True)
    subprocess.run(
        [str(arguments.bin / "bench-pipeline"), "--width", WIDTHS, "--rounds", "3" if arguments.quick else "15",
         "--json", str(arguments.json), *map(str, files)], check=True)
    print(f"\n  All figures: {arguments.json}")


if __name__ == "__main__":
    main()
