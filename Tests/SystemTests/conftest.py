# SPDX-License-Identifier: Apache-2.0
"""What the tests start from.

IMAGEPROXY_BIN names the directory that holds `imageproxy` and `imageproxy-worker`; scripts/test sets it.
"""

import io
import os
import pathlib
import subprocess

import numpy
import pytest
from PIL import Image

import origin as origins
import pictures
import processes
import redis_server
from front import LOCAL, Front


@pytest.fixture(scope="session")
def bin():
    """The directory of the programs."""
    directory = os.environ.get("IMAGEPROXY_BIN")
    assert directory, "set IMAGEPROXY_BIN to the directory of the programs, or run scripts/test"
    directory = pathlib.Path(directory).resolve()
    for name in ("imageproxy", "imageproxy-worker"):
        assert os.access(directory / name, os.X_OK), f"{directory / name} is no program"
    return directory


@pytest.fixture
def start(bin):
    """Starts fronts; stops all of them at the end, and looks for what they left behind."""
    before = processes.abandoned_directories()
    running = []

    def start_front(*flags, **settings):
        front = Front(bin, *flags, **settings)
        running.append(front)
        return front

    yield start_front
    failure = None
    for front in running:
        try:
            if front.process.returncode is None:
                front.stop()
        except BaseException as error:  # the others have to be stopped all the same
            failure = failure or error
    if failure:
        raise failure
    processes.wait_until(
        lambda: not processes.abandoned_directories() - before, timeout=2,
        what=f"directories removed: {processes.abandoned_directories() - before}")


@pytest.fixture
def worker(bin, tmp_path):
    """Starts workers that listen on a path of their own."""
    started = []

    def start_worker(path, *flags, **streams):
        one = subprocess.Popen(
            [str(bin / "imageproxy-worker"), "--jobs-socket", str(path), *flags], env={}, **streams)
        started.append(one)
        processes.wait_until(lambda: os.path.exists(path), what="a socket for jobs")
        return one

    yield start_worker
    for one in started:
        if one.poll() is None:
            one.terminate()
        one.wait(5)


@pytest.fixture(scope="module")
def shared_origin():
    """One origin for all tests of a file."""
    server = origins.Origin()
    yield server
    server.close()


@pytest.fixture(scope="module")
def shared_front(bin):
    """One front for all tests of a file that do it no harm; its end is checked as every other's."""
    front = Front(bin, *LOCAL, "-workers", "2")
    yield front
    front.stop()


@pytest.fixture
def origin():
    server = origins.Origin()
    yield server
    server.close()


@pytest.fixture
def redis():
    server = redis_server.Redis()
    yield server
    server.close()


@pytest.fixture
def traps():
    """Listeners that nobody may connect to; checked at the end of the test."""
    opened = []

    def open_trap(family, address):
        trap = origins.Trap(family, address)
        opened.append(trap)
        return trap

    yield open_trap
    for trap in opened:
        trap.close()


@pytest.fixture(scope="session")
def slow_picture():
    """A picture that keeps a child busy for the better part of a second: a PNG of 20 megapixels."""
    tile = pictures.scene(1000, 1000)
    image = Image.fromarray(numpy.tile(tile, (4, 5, 1)))
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


