# SPDX-License-Identifier: Apache-2.0
"""Rows stream: what a large picture takes beyond its file does not grow with it, where its format allows that."""

import subprocess

import numpy
import pytest
from PIL import Image

import pictures
import processes
import stub_front

#: A PNG is unpacked at once if that makes 32 MiB or less: this one is more.
WIDTH, HEIGHT = 4000, 3000
#: MiB beyond a small picture's and the file's own. Measured: 2.2; one plane of the picture would be 11, all of it 34.
MOST = 4


def picture():
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = numpy.stack([x * 255 // WIDTH, y * 255 // HEIGHT, (x + y) // 9 % 256], 2).astype(numpy.uint8)
    pixels[::7, ::5] ^= 31
    return Image.fromarray(pixels)


KINDS = {
    "jpeg-420": ("JPEG", {"quality": 85, "subsampling": 2}), "jpeg-444": ("JPEG", {"quality": 85, "subsampling": 0}),
    "jpeg-gray": ("JPEG", {"mode": "L"}), "jpeg-cmyk": ("JPEG", {"mode": "CMYK"}),
    "png": ("PNG", {"compress_level": 1}), "png-alpha": ("PNG", {"mode": "RGBA", "compress_level": 1}),
    "bmp": ("BMP", {}), "tiff": ("TIFF", {}),
    "tiff-deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}), "tiff-lzw": ("TIFF", {"compression": "tiff_lzw"}),
}


@pytest.fixture(scope="module")
def worker(bin, tmp_path_factory):
    path = tmp_path_factory.mktemp("worker") / "jobs.sock"
    process = subprocess.Popen([bin / "imageproxy-worker", "--jobs-socket", path])
    processes.wait_until(path.exists)
    yield path
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def usual(worker):
    """MiB of a child that has next to nothing to do."""
    return stub_front.transform(worker, pictures.encoded(picture().resize((40, 30)), "JPEG"), width=20).memory


@pytest.fixture(scope="module")
def large():
    return picture()


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_picture_takes_no_more_memory_than_its_rows(worker, usual, large, kind):
    name, settings = KINDS[kind]
    settings = dict(settings)
    data = pictures.encoded(large.convert(settings.pop("mode", "RGB")), name, **settings)
    for form in ("jpeg", "png", "webp"):
        outcome = stub_front.transform(worker, data, width=500, form=form)
        assert outcome.failure is None and outcome.size == (500, 375), outcome
        assert outcome.memory - usual - len(data) / 2**20 < MOST, (form, outcome)
