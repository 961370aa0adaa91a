# SPDX-License-Identifier: Apache-2.0
"""The service beside other programs: the same pictures, the same sizes, PSNR and SSIM. See scripts/differential."""

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
from PIL import Image, ImageOps

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/SystemTests"))
import pictures  # noqa: E402
from front import LOCAL, Front  # noqa: E402
from origin import Origin  # noqa: E402

Image.MAX_IMAGE_PIXELS = None
#: Longer sides are brought down to this before other formats are made of a picture: some encoders take their time.
LONGEST = 1600
FORMATS = ["jpeg", "png", "webp", "tiff", "gif", "bmp", "avif"]
PEERS = ["Pillow", "libvips", "ImageMagick"]

#: The least that PSNR in decibels and SSIM may be, by the transform and by what the result's format loses. The three do not
#: agree with each other by more than that: edges, roundings and where they shrink JPEG while decoding are each one's own.
FLOORS = {
    "kept": {"exact": (45, 0.99), "lossy": (29, 0.84)},
    "half": {"exact": (37, 0.97), "lossy": (30, 0.9)},
    "thumbnail": {"exact": (30, 0.97), "lossy": (28, 0.93)},
    "cut": {"exact": (38, 0.97), "lossy": (28, 0.84)},
    "turned": {"exact": (37, 0.97), "lossy": (30, 0.9)},
}
LOSSY = {"webp", "avif", "gif"}


def transforms(width, height):
    """Name, the service's options, and the steps for the others: crop box, size, turn counter-clockwise."""
    half, small = (max(1, width // 2), max(1, height // 2)), (max(1, width // 7), max(1, height // 7))
    box = (width // 8, height // 5, width // 2, height // 2)
    yield "kept", "r360", None, None, 0
    yield "half", f"{half[0]}x{half[1]}", aspect(width, height, *half), half, 0
    yield "thumbnail", f"{small[0]}x{small[1]}", aspect(width, height, *small), small, 0
    yield "cut", f"cx{box[0]},cy{box[1]},cw{box[2]},ch{box[3]}", box, None, 0
    yield "turned", f"{half[0]}x{half[1]},r90", aspect(width, height, *half), half, 90


def aspect(width, height, to_width, to_height):
    """What the service keeps of a picture when its sides do not divide evenly: left, top, width and height."""
    if width * to_height < to_width * height:
        kept = int(max(1, width * to_height / to_width) + 0.5)
        return 0, (height - kept) // 2, width, kept
    kept = int(max(1, height * to_width / to_height) + 0.5)
    return (width - kept) // 2, 0, kept, height


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(map(str, command))}: {done.stderr.strip()}")


def read(path):
    with Image.open(path) as image:
        image.load()
        return ImageOps.exif_transpose(image).convert("RGB")


def by_pillow(source, work, box, size, turn):
    image = read(source)
    if box:
        image = image.crop((box[0], box[1], box[0] + box[2], box[1] + box[3]))
    if size:
        image = image.resize(size, Image.LANCZOS)
    return image.rotate(turn, expand=True)


def by_vips(source, work, box, size, turn):
    """A step, a file: its command line knows no more at a time."""
    step, now = 0, source

    def then(operation, *arguments, before=()):
        nonlocal step, now
        step += 1
        run("vips", operation, *before, now, work / f"v{step}.png", *arguments)
        now = work / f"v{step}.png"

    then("autorot")
    if box:
        then("crop", *box)
    if size:
        then("thumbnail", size[0], "--height", size[1], "--size", "force", "--no-rotate")
    if turn:
        then("rot", "d270")
    return read(now)


def by_magick(source, work, box, size, turn):
    steps = ["-auto-orient"]
    if box:
        steps += ["-crop", f"{box[2]}x{box[3]}+{box[0]}+{box[1]}", "+repage"]
    if size:
        steps += ["-filter", "Lanczos", "-resize", f"{size[0]}x{size[1]}!"]
    run("convert-im6.q16", f"{source}[0]", *steps, *(["-rotate", str(-turn)] if turn else []), work / "m.png")
    return read(work / "m.png")


PROGRAMS = {"Pillow": by_pillow, "libvips": by_vips, "ImageMagick": by_magick}


def ssim(first, second):
    """Of brightness, by windows of eight pixels, each a step of four from the next."""
    def windows(image):
        values = numpy.asarray(image.convert("L"), float)
        side = min(8, *values.shape)
        return numpy.lib.stride_tricks.sliding_window_view(values, (side, side))[::4, ::4]

    a, b = windows(first), windows(second)
    axes = (2, 3)
    mean_a, mean_b = a.mean(axes), b.mean(axes)
    both = (a * b).mean(axes) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(((2 * mean_a * mean_b + c1) * (2 * both + c2)
                  / ((mean_a ** 2 + mean_b ** 2 + c1) * (a.var(axes) + b.var(axes) + c2))).mean())


def written(picture, form, path):
    """The picture in a format, by another program than ours."""
    if form == "avif":
        picture.save(path.with_suffix(".png"))
        run("avifenc", "--speed", "9", "--min", "5", "--max", "15", path.with_suffix(".png"), path)
    elif form == "gif":
        picture.quantize(255).save(path, "GIF")
    else:
        picture.save(path, form.upper(), **{"jpeg": {"quality": 92}, "webp": {"quality": 90}}.get(form, {}))
    return path


def readable(path, form, work):
    """The same for programs that know no AVIF."""
    if form != "avif":
        return path
    run("avifdec", path, work / "decoded.png")
    return work / "decoded.png"


def result(front, url, options, word, work):
    answer = front.get(f"/{options},{word}/{url}", timeout=120)
    if answer.status != 200 or answer["X-Imageproxy-Error"]:
        sys.exit(f"error: /{options},{word}/{url}: {answer}")
    path = work / f"ours.{word}"
    path.write_bytes(answer.body)
    if word == "avif":
        run("avifdec", path, work / "ours.png")
        path = work / "ours.png"
    return read(path)


def compare(front, origin, name, picture, work):
    """Every source format to itself and to PNG, which adds nothing of its own. Yields what is below its floor."""
    for form in FORMATS:
        source = written(picture, form, work / f"source.{form}")
        url = origin.serve(f"/{name}.{form}", source.read_bytes())
        peers_source = readable(source, form, work)
        for transform, options, box, size, turn in transforms(*picture.size):
            theirs = {peer: PROGRAMS[peer](peers_source, work, box, size, turn) for peer in PEERS}
            for word in dict.fromkeys(["png", form]):
                ours = result(front, url, options, word, work)
                floor = FLOORS[transform]["lossy" if word in LOSSY else "exact"]
                for peer in PEERS:
                    psnr, likeness = pictures.psnr(ours, theirs[peer]), ssim(ours, theirs[peer])
                    is_low = psnr < floor[0] or likeness < floor[1]
                    print(f"{name:18} {form:5} {word:5} {transform:10} {peer:12} {psnr:6.1f} {likeness:7.4f}"
                          f"{'  below ' + str(floor) if is_low else ''}", flush=True)
                    if is_low:
                        yield name, form, word, transform, peer


def opened(path):
    picture = read(path)
    picture.thumbnail((LONGEST, LONGEST), Image.LANCZOS, reducing_gap=3)
    return picture


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--drawn", action="store_true")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    wanted = parser.parse_args()
    named = []
    if wanted.quick or wanted.drawn:
        named.append(("drawn", Image.fromarray(pictures.scene(600, 400) if wanted.quick else pictures.scene())))
    named += [(path.stem.replace(" ", "-")[:18], opened(path)) for path in wanted.files]
    if not named:
        sys.exit("error: no picture to compare; see scripts/differential --help")
    low = []
    with contextlib.ExitStack() as stack:
        work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origin = Origin()
        stack.callback(origin.close)
        front = Front(pathlib.Path(os.environ["IMAGEPROXY_BIN"]).resolve(), *LOCAL, "-workers", "1")
        stack.callback(front.stop)
        print(f"{'picture':18} {'from':5} {'to':5} {'transform':10} {'against':12} {'PSNR':>6} {'SSIM':>7}")
        for name, picture in named:
            low += compare(front, origin, name, picture, work)
    if low:
        sys.exit(f"error: {len(low)} below their floor, see above")


if __name__ == "__main__":
    main()
