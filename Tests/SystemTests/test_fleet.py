# SPDX-License-Identifier: Apache-2.0
"""Several fronts that share a Redis: what one makes, none makes again."""

import threading
import time

import pytest

import pictures
import processes
from front import LOCAL, in_parallel
from origin import answer, picture

LASTING = {"Cache_Control": "max-age=1000"}


def slow(body, seconds, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    def handler(request):
        time.sleep(seconds)
        return answer(body, content_type="image/jpeg", headers=fields)

    return handler


@pytest.fixture
def fleet(start, redis):
    """Two fronts, whose connections to Redis stand."""
    def begin(count=2, *flags):
        fronts = [start(*LOCAL, "-workers", "1", "-cache", "memory", "-cache", redis.url, *flags)
                  for _ in range(count)]
        wait_for_fronts(redis, count)
        return fronts

    return begin


def wait_for_fronts(redis, count):
    """Each front has two connections for commands, and one that listens."""
    def stand():
        clients = [line for line in redis.cli("CLIENT", "LIST").splitlines() if "name=imageproxy" in line]
        return len(clients) == 3 * count and redis.cli("PUBSUB", "NUMSUB", "imageproxy:fills").split()[-1] == str(count)

    processes.wait_until(stand, timeout=20, what="all fronts are connected to Redis")


def transformations(front):
    total = 0
    for line in front.get("/metrics").text.splitlines():
        if line.startswith("imageproxy_transformations_total{"):
            total += float(line.rpartition(" ")[2])
    return total


def ask_all(fronts, target, count):
    """As many callers at once, spread over the fronts; the bodies of their answers."""
    bodies, gate = [], threading.Barrier(count)

    def client(index):
        with fronts[index % len(fronts)].connect() as connection:
            gate.wait(60)
            answered = connection.request(target)
            assert answered.status == 200 and answered["X-Imageproxy-Error"] is None, answered
            bodies.append(answered.body)

    with in_parallel(count, client):
        pass
    return bodies


def test_five_hundred_callers_of_one_cold_url_are_one_fetch_and_one_transformation(fleet, origin, redis):
    fronts = fleet()
    url = origin.serve("/a.jpg", slow(pictures.jpeg(800, 533), 1, **LASTING))
    bodies = ask_all(fronts, f"/200x/{url}", 500)
    assert len(bodies) == 500 and len(set(bodies)) == 1
    assert pictures.decoded(bodies[0]).size == (200, 133)
    assert origin.count() == 1
    assert sum(transformations(front) for front in fronts) == 1
    # No lease is left behind.
    processes.wait_until(lambda: not redis.keys("imageproxy:fill:*"), what="leases given back")


def test_originals_are_fetched_once_however_many_variants(fleet, origin):
    fronts = fleet()
    url = origin.serve("/a.jpg", slow(pictures.jpeg(800, 533), 1, **LASTING))
    sizes = {}

    def client(index):
        sizes[index] = fronts[index % 2].picture(f"/{100 + index}x/{url}").size[0]

    with in_parallel(10, client):
        pass
    assert sizes == {index: 100 + index for index in range(10)}
    assert origin.count() == 1


def test_what_is_stale_for_all_is_asked_about_once(fleet, origin):
    fronts = fleet()
    body = pictures.jpeg(400, 300)
    url = origin.serve("/a.jpg", picture(body, Cache_Control="max-age=1", Etag='"a"'))
    first = fronts[0].get(f"/200x/{url}")
    fronts[1].get(f"/200x/{url}")

    def revalidate(request):
        assert request.headers.get("if-none-match") == '"a"'
        time.sleep(0.5)
        return answer(status=304, headers={"Cache-Control": "max-age=1000"})

    origin.serve("/a.jpg", revalidate)
    time.sleep(2)
    count = origin.count()
    bodies = ask_all(fronts, f"/200x/{url}", 20)
    assert set(bodies) == {first.body} and origin.count() == count + 1
    assert sum(transformations(front) for front in fronts) == 1


@pytest.mark.parametrize("control", ["no-store", "private"])
def test_what_may_not_be_kept_is_made_by_each(fleet, origin, control):
    fronts = fleet()
    url = origin.serve("/a.jpg", slow(pictures.jpeg(400, 300), 0.3, Cache_Control=control))
    bodies = ask_all(fronts, f"/200x/{url}", 8)
    assert len(set(bodies)) == 1 and origin.count() >= 2


def test_a_front_that_is_killed_in_the_middle_costs_no_answer(fleet, origin, redis):
    leader, follower = fleet()
    reached = threading.Event()

    def handler(request):
        # The first one hangs until its front is dead.
        if not reached.is_set():
            reached.set()
            time.sleep(20)
        return answer(pictures.jpeg(800, 533), content_type="image/jpeg", headers={"Cache-Control": "max-age=1000"})

    url = origin.serve("/a.jpg", handler)
    with leader.connect() as connection:
        connection.send(f"GET /200x/{url} HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reached.wait(20)
        bodies = []

        def client(index):
            bodies.append(follower.get(f"/200x/{url}").body)

        with in_parallel(50, client):
            time.sleep(0.5)
            assert not bodies and origin.count() == 1
            leader.kill()
    assert len(bodies) == 50 and len(set(bodies)) == 1 and pictures.decoded(bodies[0]).size == (200, 133)
    assert origin.count() == 2


def test_without_redis_each_front_is_on_its_own(fleet, origin, redis):
    fronts = fleet()
    redis.kill()
    url = origin.serve("/a.jpg", slow(pictures.jpeg(800, 533), 0.5, **LASTING))
    bodies = ask_all(fronts, f"/200x/{url}", 20)
    assert len(set(bodies)) == 1 and origin.count() == 2
