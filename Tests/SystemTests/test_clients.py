# SPDX-License-Identifier: Apache-2.0
"""Clients that want too much: many connections, slow ones, none left to give; and whose word about them is taken."""

import re
import resource
import threading
import time

import pytest

import held_connections
import pictures
import processes
from client import Ended
from front import LOCAL
from origin import answer


@pytest.fixture
def slow(origin):
    """A picture that its origin takes its time for, and how many are waiting for it."""
    def wait(request):
        yield 1.5
        yield answer(pictures.flat(20, 20), content_type="image/jpeg")

    return origin.serve("/slow.jpg", wait)


def ask(front, url, headers):
    connection = front.connect()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.send(f"GET //{url} HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
    return connection


def test_a_client_has_so_many_connections(start):
    front = start("-workers", "1", "-maxConnectionsPerClient", "3")
    held = [front.connect() for _ in range(3)]
    assert all(connection.request("/").status == 200 for connection in held)
    with front.connect(timeout=5) as fourth, pytest.raises((Ended, OSError)):
        fourth.request("/")
    held.pop().close()
    processes.wait_until(lambda: reaches(front), what="a place that is free again")


def reaches(front):
    try:
        return front.get("/", timeout=5).status == 200
    except (Ended, OSError):
        return False


def test_a_proxys_clients_are_told_apart(start, origin, slow):
    front = start(*LOCAL, "-workers", "1", "-maxConnectionsPerClient", "2", "-trustedProxies", "127.0.0.1, 10.0.0.0/8")
    first = {"X-Forwarded-For": "6.6.6.6, 192.0.2.1, 10.0.0.5"}
    waiting = [ask(front, f"{slow}?{n}", first) for n in range(2)]
    processes.wait_until(lambda: origin.count() == 2)
    # However many connections the proxy has, and whatever the client itself wrote into the field.
    for headers in (first, {"X-Forwarded-For": "7.7.7.7, 192.0.2.1"}, {"X-Forwarded-For": "192.0.2.1:1234"}):
        refused = front.get(f"//{slow}?refused", headers=headers)
        assert (refused.status, refused.text) == (429, "too many requests at a time, try again shortly\n")
        assert refused["Retry-After"] == "1" and not refused.closes
    others = [ask(front, f"{slow}?{name}", {"X-Forwarded-For": name}) for name in ("192.0.2.2", "2001:db8::1")]
    others += [ask(front, f"{slow}?proxy{n}", {}) for n in range(3)]
    assert [connection.read().status for connection in waiting + others] == [200] * 7
    # Who has been answered may ask again.
    assert front.get(f"//{slow}?again", headers=first).status == 200
    assert 'imageproxy_refusals_total{reason="client"} 3\n' in front.get("/metrics").text


def test_a_flood_of_refusals_is_not_one_of_lines(start, origin):
    front = start(*LOCAL, "-workers", "1", "-maxConnectionsPerClient", "1", "-trustedProxies", "127.0.0.1")
    flooded = threading.Event()

    def held(request):
        while not flooded.is_set():
            yield 0.02
        yield answer(pictures.flat(20, 20), content_type="image/jpeg")

    url = origin.serve("/held.jpg", held)
    client = {"X-Forwarded-For": "192.0.2.1"}
    waiting = ask(front, url, client)
    processes.wait_until(lambda: origin.count() == 1)
    with front.connect() as connection:
        for _ in range(200):
            assert connection.request(f"//{url}?refused", headers=client).status == 429
    flooded.set()
    assert waiting.read().status == 200
    lines = lambda: front.errors.count("too many requests at a time of 192.0.2.1\n")
    assert 20 <= lines() < 200
    # Every line is written or counted.
    said = lambda: sum(map(int, re.findall(r" left out (\d+) lines about requests that failed with client_busy\n", front.errors)))
    processes.wait_until(lambda: lines() + said() == 200, timeout=30, what="how many lines were left out")


def test_nobodys_word_is_taken_without_leave(start, slow):
    front = start(*LOCAL, "-workers", "1", "-maxConnectionsPerClient", "2", "-verbose")
    held = [ask(front, slow, {"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(2)]
    assert [connection.read().status for connection in held] == [200] * 2
    with front.connect(timeout=5) as third, pytest.raises((Ended, OSError)):
        third.request("/", headers={"X-Forwarded-For": "192.0.2.3"})
    processes.wait_until(lambda: front.errors.count(" of 127.0.0.1\n") == 2)
    assert "192.0.2" not in front.errors


def test_the_log_names_the_client(start, origin, tmp_path):
    url = origin.serve("/a.jpg", pictures.flat(20, 20))
    front = start(*LOCAL, "-workers", "1", "-verbose", "-trustedProxies", "unix", address=f"unix:{tmp_path}/socket")
    assert front.get(f"/10x/{url}", headers={"X-Forwarded-For": "192.0.2.7"}).status == 200
    assert front.get(f"/10x/{url}", headers={"X-Forwarded-For": "\x9b31m"}).status == 200
    processes.wait_until(lambda: f"request: GET {url}#10x0 of 192.0.2.7\n" in front.errors, what="the client in the log")
    processes.wait_until(lambda: f"request: GET {url}#10x0 of somebody\n" in front.errors)


def test_two_thousand_connections_are_in_nobodys_way(start, origin):
    url = origin.serve("/a.jpg", pictures.flat(200, 100))
    front = start(*LOCAL, "-workers", "1")
    figures = held_connections.measure(front, f"/100x/{url}", 2000)
    assert figures.answered == figures.asked
    assert figures.bytes_each <= held_connections.LIMIT, figures


def test_without_descriptors_it_refuses_and_recovers(start, origin):
    url = origin.serve("/a.jpg", pictures.flat(200, 100))
    front = start(*LOCAL, "-workers", "1", "-cache", "memory")
    held = front.connect()
    assert held.request(f"/100x/{url}").status == 200
    limit = front.descriptor_count() + 20
    before = resource.prlimit(front.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(front.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    many = []
    for _ in range(100):
        many.append(front.connect(timeout=5))
        many[-1].send("GET /health-check HTTP/1.1\r\nHost: a\r\n\r\n")
    # Some get an answer, and the rest an end: nobody waits in vain.
    outcomes = [outcome(connection) for connection in many]
    assert outcomes.count(200) >= 10 and outcomes.count("ended") >= 50 and len(set(outcomes)) == 2, outcomes
    # Who was there before is served, and the loop does not turn in circles.
    assert held.request("/health-check").status == 200
    spent = processes.cpu_seconds(front.pid)
    time.sleep(1)
    assert processes.cpu_seconds(front.pid) - spent < 0.5
    # A picture needs descriptors that may not be there: an error then, and no harm.
    assert held.request(f"//{url}?new").status in (200, 502, 503)
    for connection in many:
        connection.close()
    resource.prlimit(front.pid, resource.RLIMIT_NOFILE, before)
    processes.wait_until(lambda: reaches(front) and front.get(f"/50x/{url}").status == 200, what="recovery")


def outcome(connection):
    try:
        return connection.read().status
    except Ended:
        return "ended"
