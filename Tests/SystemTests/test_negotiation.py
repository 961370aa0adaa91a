# SPDX-License-Identifier: Apache-2.0
"""-autoFormat: pictures in the formats that a client names, and what caches are told of it."""

import io
import subprocess

import pytest
from PIL import Image

import pictures
from front import LOCAL, Front
from pictures import encoded

BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


@pytest.fixture(scope="module")
def front(bin):
    front = Front(bin, *LOCAL, "-workers", "2", "-cache", "memory", "-autoFormat", "avif,webp", "-avifMaxPixels", "40000")
    yield front
    front.stop()


@pytest.fixture(scope="module")
def photo(shared_origin):
    return shared_origin.serve("/photo.jpg", pictures.jpeg())


def asked(front, path, accept):
    answer = front.get(path, headers=[("Accept", accept)] if accept else [])
    assert answer.status == 200, answer
    return answer


@pytest.mark.parametrize("accept, kind", [
    (BROWSER, "avif"), ("image/webp,*/*", "webp"), ("image/avif;q=0,image/webp", "webp"), ("*/*", "jpeg"),
    ("image/*", "jpeg"), (None, "jpeg"), ("image/png", "jpeg"),
])
def test_a_client_gets_the_first_format_that_it_names(front, photo, accept, kind):
    answer = asked(front, f"/200x/{photo}", accept)
    assert answer["Content-Type"] == f"image/{kind}"
    assert answer["Vary"] == "Accept"


def test_variants_are_cached_by_format(front, photo):
    kinds = [(BROWSER, "avif"), ("image/webp", "webp"), ("*/*", "jpeg"), (BROWSER.upper(), "avif"), ("text/html", "jpeg")]
    tags = {}
    for _ in range(2):
        for accept, kind in kinds:
            answer = asked(front, f"/180x/{photo}", accept)
            assert answer["Content-Type"] == f"image/{kind}"
            assert tags.setdefault(kind, answer["Etag"]) == answer["Etag"]
    assert len(set(tags.values())) == 3


def test_a_format_among_the_options_comes_first(front, photo):
    for word in ("jpeg", "png", "webp", "gif"):
        answer = asked(front, f"/100x,{word}/{photo}", BROWSER)
        assert answer["Content-Type"] == f"image/{word}"
        assert answer["Vary"] is None


def test_what_is_passed_through_is_not_negotiated(front, photo):
    answer = asked(front, f"//{photo}", BROWSER)
    assert answer["Content-Type"] == "image/jpeg" and answer["Vary"] is None


def test_beyond_the_budget_for_avif_the_next_format_is_used(front, photo):
    assert asked(front, f"/240x/{photo}", BROWSER)["Content-Type"] == "image/avif"
    assert asked(front, f"/400x/{photo}", BROWSER)["Content-Type"] == "image/webp"
    assert asked(front, f"/400x/{photo}", "image/avif")["Content-Type"] == "image/jpeg"
    assert asked(front, f"/400x,avif/{photo}", None)["Content-Type"] == "image/avif"


@pytest.mark.parametrize("accept, kind", [(BROWSER, "webp"), ("image/avif", "gif"), (None, "gif")])
def test_what_moves_goes_on_moving(front, shared_origin, accept, kind):
    frames = [Image.fromarray(pictures.scene(120, 80)).rotate(turn) for turn in (0, 10, 20)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=80, loop=0)
    answer = asked(front, f"/60x/{shared_origin.serve('/moving.gif', data)}", accept)
    assert answer["Content-Type"] == f"image/{kind}"
    assert Image.open(io.BytesIO(answer.body)).n_frames == 3


def test_without_the_flag_nothing_depends_on_the_client(shared_front, photo):
    answer = asked(shared_front, f"/200x/{photo}", BROWSER)
    assert answer["Content-Type"] == "image/jpeg" and answer["Vary"] is None


@pytest.mark.parametrize("value", ["jpeg", "webp,webp", "webp avif", "webp,,avif"])
def test_a_list_that_is_none_is_refused_at_start(bin, value):
    done = subprocess.run([bin / "imageproxy", "-autoFormat", value], capture_output=True, timeout=20, env={})
    assert done.returncode == 2 and b"webp, avif, or both" in done.stderr, done
