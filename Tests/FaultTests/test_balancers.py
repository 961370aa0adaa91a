# SPDX-License-Identifier: Apache-2.0
"""Two fronts behind nginx and haproxy as deploy/ configures them, while fronts come and go."""

import itertools

import pytest

import client
import pictures
import processes
from balancer import Balancer
from front import LOCAL
from load import Load
from origin import picture
from redis_server import Redis, free_port

LASTING = picture(pictures.jpeg(60, 40), cache_control="max-age=1000")


@pytest.fixture(params=["nginx", "haproxy"])
def balanced(request, start):
    """Starts two fronts with these caches behind a balancer; gives it and them."""
    opened = []

    def begin(*flags):
        fronts = [start_front(start, free_port(), *flags) for _ in range(2)]
        balancer = Balancer(request.param, fronts)
        opened.append(balancer)
        processes.wait_until(
            lambda: get(balancer, "/ready").status == 200, timeout=20, what=f"a front is used\n{balancer.log}")
        return balancer, fronts

    yield begin
    for balancer in opened:
        balancer.close()


def start_front(start, port, *flags):
    front = start(*LOCAL, "-workers", "1", "-trustedProxies", "127.0.0.1", *flags, address=f"127.0.0.1:{port}")
    front.wait_for_workers(1)
    return front


def get(balancer, target):
    with client.Connection(balancer.endpoint) as connection:
        return connection.request(target)


def kill_each_in_turn(start, balancer, fronts, source, *flags):
    """Each front is killed under load, and comes back; no client may notice."""
    with Load(balancer.endpoint, source, resends=False) as load:
        for index in range(2):
            port = fronts[index].endpoint[1]
            fronts[index].kill()
            load.wait_for(60)
            fronts[index] = start_front(start, port, *flags)
            processes.wait_until(
                lambda: asked(fronts[index]) > 20, timeout=60, what=f"the new front is used\n{balancer.log}")
    return load


def asked(front):
    """Pictures that a front was asked for."""
    lines = front.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("imageproxy_requests_total{"))


def test_no_request_fails_when_a_front_is_killed(balanced, start, origin):
    source = origin.serve("/a.jpg", pictures.jpeg(300, 200))
    balancer, fronts = balanced("-cache", "memory")
    kill_each_in_turn(start, balancer, fronts, source, "-cache", "memory")


def test_no_request_fails_when_a_front_is_killed_that_shares_a_redis(balanced, start, origin):
    redis = Redis()
    try:
        source = origin.serve("/a.jpg", pictures.jpeg(300, 200))
        flags = ["-cache", "memory", "-cache", redis.url]
        balancer, fronts = balanced(*flags)
        kill_each_in_turn(start, balancer, fronts, source, *flags)
    finally:
        redis.close()


def test_no_request_fails_when_a_front_is_upgraded(balanced, start, origin):
    source = origin.serve("/a.jpg", pictures.jpeg(300, 200))
    balancer, fronts = balanced("-drainDelay", "3s")
    with Load(balancer.endpoint, source, resends=False) as load:
        port = fronts[0].endpoint[1]
        fronts[0].stop()
        fronts[0] = start_front(start, port)
        load.wait_for(60)


def test_all_sizes_of_a_picture_are_made_by_one_front(balanced, origin):
    balancer, fronts = balanced("-cache", "memory")
    first = (origin.serve(f"/first-{number}.jpg", LASTING) for number in itertools.count())
    processes.wait_until(
        lambda: get(balancer, f"/20x/{next(first)}").status == 200 and all(asked(front) > 0 for front in fronts),
        timeout=20, what=f"both fronts are used\n{balancer.log}")
    paths = [f"/{number}.jpg" for number in range(24)]
    for path in paths:
        url = origin.serve(path, LASTING)
        for width in (20, 30, 40):
            assert get(balancer, f"/{width}x/{url}").status == 200
    # Fetched by one front, once, and by the other not at all.
    assert [origin.count(path) for path in paths] == [1] * len(paths)


def test_only_the_pictures_of_a_dead_front_move(balanced, origin):
    balancer, fronts = balanced("-cache", "memory")
    urls = [origin.serve(f"/{number}.jpg", LASTING) for number in range(24)]
    for url in urls:
        assert get(balancer, f"/20x/{url}").status == 200
    moved = int(asked(fronts[0]))
    fronts[0].kill()
    for url in urls:
        assert get(balancer, f"/20x/{url}").status == 200
    assert origin.count() == len(urls) + moved


def test_cached_pictures_are_served_when_all_fronts_are_too_busy(balanced, origin, slow_picture):
    balancer, fronts = balanced("-cache", "memory", "-maxQueue", "1", "-maxQueueWait", "1ms")
    kept = f"/20x/{origin.serve('/kept.jpg', LASTING)}"
    assert get(balancer, kept).status == 200
    slow = origin.serve("/slow.png", picture(slow_picture, "image/png"))
    clients = [client.Connection(balancer.endpoint, 60) for _ in range(24)]
    for index, one in enumerate(clients):
        one.send(f"GET /50x/{slow}?{index} HTTP/1.1\r\nHost: test\r\n\r\n")
    answered = []
    for one in clients:
        answered.append(one.read().status)
        assert get(balancer, kept).status == 200, balancer.log
        one.close()
    assert answered.count(503) >= 10 and set(answered) == {200, 503}
