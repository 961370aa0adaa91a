# SPDX-License-Identifier: Apache-2.0
"""Many who want the same thing at the same time cost no more than one."""

import os
import re
import signal
import threading
import time

import pictures
import processes
from front import LOCAL, in_parallel
from origin import answer, picture


def slow(body, seconds, **fields):
    served = picture(body, **fields)

    def handler(request):
        time.sleep(seconds)
        return served(request)

    return handler


def test_many_callers_of_one_cold_url_are_one_fetch(start, origin):
    front = start(*LOCAL, "-workers", "2", "-verbose")
    url = origin.serve("/a.jpg", slow(pictures.jpeg(800, 533), 0.5))
    bodies, gate = [], threading.Barrier(64)

    def client(index):
        with front.connect() as connection:
            gate.wait(10)
            answered = connection.request(f"/200x/{url}")
            assert answered.status == 200 and answered["X-Imageproxy-Error"] is None
            bodies.append(answered.body)

    with in_parallel(64, client):
        pass
    assert origin.count() == 1
    assert len(bodies) == 64 and len(set(bodies)) == 1
    assert pictures.decoded(bodies[0]).size == (200, 133)


def test_a_stampede_is_one_fetch_and_one_transformation(start, origin):
    """Whoever comes while the picture is made waits for it, and whoever comes later finds it."""
    front = start(*LOCAL, "-workers", "2", "-cache", "memory")
    url = origin.serve("/a.jpg", slow(pictures.jpeg(800, 533), 0.5, Cache_Control="max-age=1000"))
    callers = [front.connect(timeout=60) for _ in range(500)]
    for connection in callers:
        connection.send(f"GET /200x/{url} HTTP/1.1\r\nHost: a\r\n\r\n")
    answers = [connection.read() for connection in callers]
    for connection in callers:
        connection.close()
    assert all(one.status == 200 and one["X-Imageproxy-Error"] is None for one in answers)
    assert len({one.body for one in answers}) == 1 and origin.count() == 1
    made = re.search(r'^imageproxy_stage_\w*_count\{stage="encode"\} (\d+)$', front.get("/metrics").text, re.MULTILINE)
    assert made and made[1] == "1"


def test_many_variants_of_one_cold_url_are_one_fetch(start, origin):
    front = start(*LOCAL, "-workers", "2")
    url = origin.serve("/a.jpg", slow(pictures.jpeg(800, 533), 0.5))
    sizes, gate = {}, threading.Barrier(16)

    def client(index):
        with front.connect() as connection:
            gate.wait(10)
            answered = connection.request(f"/{100 + index}x/{url}")
            sizes[index] = pictures.decoded(answered.body).size[0]

    with in_parallel(16, client):
        pass
    assert origin.count() == 1
    assert sizes == {index: 100 + index for index in range(16)}


def test_many_different_urls_get_their_own_pictures(start, origin):
    front = start(*LOCAL, "-workers", "2", "-cache", "memory")
    urls = [origin.serve(f"/{index}.jpg", pictures.flat(100 + index, 80, seed=index)) for index in range(40)]
    expected = [pictures.decoded(pictures.flat(100 + index, 80, seed=index)).getpixel((50, 40)) for index in range(40)]

    def client(which):
        with front.connect() as connection:
            for step in range(40):
                index = (which * 7 + step) % 40
                image = pictures.decoded(connection.request(f"/cw{99 + index}/{urls[index]}").body)
                assert image.size == (99 + index, 80)
                assert all(abs(a - b) < 12 for a, b in zip(image.getpixel((50, 40)), expected[index])), index

    with in_parallel(8, client):
        pass


def test_a_client_that_leaves_takes_nothing_with_it(start, origin):
    front = start(*LOCAL, "-workers", "2")
    url = origin.serve("/a.jpg", slow(pictures.jpeg(800, 533), 1))
    request = f"GET /200x/{url} HTTP/1.1\r\nHost: a\r\n\r\n"
    connections = [front.connect() for _ in range(16)]
    # The one that began it leaves, and so do others.
    connections[0].send(request)
    processes.wait_until(lambda: origin.count() == 1)
    for connection in connections[1:]:
        connection.send(request)
    time.sleep(0.2)
    for connection in connections[:8]:
        connection.close()
    for connection in connections[8:]:
        answered = connection.read()
        assert answered.status == 200 and pictures.decoded(answered.body).size == (200, 133)
    assert origin.count() == 1


def test_a_fetch_that_nobody_waits_for_is_ended(start, origin):
    front = start(*LOCAL, "-workers", "1")
    url = origin.serve("/a.jpg", lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"] + [b"x", 0.02] * 1000)
    connections = [front.connect() for _ in range(3)]
    for connection in connections:
        connection.send(f"GET /200x/{url} HTTP/1.1\r\nHost: a\r\n\r\n")
    processes.wait_until(lambda: origin.count() == 1 and origin.open_connections == 1)
    time.sleep(0.2)
    assert origin.open_connections == 1
    for connection in connections:
        connection.close()
    # A client that has ended its side may still read, for a moment.
    processes.wait_until(lambda: origin.open_connections == 0, timeout=6, what="the fetch ended")
    # Whoever comes now starts afresh.
    origin.serve("/a.jpg", pictures.flat(64, 48))
    assert front.picture(f"/32x/{url}").size == (32, 24)


def test_a_transformation_that_nobody_waits_for_is_ended(start, origin, slow_picture):
    front = start(*LOCAL, "-workers", "1")
    url = origin.serve("/slow.png", picture(slow_picture, "image/png"))
    with front.connect() as connection:
        connection.send(f"GET /1900x/{url} HTTP/1.1\r\nHost: a\r\n\r\n")
        child = processes.wait_until(lambda: processes.children(front.pid), interval=0.005)[0]
        # It will not come to an end by itself.
        os.kill(child.pid, signal.SIGSTOP)
    processes.wait_until(lambda: not processes.alive(child.pid), timeout=6, what="the child ended")
    assert front.picture(f"/1900x/{url}").size == (1900, 1520)


def test_a_failure_is_shared_and_forgotten(start, origin):
    front = start(*LOCAL, "-workers", "1")

    def fails(request):
        time.sleep(0.5)
        return answer(b"", 404)

    url = origin.serve("/a.jpg", fails)
    statuses = []
    with in_parallel(10, lambda _: statuses.append(front.get(f"/200x/{url}").status)):
        pass
    assert statuses == [404] * 10 and origin.count() == 1
    origin.serve("/a.jpg", pictures.flat(64, 48))
    assert front.picture(f"/32x/{url}").size == (32, 24)
