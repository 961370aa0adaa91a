# SPDX-License-Identifier: Apache-2.0
"""-jpegOptimize and -jpegProgressive: other files, the same pictures; and settings of encoders that are read anew."""

import io

import numpy
import pytest
from PIL import Image

import pictures
import processes
from front import LOCAL
from pictures import decoded
from test_reload import reload


def progressive(body):
    return bool(Image.open(io.BytesIO(body)).info.get("progressive"))


def same(first, second):
    return (numpy.asarray(decoded(first)) == numpy.asarray(decoded(second))).all()


@pytest.fixture
def urls(origin):
    """A JPEG, which stays in planes; a PNG, which does not; and options for both, one to keep a JPEG's coefficients."""
    photo = origin.serve("/a.jpg", pictures.jpeg(400, 300, quality=90))
    page = origin.serve("/a.png", pictures.encoded(Image.fromarray(pictures.scene(400, 300)), "PNG"))
    return [f"/200x/{photo}", f"/200x,jpeg/{page}", f"/200x,sc,r90/{photo}", f"/jpeg/{photo}"]


def test_a_coding_of_jpeg_changes_the_bytes_and_not_the_picture(start, urls):
    plain = start(*LOCAL, "-workers", "1")
    optimized = start(*LOCAL, "-workers", "1", "-jpegOptimize")
    scans = start(*LOCAL, "-workers", "1", environment={"IMAGEPROXY_JPEGPROGRESSIVE": "true"})
    for url in urls:
        expected, smaller, scanned = (front.get(url).body for front in (plain, optimized, scans))
        assert not progressive(expected) and not progressive(smaller) and progressive(scanned), url
        assert len(smaller) < len(expected), url
        assert same(expected, smaller) and same(expected, scanned), url


def test_settings_of_encoders_are_read_anew(start, urls, origin, tmp_path):
    settings = tmp_path / "imageproxy.conf"
    settings.write_text("")
    front = start(*LOCAL, "-workers", "1", "-config", str(settings), "-cache", "memory")
    front.wait_for_workers(1)
    workers = [one.pid for one in processes.keepers(front.pid)]
    before = front.get(urls[0]).body
    avif = origin.serve("/b.jpg", pictures.jpeg(300, 200))
    fast = front.get(f"/100x,avif/{avif}").body
    settings.write_text("jpegProgressive\navifSpeed 6\n")
    reload(front, "settings read anew")
    assert front.errors.splitlines()[-1].endswith("settings read anew"), "neither needs a restart"
    # What is cached is as good a picture as ever.
    assert front.get(urls[0]).body == before
    for url in urls[1:]:
        assert progressive(front.get(url).body)
    assert front.get(f"/100x,avif,r360/{avif}").body != fast
    settings.write_text("")
    reload(front, "settings read anew")
    assert not progressive(front.get(urls[0].replace("200x", "201x")).body)
    assert [one.pid for one in processes.keepers(front.pid)] == workers
