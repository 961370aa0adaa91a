# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with an origin or with a picture: the right status, a text that tells nothing, and no harm done."""

import gzip
import itertools
import socket
import time

import pytest

import pictures
from front import LOCAL
from origin import answer, picture

LIMIT = 300_000
#: Seconds that an origin says nothing: more than a client waits, so that whoever has an answer did not wait for it.
STALL = 60.0
FRESH = itertools.count()


@pytest.fixture(scope="module")
def front(bin):
    from front import Front

    front = Front(bin, *LOCAL, "-workers", "2", "-cache", "memory", "-maxSourceBytes", str(LIMIT), "-fetchTimeout", "1s")
    yield front
    front.stop()


@pytest.fixture(autouse=True)
def still_works(front, shared_origin):
    """After every test: a good picture is answered as if nothing had been."""
    url = shared_origin.serve("/good.jpg", pictures.flat(200, 100))
    yield
    assert front.picture(f"/100x/{url}?{next(FRESH)}").size == (100, 50)


def no_address(text):
    return "127.0.0.1" not in text and "localhost" not in text and "/tmp" not in text


# Fetching


@pytest.mark.parametrize("options", ["", "100x"])
def test_not_found(front, shared_origin, options):
    answer = front.get(f"/{options}/{shared_origin.url('/missing.jpg')}")
    assert (answer.status, answer.text) == (404, "not found\n")
    assert answer["Content-Type"] == "text/plain; charset=utf-8" and answer["X-Content-Type-Options"] == "nosniff"


def test_nobody_listens(front):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    answer = front.get(f"/100x/http://127.0.0.1:{port}/a.jpg")
    assert answer.status == 502
    assert answer.text.startswith("error fetching remote image: ") and no_address(answer.text)


def test_no_such_host(front):
    answer = front.get("/100x/http://does-not-exist.invalid/a.jpg")
    assert answer.status == 502
    assert answer.text == "error fetching remote image: the remote host could not be reached\n"


def lying(head, *rest):
    """A handler that sends what it likes and closes."""
    return lambda request: [head.encode() if isinstance(head, str) else head, *rest]


BODY = pictures.flat(100, 100)
BOMB = gzip.compress(bytes(50 << 20))
OK = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(BODY)}\r\n"

LIES = {
    "too large, and says so": (lying(f"HTTP/1.1 200 OK\r\nContent-Length: {LIMIT + 1}\r\n\r\n", BODY, 0.5), 502),
    "far too large, and says so": (lying("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", BODY, 0.5), 502),
    "endless": (lying("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n", *[BODY * 20] * 100), 502),
    "endless in chunks": (
        lying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"4000\r\n" + b"x" * 0x4000 + b"\r\n"] * 100),
        502),
    "less than it says": (lying(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY) + 1}\r\n\r\n", BODY), 502),
    "chunks without an end": (lying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), 502),
    "a chunk that is none": (lying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 502),
    "nothing": (lying(b""), 502),
    "garbage": (lying("SSH-2.0-OpenSSH_9.2\r\n"), 502),
    "HTTP/0.9": (lying(BODY), 502),
    "half a head": (lying("HTTP/1.1 200 OK\r\nContent-Ty"), 502),
    "two lengths": (lying(OK + "Content-Length: 5\r\n\r\n", BODY), 502),
    "both framings": (lying(OK + "Transfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"), 502),
    "a folded header": (lying(OK + "X: a\r\n b\r\n\r\n", BODY), 502),
    "a control character": (lying(OK + "Cache-Control: a\x01b\r\n\r\n", BODY), 502),
    "an endless head": (lying("HTTP/1.1 200 OK\r\n" + "X: y\r\n" * 20000), 502),
    "a huge field": (lying("HTTP/1.1 200 OK\r\nX: " + "y" * 200_000), 502),
    "a switch of protocols": (lying("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), 502),
    "a part": (lambda _: answer(BODY, 206, "image/jpeg", {"Content-Range": "bytes 0-9/10"}), 502),
    "not modified, unasked": (lambda _: answer(b"", 304, length=False), 502),
    "status 999": (lambda _: answer(BODY, 999, "image/jpeg"), 502),
    "gzip": (lambda _: answer(gzip.compress(BODY), 200, "image/jpeg", {"Content-Encoding": "gzip"}), 502),
    "a bomb": (lambda _: answer(BOMB, 200, "image/jpeg", {"Content-Encoding": "gzip"}), 502),
    "silence": (lying(STALL), 504),
    "a head that stops": (lying("HTTP/1.1 200 OK\r\n", STALL), 504),
    "a body that stops": (lying(OK + "\r\n", BODY[:50], STALL), 504),
    "a trickle": (lying(OK + "\r\n", *[part for byte in BODY[:100] for part in (bytes([byte]), 0.05)]), 504),
    "HTML": (picture(b"<html><script>alert(1)</script>", "text/html"), 403),
    "HTML labelled as a picture": (picture(b"<html><script>alert(1)</script>", "image/jpeg"), 403),
    "HTML labelled as SVG": (picture(b"<html><script>alert(1)</script>", "image/svg+xml"), 403),
    "text": (picture(b"hello", "text/plain"), 403),
    "JSON without a type": (lambda _: answer(b'{"a": 1}'), 403),
    "a program": (picture(b"\x7fELF" + bytes(100), "application/octet-stream"), 403),
}


@pytest.mark.parametrize("name", LIES)
def test_an_origin_that_lies(front, shared_origin, name):
    handler, status = LIES[name]
    path = "/" + "".join(c if c.isalnum() else "-" for c in name)
    url = shared_origin.serve(path, handler)
    answer = front.get(f"/50x/{url}")
    assert answer.status == status, answer
    assert answer["Content-Type"] == "text/plain; charset=utf-8" and no_address(answer.text)
    expected = {
        403: "requested URL is not allowed\n", 504: "error fetching remote image: the remote host took too long\n",
    }.get(status)
    if expected:
        assert answer.text == expected
    else:
        assert answer.text.startswith("error fetching remote image: ") and answer.text.endswith("\n")
    # Nothing was stored: the next one asks again.
    count = shared_origin.count(path)
    front.get(f"/50x/{url}")
    assert shared_origin.count(path) > count


def test_an_error_does_not_outlive_its_cause(start, shared_origin):
    front = start("-allowPrivateNetworks", "-cache", "memory", "-negativeCacheDuration", "0s")
    states = [answer(b"", 404, headers={"Cache-Control": "max-age=1000"}), answer(b"<html>", 200, "text/html"),
              answer(b"oops", 500, "text/plain", {"Cache-Control": "max-age=1000"})]
    handler = lambda _: states.pop(0) if states else answer(BODY, 200, "image/jpeg")
    url = shared_origin.serve("/recovers.jpg", handler)
    statuses = [front.get(f"/50x/{url}").status for _ in range(4)]
    assert statuses[0] == 404 and statuses[1] == 403 and statuses[2] in (403, 500, 502) and statuses[3] == 200


def test_redirects_are_followed_ten_times(front, shared_origin):
    shared_origin.serve("/hop0", BODY)
    for hop in range(1, 12):
        shared_origin.serve(f"/hop{hop}", lambda _, to=hop - 1: answer(b"", 302, headers={"Location": f"/hop{to}"}))
    assert front.picture(f"/50x/{shared_origin.url('/hop10')}").size == (50, 50)
    answered = front.get(f"/50x/{shared_origin.url('/hop11')}")
    assert answered.status == 502
    assert answered.text == "error fetching remote image: too many redirects\n"


@pytest.mark.parametrize("location", [
    "file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/a", "", "http://", "http:///x", "//", "javascript:1",
    "http://127.0.0.1:6379/", "http://127.0.0.1:22/", "dict://127.0.0.1:11211/",
])
def test_redirects_lead_to_http_only(front, shared_origin, location):
    url = shared_origin.serve("/astray", lambda _: answer(b"", 302, headers={"Location": location}))
    answered = front.get(f"/50x/{url}")
    # Without a place to go to there is just an answer without a byte in it.
    assert answered.status in ((302,) if not location else (403, 502)) and no_address(answered.text)
    assert location or answered.body == b""


def test_redirects_are_not_followed_if_so_wished(start, origin):
    origin.serve("/there.jpg", BODY)
    url = origin.serve("/here", lambda _: answer(b"<a>moved</a>", 302, "text/html", {"Location": "/there.jpg"}))
    front = start(*LOCAL, "-workers", "1", "-followRedirects=false")
    assert front.get(f"/50x/{url}").status == 403
    assert origin.count("/there.jpg") == 0


def test_a_request_has_a_time_limit_if_so_wished(start, origin):
    url = origin.serve("/slow.jpg", lambda _: [STALL])
    front = start(*LOCAL, "-workers", "1", "-timeout", "300ms")
    answered = front.get(f"/50x/{url}")
    assert (answered.status, answered.text) == (504, "Gateway timeout waiting for remote resource.")
    good = origin.serve("/good.jpg", BODY)
    assert front.picture(f"/50x/{good}").size == (50, 50)


@pytest.mark.parametrize("port", [1, 22, 25, 110, 143, 6000, 6667, 10080])
def test_ports_that_speak_no_http_are_refused(front, port):
    answered = front.get(f"/50x/http://127.0.0.1:{port}/a.jpg")
    assert (answered.status, answered.text) == (403, "requested URL is not allowed\n")


# Requests


@pytest.mark.parametrize("target", [
    "/100x", "/100x/", "/100x/nonsense", "/ftp://example.com/a.jpg", "//foo", "/1/", "/100x/file:///etc/passwd",
    "/100x/http%3A//example.com/a", "/100x/aHR0cDovL2V4YW1wbGUuY29tL2Zvbw==", "/%zz", "/100x/http:///", "/a:b/http://x/",
])
def test_what_is_no_url_is_400(front, target):
    answered = front.get(target)
    assert answered.status == 400, answered
    assert answered["Content-Type"] == "text/plain; charset=utf-8"


def test_the_text_for_a_bad_url_is_the_originals(front):
    assert front.get("/nonsense").text == 'invalid request URL: malformed URL "/nonsense": too few path segments\n'
    assert front.get("//ftp://example.com/foo").text == (
        'invalid request URL: malformed URL "//ftp://example.com/foo": remote URL must have http or https scheme\n')
    assert front.get("//example.com/foo").text == (
        'invalid request URL: malformed URL "//example.com/foo": must provide absolute remote URL\n')


def test_an_expired_link_is_refused(front, shared_origin):
    url = shared_origin.serve("/dated.jpg", BODY)
    answered = front.get(f"/50x,vu1577836800/{url}")
    assert (answered.status, answered.text) == (403, "requested URL is not allowed\n")
    assert front.get(f"/50x,vu{int(time.time()) + 100}/{url}").status == 200


# Pictures


GOOD_JPEG, GOOD_PNG = pictures.jpeg(400, 300), pictures.png(200, 150)

BROKEN = {
    "a JPEG cut in its data": GOOD_JPEG[:len(GOOD_JPEG) // 2],
    "a JPEG cut in its header": GOOD_JPEG[:300],
    "a JPEG of three bytes": GOOD_JPEG[:3],
    "a JPEG followed by zeros": GOOD_JPEG[:600] + bytes(5000),
    "a progressive JPEG cut in its first scan": pictures.jpeg(400, 300, progressive=True)[:700],
    "a PNG cut in its data": GOOD_PNG[:len(GOOD_PNG) // 2],
    "a PNG cut in its header": GOOD_PNG[:20],
    "a PNG without data": pictures.png_header(100, 100)[:33],
    "a PNG with too little data": pictures.png_header(100, 100),
    "a PNG whose data is wrong": GOOD_PNG[:500] + bytes(b ^ 0x55 for b in GOOD_PNG[500:1000]) + GOOD_PNG[1000:],
    "a PNG of no width": pictures.png_header(0, 10),
}


def flavour(data):
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_is_passed_on_with_a_mark(front, shared_origin, name):
    data = BROKEN[name]
    url = shared_origin.serve("/" + name.replace(" ", "-"), picture(data, flavour(data), Cache_Control="max-age=9999",
                                                                   Etag='"x"'))
    answered = front.get(f"/50x/{url}")
    assert answered.status == 200 and answered.body == data
    assert answered["X-Imageproxy-Error"] == "corrupt-source", answered
    # Nobody is to keep it for long, nor to take it for the variant.
    assert answered["Cache-Control"] == "max-age=60" and answered["Etag"] is None
    assert answered["X-Content-Type-Options"] == "nosniff" and "sandbox" in answered["Content-Security-Policy"]


def test_a_broken_picture_is_refused_if_so_wished(start, origin):
    front = start(*LOCAL, "-workers", "1", "-onTransformError", "reject")
    for name, data in BROKEN.items():
        url = origin.serve("/" + name.replace(" ", "-"), picture(data, flavour(data)))
        answered = front.get(f"/50x/{url}")
        assert (answered.status, answered.text) == (422, "the remote image cannot be transformed\n"), name
    url = origin.serve("/good.jpg", BODY)
    assert front.picture(f"/50x/{url}").size == (50, 50)


@pytest.mark.parametrize("data", [
    pictures.png_header(100_000, 100_000), pictures.jpeg_header(65_000, 65_000), pictures.png_header(10_001, 10_000),
    pictures.png_header(2**31 - 1, 1), pictures.png_header(1, 2**31 - 1),
], ids=["png", "jpeg", "just-too-large", "wide", "tall"])
def test_a_decompression_bomb_is_not_passed_on(front, shared_origin, data):
    url = shared_origin.serve("/bomb", picture(data, flavour(data)))
    answered = front.get(f"/50x/{url}")
    assert (answered.status, answered.text) == (422, "the image is too large\n")


def test_a_result_over_the_limit_is_refused(start, origin):
    url = origin.serve("/good.jpg", pictures.jpeg(400, 300))
    front = start(*LOCAL, "-workers", "1", "-scaleUp", "-maxOutputPixels", "100000")
    assert front.picture(f"/300x300/{url}").size == (300, 300)
    for options in ("400x", "4000x", "100000x100000", "1000000000x"):
        answered = front.get(f"/{options}/{url}")
        assert (answered.status, answered.text) == (422, "the image is too large\n"), options


def test_a_picture_that_takes_too_long_is_passed_on_with_a_mark(start, origin, slow_picture):
    front = start(*LOCAL, "-workers", "2", "-transformTimeout", "20ms")
    url = origin.serve("/slow.png", picture(slow_picture, "image/png"))
    answered = front.get(f"/50x/{url}")
    assert answered.status == 200 and answered.body == slow_picture
    assert answered["X-Imageproxy-Error"] in ("too-slow", "crashed")


def test_the_log_is_one_printable_line_each(front, shared_origin):
    shared_origin.serve("/log.jpg", BODY)
    front.get("/50x/http://user:secret@127.0.0.1:1/a%0d%0aforged%1b[31m.jpg")
    front.get("/50x,%0aforged/http%3A%2F%2F127.0.0.1:1%2Fa%0d%0aforged")
    time.sleep(0.2)
    for line in front.errors.splitlines():
        assert line.startswith("20") and line.isprintable(), line
        assert "secret" not in line, line
