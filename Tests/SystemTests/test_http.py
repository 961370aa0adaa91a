# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1, as clients and load balancers speak it, and as attackers do."""

import contextlib
import signal
import socket
import time

import pytest

import pictures
import processes
from front import LOCAL, in_parallel
from origin import answer


@pytest.fixture(scope="module")
def photo(shared_origin):
    return shared_origin.serve("/small.jpg", pictures.flat(320, 200))


# The endpoints


@pytest.mark.parametrize("path", ["/", "/health-check"])
def test_ok_says_that_it_runs(shared_front, path):
    answer = shared_front.get(path)
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"


def test_a_browser_gets_a_page(shared_front):
    page = shared_front.get("/", headers={"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"})
    assert page.status == 200 and page["Content-Type"] == "text/html; charset=utf-8"
    assert page.body.lower().startswith(b"<!doctype html>") and page["Vary"] == "Accept"
    assert "default-src 'none'" in page["Content-Security-Policy"]
    for accept in ("*/*", "image/*", "text/html;q=0"):
        assert shared_front.get("/", headers={"Accept": accept}).body == b"OK"


def test_the_icon_is_empty(shared_front):
    icon = shared_front.get("/favicon.ico")
    assert (icon.status, icon.body, icon["Content-Type"]) == (200, b"", None)


def test_a_browser_may_ask_first(shared_front, photo):
    for target in (f"/100x/{photo}", "/", "*"):
        answer = shared_front.get(target, method="OPTIONS", headers={"Origin": "https://a.test"})
        assert answer.status in (200, 204) and answer.body == b""
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert "GET" in answer["Access-Control-Allow-Methods"] and "GET" in answer["Allow"]


# Connections


def test_a_connection_serves_many_requests(shared_front, photo):
    with shared_front.connect() as connection:
        for _ in range(20):
            assert connection.request(f"/50x/{photo}").status == 200
            assert connection.request("/health-check").body == b"OK"
            # Errors that are the picture's leave the connection alone.
            assert connection.request("/nonsense").status == 400


def test_pipelined_requests_are_answered_in_order(shared_front, shared_origin):
    def slow(request):
        time.sleep(0.4)
        return answer(pictures.flat(64, 48), content_type="image/jpeg")

    url = shared_origin.serve("/slow.jpg", slow)
    targets = [f"/32x/{url}", "/health-check", "/favicon.ico", f"/16x/{url}", "/"]
    with shared_front.connect() as connection:
        connection.send("".join(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n" for target in targets))
        answers = [connection.read() for _ in targets]
    assert [pictures.decoded(answers[at].body).size for at in (0, 3)] == [(32, 24), (16, 12)]
    assert [answers[at].body for at in (1, 2, 4)] == [b"OK", b"", b"OK"]


def test_a_flood_of_pipelined_requests_is_answered_one_by_one(shared_front):
    count = 5000
    with shared_front.connect() as connection:
        with in_parallel(1, lambda _: connection.send("GET /health-check HTTP/1.1\r\nHost: a\r\n\r\n" * count)):
            for _ in range(count):
                assert connection.read().body == b"OK"


def test_head_is_get_without_the_body(shared_front, photo):
    with shared_front.connect() as connection:
        for target in (f"/100x/{photo}", "/", "/favicon.ico", "/nonsense", f"/{photo}"):
            whole = connection.request(target)
            head = connection.request(target, method="HEAD")
            assert head.status == whole.status and head.body == b""
            assert head["Content-Length"] == whole["Content-Length"]
            assert head["Content-Type"] == whole["Content-Type"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "X"])
def test_other_methods_are_refused(shared_front, photo, method):
    with shared_front.connect() as connection:
        answer = connection.request(f"/100x/{photo}", method=method)
        assert answer.status == 405 and answer["Allow"] == "GET, HEAD, OPTIONS"
        assert answer.closes and connection.has_ended()


def test_a_client_that_has_nothing_more_to_say_gets_its_answer(shared_front, photo):
    with shared_front.connect() as connection:
        connection.send(f"GET /100x/{photo} HTTP/1.1\r\nHost: a\r\n\r\n" + GOOD)
        connection.socket.shutdown(socket.SHUT_WR)
        assert pictures.decoded(connection.read().body).size == (100, 63)
        assert connection.read().body == b"OK"
        assert connection.has_ended()


def test_connection_close_is_obeyed(shared_front):
    with shared_front.connect() as connection:
        assert connection.request("/", headers={"Connection": "close"}).closes
        assert connection.has_ended()


@pytest.mark.parametrize("field, stays", [("", False), ("Connection: keep-alive\r\n", True)])
def test_version_1_0(shared_front, field, stays):
    with shared_front.connect() as connection:
        connection.send(f"GET / HTTP/1.0\r\n{field}\r\n")
        answer = connection.read()
        assert answer.status == 200 and answer.closes != stays
        if stays:
            assert connection.request("/").status == 200
        else:
            assert connection.has_ended()


@pytest.mark.parametrize("request_bytes", [
    b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nhOST:a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: \t a\t \r\nX-Empty:\r\n\r\n", b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost:\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\xff\r\n\r\n",
])
def test_unusual_requests_that_are_right(shared_front, request_bytes):
    with shared_front.connect() as connection:
        connection.send(request_bytes)
        assert connection.read().body == b"OK"
        # In the smallest pieces.
        for byte in request_bytes:
            connection.send(bytes([byte]))
            time.sleep(0.001)
        assert connection.read().body == b"OK"


# What is refused

GOOD = "GET /health-check HTTP/1.1\r\nHost: a\r\n\r\n"

REFUSED = [
    ("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", 400),
    ("one bare line feed", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    ("a bare carriage return", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
    ("a carriage return in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
    ("a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    ("a folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    ("a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ("a field without a colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400),
    ("a field without a name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
    ("a space in a name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400),
    ("a NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
    ("a NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", 400),
    ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ("no host", "GET / HTTP/1.1\r\n\r\n", 400),
    ("two lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
    ("both framings",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("both framings, on a GET",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("a chunked GET", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("an unknown coding", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400),
    ("two codings", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400),
    ("chunked in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("a signed length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400),
    ("a negative length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    ("a hexadecimal length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n", 400),
    ("an endless length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    ("a list of lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", 400),
    ("a GET with a body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 400),
    ("a relative target", "GET health-check HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("no target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("an empty path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("an authority", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a tab for a space", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a trailing space", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    ("no version", "GET /\r\n\r\n", 400),
    ("another protocol", "GET / HTTPS/1.1\r\nHost: a\r\n\r\n", 400),
    ("a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    ("version 1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
    ("version 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("version 1.9", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", 505),
    ("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ("a long request line", "GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ("an endless request line", "GET /" + "a" * 20000, 414),
    ("a large field", "GET / HTTP/1.1\r\nHost: a\r\nX: " + "a" * 17000 + "\r\n\r\n", 431),
    ("an endless field", "GET / HTTP/1.1\r\nHost: a\r\nX: " + "a" * 30000, 431),
    ("many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + "X: a\r\n" * 101 + "\r\n", 431),
]


@pytest.mark.parametrize("data, status", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_could_be_read_in_two_ways_is_refused(shared_front, data, status):
    with shared_front.connect(timeout=5) as connection:
        # What follows must not be taken for a request of its own.
        # The front may close before it has taken everything.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send(data.encode("latin-1") + GOOD.encode())
        answer = connection.read()
        assert answer.status == status and answer.closes, answer
        assert connection.has_ended(), "there was a second answer, or no end"
    assert shared_front.get("/health-check").body == b"OK"


def test_exactly_as_much_as_is_allowed(shared_front):
    with shared_front.connect() as connection:
        connection.send("GET / HTTP/1.1\r\nHost: a\r\n" + "X: a\r\n" * 99 + "\r\n")
        assert connection.read().status == 200
        connection.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + "a" * 16000 + "\r\n\r\n")
        assert connection.read().status == 200
        # 8 kB of target are parsed, and are no picture.
        assert connection.request("/" + "a" * 8100).status == 400


def test_a_header_that_never_ends_is_given_ten_seconds(shared_front):
    with shared_front.connect() as slow, shared_front.connect() as endless:
        for connection in (slow, endless):
            connection.send("GET / HTTP/1.1\r\nHost: a\r\n")
        is_served = False
        # More bytes win no time. There may be a hundred fields: it is not for their number that this ends.
        for number in range(90):
            if number == 6:
                # Seconds are allowed.
                slow.send("\r\n")
                is_served = slow.read().status == 200
            try:
                endless.send("X: a\r\n")
            except OSError:
                break
            if endless.has_ended(within=0.5):
                break
        else:
            pytest.fail("it may go on for ever")
        assert is_served


# Load


def test_idle_connections_are_in_nobodys_way(shared_front, photo):
    idle = [shared_front.connect() for _ in range(100)]
    for connection in idle[::2]:
        connection.send("GET / HTT")
    for _ in range(10):
        assert shared_front.get(f"/50x/{photo}").status == 200
    # And none of them was lost.
    for index, connection in enumerate(idle):
        connection.send("P/1.1\r\nHost: a\r\n\r\n" if index % 2 == 0 else GOOD)
        assert connection.read().body == b"OK"
        connection.close()


def test_clients_that_do_not_read_are_in_nobodys_way(shared_front, shared_origin, photo):
    large = shared_origin.serve("/large.jpg", pictures.jpeg(quality=100) + b"\0" * (8 << 20))
    lazy = [shared_front.connect() for _ in range(10)]
    for connection in lazy:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send(f"GET /{large} HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.5)
    for _ in range(10):
        assert shared_front.get(f"/50x/{photo}").status == 200
    for connection in lazy:
        connection.close()
    assert shared_front.get("/").status == 200


def test_connections_that_are_broken_off_leave_nothing(shared_front, shared_origin):
    def slow(request):
        time.sleep(0.5)
        return answer(pictures.flat(64, 48), content_type="image/jpeg")

    url = shared_origin.serve("/broken-off.jpg", slow)
    shared_front.get(f"/10x/{url}")
    before = shared_front.descriptor_count()
    for index in range(50):
        connection = shared_front.connect()
        connection.send(["GET /", f"GET /20x/{url} HTTP/1.1\r\nHost: a\r\n\r\n", GOOD, ""][index % 4])
        if index % 8 < 4:
            # A reset instead of an orderly end.
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    processes.wait_until(lambda: shared_front.descriptor_count() <= before + 2, what="descriptors closed")


# The end


def test_sigterm_lets_running_requests_finish(start, origin):
    def slow(request):
        time.sleep(1)
        return answer(pictures.flat(320, 200), content_type="image/jpeg")

    url = origin.serve("/slow.jpg", slow)
    front = start(*LOCAL, "-workers", "1")
    front.wait_for_workers(1)
    running, idle, half = front.connect(), front.connect(), front.connect()
    idle.request("/")
    half.send("GET / HTT")
    running.send(f"GET /100x/{url} HTTP/1.1\r\nHost: a\r\n\r\n" + GOOD)
    processes.wait_until(lambda: origin.count("/slow.jpg") == 1)
    front.signal(signal.SIGTERM)
    assert idle.has_ended()
    assert half.has_ended()
    with pytest.raises(OSError):
        front.connect(timeout=1)
    answered = running.read()
    assert answered.status == 200 and answered.closes
    assert pictures.decoded(answered.body).size == (100, 63)
    assert running.has_ended()
    front.stop(by=None)


def test_who_has_only_just_come_is_answered_too(start):
    """On a connection without an answer so far nobody may send the same request again elsewhere."""
    front = start("-workers", "1")
    silent, late = front.connect(), front.connect()
    half = front.connect()
    half.send("GET / HTTP/1.1\r\n")
    # The newest of them has been accepted, and so have the others.
    with front.connect() as newest:
        newest.request("/")
        front.signal(signal.SIGTERM)
        assert newest.has_ended()
    late.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    half.send("Host: a\r\n\r\n")
    for connection in (late, half):
        answered = connection.read()
        assert answered.body == b"OK" and answered.closes
        assert connection.has_ended()
    # Not for ever.
    assert silent.has_ended()
    front.stop(by=None)


def test_a_second_sigterm_does_not_wait(start, origin):
    url = origin.serve("/endless.jpg", lambda request: [30.0])
    front = start(*LOCAL, "-workers", "1")
    front.wait_for_workers(1)
    with front.connect() as connection:
        connection.send(f"GET /{url} HTTP/1.1\r\nHost: a\r\n\r\n")
        processes.wait_until(lambda: origin.count() == 1)
        front.signal(signal.SIGTERM)
        time.sleep(0.3)
        assert front.process.poll() is None
        front.stop(status=1, timeout=5)


def test_sigint_ends_it_as_well(start):
    front = start("-workers", "1")
    front.wait_for_workers(1)
    front.stop(by=signal.SIGINT)
