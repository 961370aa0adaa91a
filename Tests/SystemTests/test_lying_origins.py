# SPDX-License-Identifier: Apache-2.0
"""Origins that lie, dawdle and never end: the right status, a text that tells nothing, nothing kept, no memory lost.

test_errors.py has the coarser lies; here are the finer ones, all against one front that would keep what it could.
"""

import contextlib
import socket
import struct
import time

import pytest

import pictures
import processes
from front import LOCAL, Front
from origin import answer, picture

LIMIT = 300_000
BODY = pictures.flat(100, 100)
HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nCache-Control: max-age=1000\r\nContent-Length: {len(BODY)}\r\n"
OK = HEAD.encode() + b"\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def said(*parts):
    return lambda _: [part.encode("latin-1") if isinstance(part, str) else part for part in parts]


def with_field(line):
    return said(HEAD + line + "\r\n\r\n", BODY)


def moved(location):
    return lambda _: answer(b"", 302, headers={"Location": location})


def coded(*codings):
    return lambda _: answer(BODY, 200, "image/jpeg", {"Content-Encoding": ", ".join(codings)})


#: name: (what it does, the status that a client must get)
LIES = {
    "a status of four digits": (said("HTTP/1.1 2000 OK\r\n\r\n", BODY), 502),
    "a negative status": (said("HTTP/1.1 -20 OK\r\n\r\n", BODY), 502),
    "a status of words": (said("HTTP/1.1 two OK\r\n\r\n", BODY), 502),
    "no status": (said("HTTP/1.1\r\n\r\n", BODY), 502),
    "status 099": (said("HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n"), 502),
    "version 3.0": (said("HTTP/3.0 200 OK\r\n\r\n", BODY), 502),
    "a lower-case protocol": (said("http/1.1 200 OK\r\n\r\n", BODY), 502),
    "another protocol": (said("ICY 200 OK\r\n\r\n", BODY), 502),
    "FTP": (said("220 welcome\r\n"), 502),
    "TLS": (said(b"\x15\x03\x01\x00\x02\x02\x46"), 502),
    "zeros": (said(bytes(1000)), 502),
    "an empty line first": (said("\r\n", OK, BODY), 502),
    "interim answers without end": (lambda _: (b"HTTP/1.1 100 Continue\r\n\r\n" for _ in range(200_000)), 502),
    "early hints without end": (lambda _: (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" for _ in range(200_000)), 502),
    "fields without end": (lambda _: (b"X: y\r\n" if n else b"HTTP/1.1 200 OK\r\n" for n in range(500_000)), 502),
    "a field without end": (lambda _: (b"y" * 1000 if n else b"HTTP/1.1 200 OK\r\nX: " for n in range(100_000)), 502),
    "a hundred and one fields": (with_field("\r\n".join(f"X-{n}: 1" for n in range(101))), 502),
    "70 kB of fields": (with_field("\r\n".join(f"X-{n}: " + "a" * 1000 for n in range(70))), 502),
    "a NUL": (with_field("X: a\0b"), 502), "a NUL in a name": (with_field("X\0: a"), 502),
    "a bare carriage return": (with_field("X: a\rSet-Cookie: b=c"), 502), "an escape": (with_field("X: \x1b[31m"), 502),
    "a space before the colon": (with_field("X : a"), 502), "a space in a name": (with_field("X Y: a"), 502),
    "a field without a name": (with_field(": a"), 502), "a field without a colon": (with_field("nonsense"), 502),
    "a folded line": (with_field("X: a\r\n\tb"), 502),
    "a second length": (with_field("Content-Length: 5"), 502), "a list of lengths": (with_field("Content-Length: 5, 5"), 502),
    "a negative length": (said("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", BODY), 502),
    "a length with a sign": (said(f"HTTP/1.1 200 OK\r\nContent-Length: +{len(BODY)}\r\n\r\n", BODY), 502),
    "a hexadecimal length": (said("HTTP/1.1 200 OK\r\nContent-Length: 0x10\r\n\r\n", BODY), 502),
    "a length of 30 digits": (said(f"HTTP/1.1 200 OK\r\nContent-Length: {'9' * 30}\r\n\r\n", BODY), 502),
    "a length of words": (said("HTTP/1.1 200 OK\r\nContent-Length: all\r\n\r\n", BODY), 502),
    "length and chunks": (with_field("Transfer-Encoding: chunked"), 502),
    "chunked twice": (said("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", chunk(BODY), b"0\r\n\r\n"), 502),
    "gzip as a transfer coding": (said("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", chunk(BODY)), 502),
    "an unknown transfer coding": (said("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunky\r\n\r\n", chunk(BODY)), 502),
    "a chunk of 20 digits": (said(CHUNKED, b"f" * 20 + b"\r\n", BODY), 502),
    "a negative chunk": (said(CHUNKED, b"-5\r\n", BODY), 502),
    "a chunk without its end": (said(CHUNKED, b"%x\r\n" % len(BODY), BODY + b"xx", b"0\r\n\r\n"), 502),
    "half a chunk": (said(CHUNKED, b"ffff\r\n", BODY), 502),
    "no last chunk": (said(CHUNKED, chunk(BODY)), 502),
    "a trailer without end": (lambda _: (b"X: y\r\n" if n else CHUNKED + chunk(BODY) + b"0\r\n" for n in range(500_000)), 502),
    "one byte too few": (said(OK, BODY[:-1]), 502), "no body": (said(OK), 502),
    "one byte too many": (said(f"HTTP/1.1 200 OK\r\nContent-Length: {LIMIT + 1}\r\n\r\n", BODY), 502),
    "too much in chunks": (lambda _: (chunk(b"x" * 50_000) if n else CHUNKED for n in range(1000)), 502),
    "too much without a length": (lambda _: (b"x" * 50_000 if n else b"HTTP/1.1 200 OK\r\n\r\n" for n in range(1000)), 502),
    "gzip": (coded("gzip"), 502), "br": (coded("br"), 502), "zstd": (coded("zstd"), 502), "x-gzip": (coded("x-gzip"), 502),
    "deflate behind identity": (coded("identity", "deflate"), 502),
    "a coding that is none": (coded("nonsense"), 502),
    "a switch of protocols": (said("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), 502),
    "a part of it": (lambda _: answer(BODY, 206, "image/jpeg", {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"}), 502),
    "silence": (said(b"", 3.0), 504), "silence after the status": (said("HTTP/1.1 200 OK\r\n", 3.0), 504),
    "silence in a field": (said(HEAD[:-20], 3.0), 504), "silence in the body": (said(OK, BODY[:200], 3.0), 504),
    "silence in a chunk": (said(CHUNKED, b"ffff\r\nx", 3.0), 504), "silence before the last chunk": (said(CHUNKED, chunk(BODY), 3.0), 504),
    "a head by the byte": (lambda _: (p for b in HEAD.encode() for p in (bytes([b]), 0.05)), 504),
    "a body by the byte": (lambda _: (p for b in OK + BODY for p in ((bytes([b]), 0.02) if b else (bytes([b]),))), 504),
    "a redirect to itself": (lambda seen: answer(b"", 302, headers={"Location": seen.target}), 502),
    "a redirect to nowhere": (moved("http://"), 502), "a redirect to a file": (moved("file:///etc/passwd"), 502),
    "a redirect to a mail": (moved("mailto:a@b.test"), 502), "a redirect to data": (moved("data:image/png;base64,AAAA"), 502),
    "a redirect with a line end": (moved("/a%0d%0aX: y"), 404),
    "a redirect of 20 kB": (moved("/" + "a" * 20_000), 502),
    "a redirect to another port": (moved("http://127.0.0.1:6379/"), 502),
    "a redirect to a blocked port": (moved("http://127.0.0.1:25/"), 403),
    "HTML": (picture(b"<html>", "text/html"), 403), "HTML as a picture": (picture(b"<html>", "image/webp"), 403),
    "a script as a drawing": (picture(b"<script>alert(1)</script>", "image/svg+xml"), 403),
    "a picture as text": (picture(BODY, "text/plain"), 403),
}


def reset(after):
    """Sends some bytes and breaks the connection off."""
    def handler(_):
        yield after
        yield 0.05
        raise ConnectionAbortedError
    return handler


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def front(bin, directory):
    front = Front(bin, *LOCAL, "-workers", "2", "-cache", "memory", "-cache", str(directory), "-negativeCacheDuration", "0s",
                  "-maxSourceBytes", str(LIMIT), "-fetchTimeout", "800ms", "-forceCache", "-minCacheDuration", "1h")
    yield front
    # Nothing of all this was kept, nor did it cost memory.
    assert not [file for file in directory.rglob("*") if file.is_file()]
    assert int(processes.status(front.pid)["VmHWM"].split()[0]) < 120_000, processes.status(front.pid)["VmHWM"]
    front.stop()


def path_of(name):
    return "/" + "".join(character if character.isalnum() else "-" for character in name)


def assert_refused(answered, status):
    assert answered.status == status, answered
    assert "127.0.0.1" not in answered.text and answered["Content-Type"] == "text/plain; charset=utf-8"
    text = {403: "requested URL", 404: "not found\n", 502: "error fetching remote image: ",
            504: "error fetching remote image: the remote host took too long\n"}[status]
    assert answered.text.startswith(text), answered
    # Nothing of the origin's own is passed on with an error.
    assert {name for name, _ in answered.fields} <= {"Date", "Content-Type", "X-Content-Type-Options", "Content-Length"}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found_out(front, shared_origin, name):
    handler, status = LIES[name]
    url = shared_origin.serve(path_of(name), handler)
    for options in ("50x", ""):
        before = shared_origin.count(path_of(name))
        assert_refused(front.get(f"/{options}/{url}"), status)
        assert shared_origin.count(path_of(name)) > before, "it was kept"


@pytest.mark.parametrize("after", [b"", b"HTTP/1.1 200 OK\r\nConte", OK, OK + BODY[:100], CHUNKED + chunk(BODY)],
                         ids=["at once", "in the head", "after the head", "in the body", "before the last chunk"])
def test_a_connection_that_is_broken_off(front, shared_origin, after):
    url = shared_origin.serve("/broken-off", reset(after))
    for options in ("50x", ""):
        assert_refused(front.get(f"/{options}/{url}"), 502)


def test_nothing_of_an_answer_that_breaks_off_is_kept(start, origin, tmp_path):
    """Wherever it breaks off: at two hundred places of it."""
    front = start(*LOCAL, "-workers", "1", "-cache", "memory", "-cache", str(tmp_path / "cache"))
    whole = OK + BODY
    for place in range(200):
        part = whole[:len(whole) * place // 200]
        url = origin.serve(f"/{place}.jpg", lambda _: [part])
        for options in ("50x", ""):
            assert_refused(front.get(f"/{options}/{url}"), 502)
        # Nothing was kept of it, nor was it kept that it failed.
        origin.serve(f"/{place}.jpg", picture(BODY, Cache_Control="max-age=1000"))
        assert front.get(f"//{url}").body == BODY


def test_a_connection_that_is_reset(front):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.jpg"
        for sent in (b"", OK + BODY[:100]):
            with front.connect() as connection:
                connection.send(f"GET //{url} HTTP/1.1\r\nHost: a\r\n\r\n")
                accepted, _ = server.accept()
                accepted.recv(4096)
                accepted.sendall(sent)
                time.sleep(0.05)
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                accepted.close()
                assert_refused(connection.read(), 502)


@pytest.fixture
def deaf():
    """A URL at a port whose queue is full, so that nobody is connected there."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/a.jpg"


@pytest.mark.parametrize("given_up_by", ["its time", "its client"])
def test_a_connection_that_is_never_made_harms_nobody_else(start, origin, deaf, given_up_by):
    front = start(*LOCAL, "-workers", "1", "-fetchTimeout", "800ms")
    url = origin.serve("/a.jpg", BODY)
    front.picture(f"/50x/{url}")
    if given_up_by == "its time":
        assert_refused(front.get(f"//{deaf}"), 504)
    else:
        with front.connect() as connection:
            connection.send(f"GET //{deaf} HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.2)
            open_descriptors = front.descriptor_count()
        processes.wait_until(lambda: front.descriptor_count() == open_descriptors - 2, what="an end of both")
    # What was its descriptor is soon a client's, another origin's or a worker's.
    for width in range(60, 66):
        front.picture(f"/{width}x/{url}")


#: What is unusual, and right.
TRUTHS = {
    "no reason": said("HTTP/1.1 200\r\n" + HEAD.split("\r\n", 1)[1] + "\r\n", BODY),
    "version 1.0": said(HEAD.replace("1.1", "1.0") + "\r\n", BODY),
    "the end as the length": said("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n", BODY),
    "chunks": said(CHUNKED, *[chunk(BODY[at:at + 100]) for at in range(0, len(BODY), 100)], b"0\r\n\r\n"),
    "a trailer": said(CHUNKED, chunk(BODY), b"0\r\nX-Sum: 1\r\n\r\n"),
    "an interim answer": said("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", OK, BODY),
    "the same length twice": with_field(f"Content-Length: {len(BODY)}"),
    "the identity coding": with_field("Content-Encoding: identity"),
    "bytes beyond ASCII": with_field("X: \xe4\xff"),
    # All at once: what comes later could pass for the next answer, and from the same server it is one.
    "more after it": said(OK, BODY + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_what_is_unusual_and_right_is_taken(start, origin, name):
    url = origin.serve("/a.jpg", TRUTHS[name])
    front = start(*LOCAL, "-workers", "1")
    assert front.get(f"//{url}").body == BODY
    assert front.picture(f"/50x/{url}").size == (50, 50)
