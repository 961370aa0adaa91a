# SPDX-License-Identifier: Apache-2.0
"""-disableFormats: what is switched off is neither decoded nor made, by the word of the front and by that of each worker;
and /version, which says what workers are made of."""

import json
import re

import pytest
from PIL import Image

import client
import pictures
import stub_front
import stub_worker
from front import LOCAL
from pictures import encoded
from test_negotiation import BROWSER

BITS = {word: 1 << number for word, number in stub_front.FORMATS.items()}
NAMES = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP"}


def file_of(word):
    return encoded(Image.fromarray(pictures.scene(60, 40)), NAMES[word])


@pytest.fixture(scope="module")
def serve(shared_origin):
    return shared_origin.serve


def assert_refused(answer, source, word):
    """As a picture that cannot be decoded."""
    assert answer.status == 200 and answer["X-Imageproxy-Error"] == "disabled-format", answer
    assert answer.body == source and answer["Content-Type"] == f"image/{word}"


@pytest.mark.parametrize("word", NAMES)
def test_a_source_that_is_switched_off_reaches_no_worker(start, serve, tmp_path, word):
    # There is none: whoever asked for one would wait.
    front = start(*LOCAL, "-jobsSocket", f"{tmp_path}/jobs.sock", "-disableFormats", word)
    source = file_of(word)
    url = serve(f"/off.{word}", source)
    for options in ("30x", "30x,png", "trim,r90"):
        assert_refused(front.get(f"/{options}/{url}", timeout=5), source, word)
    # Nobody decodes what is passed through.
    untouched = front.get(f"//{url}", timeout=5)
    assert untouched.status == 200 and untouched["X-Imageproxy-Error"] is None and untouched.body == source


def test_a_format_that_is_switched_off_is_not_made(start, serve):
    source = file_of("jpeg")
    url = serve("/plain.jpg", source)
    front = start(*LOCAL, "-workers", "1", "-disableFormats", "webp,avif,tiff")
    for word in ("webp", "avif", "tiff"):
        assert_refused(front.get(f"/30x,{word}/{url}"), source, "jpeg")
    for word in ("jpeg", "png", "gif", "bmp"):
        answer = front.get(f"/30x,{word}/{url}")
        assert answer["Content-Type"] == f"image/{word}" and answer["X-Imageproxy-Error"] is None
    strict = start(*LOCAL, "-workers", "1", "-disableFormats", "webp", "-onTransformError", "reject")
    assert strict.get(f"/30x,webp/{url}").status == 422
    assert strict.get(f"/30x/{serve('/off.webp', file_of('webp'))}").status == 422
    assert strict.get(f"/30x/{url}").status == 200


def test_negotiation_passes_over_it(start, serve):
    url = serve("/plain.jpg", file_of("jpeg"))
    for disabled, kind in (("webp", "avif"), ("avif", "webp"), ("webp,avif", "jpeg")):
        front = start(*LOCAL, "-workers", "1", "-autoFormat", "webp,avif", "-disableFormats", disabled)
        answer = front.get(f"/30x/{url}", headers=[("Accept", BROWSER)])
        assert answer["Content-Type"] == f"image/{kind}" and answer["X-Imageproxy-Error"] is None
        assert answer["Vary"] == "Accept", "a cache behind this one must ask again when it is on"


def test_a_worker_refuses_it_whatever_its_front_thinks(worker, tmp_path):
    path = tmp_path / "jobs.sock"
    worker(path)
    for word in NAMES:
        assert stub_front.transform(path, file_of(word), form="png", disabled=BITS[word]).failure == "disabled-format"
        # Without the bit it is a picture as any other.
        assert stub_front.transform(path, file_of(word), form="png", width=10).body
        target = "png" if word != "png" else "bmp"
        outcome = stub_front.transform(path, file_of("gif" if word == "jpeg" else "jpeg"), form=word, disabled=BITS[word])
        assert outcome.failure == "disabled-format" and outcome.end == "exited"
        assert stub_front.transform(path, file_of(word), form=target, width=10).form == stub_front.FORMATS[target]


def test_a_jpeg_inside_of_a_tiff_is_one(worker, tmp_path):
    path = tmp_path / "jobs.sock"
    worker(path)
    image = Image.fromarray(pictures.scene(60, 40))
    with_jpeg, without = encoded(image, "TIFF", compression="jpeg"), encoded(image, "TIFF", compression="tiff_lzw")
    assert stub_front.transform(path, with_jpeg, form="png", width=10).body
    assert stub_front.transform(path, with_jpeg, form="png", width=10, disabled=BITS["jpeg"]).failure == "disabled-format"
    assert stub_front.transform(path, without, form="png", width=10, disabled=BITS["jpeg"]).body


@pytest.mark.parametrize("bad", ["heic", "webp,", "WebP", "webp avif"])
def test_a_name_that_is_none_is_refused(bin, bad):
    from front import run_program

    result = run_program(bin, "-addr", "127.0.0.1:0", "-disableFormats", bad)
    assert result.returncode == 2 and "-disableFormats" in result.stderr


def versions(socket, **headers):
    with client.Connection(socket) as connection:
        return connection.request("/version", headers=list(headers.items()))


def test_versions_are_told_to_the_operator_alone(start, tmp_path):
    socket = f"{tmp_path}/admin.sock"
    front = start(*LOCAL, "-workers", "1", "-adminAddr", f"unix:{socket}")
    # Nobody has asked for a picture yet.
    text = versions(socket).text
    own, workers = text.splitlines()
    assert re.fullmatch(r"imageproxy \d+\.\d+\.\d+", own)
    for name in ("imageproxy-worker", "libjpeg-turbo", "libpng", "libdeflate", "libwebp", "libtiff", "giflib", "libavif",
                 "aom", "dav1d", "lcms2"):
        assert re.search(rf"\b{name} \d+\.\d+\.\d+(,|$)", workers), text
    said = versions(socket, Accept="application/json")
    assert said["Content-Type"] == "application/json"
    report = json.loads(said.body)
    assert own == f"imageproxy {report['version']}" and len(report["workers"]) == 1
    assert all(f"{name} {number}" in workers for name, number in report["workers"][0]["versions"].items())
    assert front.get("/version").status == 400


def test_workers_of_several_makes_are_all_told(start, tmp_path):
    socket, jobs = f"{tmp_path}/admin.sock", [f"{tmp_path}/{number}.sock" for number in range(2)]
    others = [stub_worker.StubWorkers(path) for path in jobs]
    for number, stubs in enumerate(others):
        hello = stub_worker.hello(versions=(1 << 8, number + 1 << 16) + 9 * (0,))
        stubs.serve([lambda ticket, hello=hello: (ticket.greet(hello), ticket.hung_up(5))] * 100)
    start(*LOCAL, "-jobsSocket", jobs[0], "-jobsSocket", jobs[1], "-adminAddr", f"unix:{socket}")
    text = versions(socket).text
    assert "libjpeg-turbo 1.0.0" in text and "libjpeg-turbo 2.0.0" in text and text.count("\n") == 3, text
    assert "libpng" not in text, "what is not known is not said"
    for stubs in others:
        stubs.close()
    # Who is gone has said what it was, and nobody waits for it for ever.
    assert "libjpeg-turbo 2.0.0" in versions(socket).text
