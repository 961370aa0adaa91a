# SPDX-License-Identifier: Apache-2.0
"""What goes past libjpeg-turbo's decoder knows one version of it, and leaves files to any other as they are."""

import contextlib
import subprocess

import numpy
import pytest
from PIL import Image

import pictures
import processes
import stub_front

WIDTH, HEIGHT = 2400, 1800


def jpeg(**settings):
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = numpy.stack([x * 255 // WIDTH, y * 255 // HEIGHT, (x * y) // 7919 % 256], 2).astype(numpy.uint8)
    return pictures.encoded(Image.fromarray(pixels), "JPEG", quality=85, **settings)


@contextlib.contextmanager
def worker(program, path):
    process = subprocess.Popen([program, "--jobs-socket", path])
    try:
        processes.wait_until(path.exists)
        yield path
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def both(bin, shim, worker_with, tmp_path):
    """Sockets of a worker with the library that is there, and of one with another."""
    with worker(bin / "imageproxy-worker", tmp_path / "usual.sock") as usual:
        with worker(worker_with(shim("library")), tmp_path / "other.sock") as other:
            yield usual, other


@pytest.mark.parametrize("settings", [{}, {"subsampling": 0}, {"progressive": True}], ids=["420", "444", "progressive"])
def test_another_library_makes_the_same_pictures(both, settings):
    data = jpeg(**settings)
    for wanted in ({"width": 100}, {"width": 400}, {"width": 1000}, {"rotation": 90, "quality": 80}):
        ours, theirs = (stub_front.transform(socket, data, **wanted) for socket in both)
        assert ours.failure is None and ours.body == theirs.body, wanted


def test_another_library_is_not_gone_past(both):
    """Of a progressive file that becomes an eighth, only what goes past libjpeg needs no memory for the rest."""
    data = jpeg(progressive=True)
    ours, theirs = (stub_front.transform(socket, data, width=100) for socket in both)
    # Two bytes for each sample, of chroma a quarter as many: 12.4 MiB.
    assert theirs.memory - ours.memory > 10, (ours, theirs)
