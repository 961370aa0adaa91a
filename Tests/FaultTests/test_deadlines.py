# SPDX-License-Identifier: Apache-2.0
"""A job ends soon after its deadline has passed, wherever it is just then. No time is taken: looks at the clock count."""

import struct

import pytest
from PIL import Image

import pictures
import sources
from front import LOCAL

WIDTH, HEIGHT = 360, 270
#: Looks at the clock that a job of this size takes at least. The fewest are those of what a codec does in one go, and
#: tells of now and then: an animation's frames, a WebP's planes. Measured: 9 and more.
FEWEST_LOOKS = 6


def picture(alpha=False):
    image = Image.fromarray(pictures.scene(WIDTH, HEIGHT))
    if alpha:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def moving(form):
    frames = [picture().rotate(turn) for turn in (0, 5, 10, 15)]
    if form == "GIF":
        frames = [frame.quantize(64) for frame in frames]
    return pictures.encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=50, loop=0)


KINDS = {
    "jpeg": lambda: pictures.encoded(picture(), "JPEG", quality=90),
    "jpeg-progressive": lambda: pictures.encoded(picture(), "JPEG", quality=90, progressive=True),
    "jpeg-cmyk": lambda: pictures.encoded(picture().convert("CMYK"), "JPEG", quality=90),
    "png": lambda: pictures.encoded(picture(), "PNG"),
    "png-alpha": lambda: pictures.encoded(picture(alpha=True), "PNG"),
    "webp": lambda: pictures.encoded(picture(), "WEBP", quality=80),
    "webp-alpha": lambda: pictures.encoded(picture(alpha=True), "WEBP", quality=80),
    "webp-lossless": lambda: pictures.encoded(picture(), "WEBP", lossless=True),
    "tiff": lambda: pictures.encoded(picture(), "TIFF"),
    "tiff-deflate": lambda: pictures.encoded(picture(), "TIFF", compression="tiff_adobe_deflate"),
    "gif": lambda: pictures.encoded(picture().quantize(128), "GIF"),
    "gif-animated": lambda: moving("GIF"),
    "webp-animated": lambda: moving("WEBP"),
    "bmp": lambda: pictures.encoded(picture(), "BMP"),
    "avif": lambda: sources.avif("--yuv", "420", picture=picture()),
}
OPTIONS = ["160x", "160x,jpeg", "160x,png", "160x,webp", "160x,gif", "r90,q80", "r90,tiff", "trim,160x,bmp",
           "sc,120x120,avif"]


@pytest.fixture
def front(start, shim, worker_with):
    front = start(*LOCAL, "-workers", "2", "-workerProgram", worker_with(shim("looks")))
    front.wait_for_workers(2)
    return front


def with_looks(data, looks):
    """The picture, and behind its end how often its job may look at the clock before it is too late."""
    mark = b"LOOKS:%d\0" % looks
    # What follows the last box of an AVIF has to be one.
    return data + (struct.pack(">I", 8 + len(mark)) + b"free" if data[4:8] == b"ftyp" else b"") + mark


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_ends_wherever_its_deadline_passes(front, origin, kind):
    data = KINDS[kind]()
    for options in OPTIONS:
        # The first one is when the deadline is reckoned.
        looks = 1
        while True:
            url = origin.serve(f"/{options}-{looks}", with_looks(data, looks))
            answer = front.get(f"/{options}/{url}")
            if answer.status == 200 and answer["X-Imageproxy-Error"] is None:
                break
            # Not "crashed", which is what goes on regardless.
            assert (answer.status, answer["X-Imageproxy-Error"]) == (200, "too-slow"), (options, looks)
            # Dense at first, where a job changes from one part to the next.
            looks += max(1, looks // 4)
        assert looks >= FEWEST_LOOKS, options
