# SPDX-License-Identifier: Apache-2.0
"""A picture that kills whoever decodes it does so twice, and is not tried again for a while."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

import pictures
import processes
from front import LOCAL, in_parallel

GOOD = pictures.jpeg(320, 200)


def pill(what, number=0):
    """A good picture and, behind its end, what it does to its decoder."""
    return GOOD + b"%d PILL:%s" % (number, what.encode())


def deaths(front, cause="picture"):
    text = front.get("/metrics").text
    match = re.search(r'^imageproxy_worker_deaths_total\{cause="%s"\} (\d+)' % cause, text, re.MULTILINE)
    return int(match[1]) if match else 0


@pytest.fixture
def start_with_pills(start, shim, worker_with):
    """Starts fronts whose workers can be poisoned."""

    def start_front(*flags):
        front = start(*LOCAL, "-workerProgram", worker_with(shim("pill")), *flags)
        front.wait_for_workers(2)
        return front

    return start_front


@pytest.fixture
def redis(tmp_path):
    """The URL of a Redis of this test's own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL)

    def answers():
        with processes.contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port), 1).close() is None

    processes.wait_until(answers, what="redis-server")
    yield f"redis://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


def is_untransformable(answer, source):
    assert (answer.status, answer["X-Imageproxy-Error"]) == (200, "crashed"), answer
    assert answer.body == source


@pytest.mark.parametrize("what", ["crash", "abort", "open", "spin"])
def test_two_tries_and_no_more(start_with_pills, origin, what):
    front = start_with_pills("-workers", "2", "-transformTimeout", "700ms")
    source = pill(what)
    url = origin.serve("/pill.jpg", source)
    for _ in range(5):
        is_untransformable(front.get(f"/100x/{url}"), source)
    assert deaths(front) == 2
    assert "it is not tried again for 10 minutes" in front.errors
    # The same bytes elsewhere are the same pill; with other options they get their tries.
    is_untransformable(front.get(f"/100x/{origin.serve('/same.jpg', source)}"), source)
    assert deaths(front) == 2
    is_untransformable(front.get(f"/101x/{url}"), source)
    assert deaths(front) == 4
    assert front.picture(f"/100x/{origin.serve('/good.jpg', GOOD)}").size == (100, 63)


def test_a_thousand_requests_for_a_pill_among_good_ones(start_with_pills, origin):
    """A hundred good ones a second, on a machine that can do as many, and as many of the pill."""
    front = start_with_pills("-workers", "2")
    source = pill("crash")
    url = origin.serve("/pill.jpg", source)
    good = [origin.serve(f"/{index}.jpg", pictures.jpeg(320, 200, quality=70 + index)) for index in range(4)]
    # Known by its bytes and not by its address.
    is_untransformable(front.get(f"/100x/{url}?first"), source)
    begin = time.monotonic()

    def client(index):
        with front.connect(timeout=60) as connection:
            for number in range(250):
                time.sleep(max(0, begin + number / 25 - time.monotonic()))
                if index < 4:
                    is_untransformable(connection.request(f"/100x/{url}?{index * 250 + number}"), source)
                else:
                    answered = connection.request(f"/{number % 300 + 1}x/{good[index - 4]}?{number}")
                    assert answered.status == 200 and answered["X-Imageproxy-Error"] is None, answered
                    assert pictures.decoded(answered.body).size[0] == number % 300 + 1

    with in_parallel(8, client, patience=300):
        pass
    assert deaths(front) == 2 and deaths(front, "outside") == 0
    assert sum(origin.count(f"/{index}.jpg") for index in range(4)) == 1000


def test_a_crowd_that_asks_for_one_pill_at_once_costs_two_deaths(start_with_pills, origin):
    front = start_with_pills("-workers", "2")
    source = pill("crash")
    url = origin.serve("/pill.jpg", source)
    with in_parallel(50, lambda _: is_untransformable(front.get(f"/100x/{url}"), source)):
        pass
    assert deaths(front) == 2


def test_fronts_with_one_redis_count_together(start_with_pills, origin, redis):
    fronts = [start_with_pills("-workers", "2", "-cache", redis) for _ in range(3)]
    for what in ("crash", "abort"):
        source = pill(what)
        url = origin.serve(f"/{what}.jpg", source)
        before = sum(map(deaths, fronts))
        for front in fronts * 3:
            is_untransformable(front.get(f"/100x/{url}"), source)
        assert sum(map(deaths, fronts)) - before == 2


def test_one_death_on_each_of_two_fronts_is_enough(start_with_pills, origin, redis):
    """What one front has counted stands, even if another finds the picture's address first."""
    fronts = [start_with_pills("-workers", "2", "-cache", redis) for _ in range(2)]
    source = pill("crash")
    with in_parallel(2, lambda which: is_untransformable(
            fronts[which].get(f"/100x/{origin.serve(f'/{which}.jpg', source)}"), source)):
        pass
    # Both may have been at it before either knew.
    assert 2 <= sum(map(deaths, fronts)) <= 3
    before = sum(map(deaths, fronts))
    for front in fronts:
        is_untransformable(front.get(f"/100x/{origin.serve('/later.jpg', source)}"), source)
    assert sum(map(deaths, fronts)) == before


def test_a_death_from_outside_blames_nobody(start, origin, slow_picture):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    url = origin.serve("/slow.png", lambda _: b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n%b" % (
        len(slow_picture), slow_picture))
    kills = 0

    def killer(_):
        nonlocal kills
        while kills < 6:
            for child in processes.children(front.pid):
                time.sleep(0.05)
                with processes.contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
                    kills += 1
            time.sleep(0.005)

    with in_parallel(1, killer):
        assert front.picture(f"/300x/{url}").size[0] == 300
    assert deaths(front) == 0 and deaths(front, "outside") >= 5
    assert front.picture(f"/301x/{url}").size[0] == 301


def test_a_child_that_was_stopped_has_not_been_busy(start, origin, slow_picture):
    """It is killed at its deadline, and the picture is made by the next one: it had no part in it."""
    front = start(*LOCAL, "-workers", "2", "-transformTimeout", "4s")
    front.wait_for_workers(2)
    url = origin.serve("/slow.png", lambda _: b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n%b" % (
        len(slow_picture), slow_picture))
    with in_parallel(1, lambda _: front.picture(f"/300x/{url}")):
        child = processes.wait_until(lambda: processes.children(front.pid), interval=0.002)[0]
        time.sleep(0.05)
        os.kill(child.pid, signal.SIGSTOP)
    assert not processes.alive(child.pid)
    assert deaths(front) == 0 and deaths(front, "outside") == 1


# What a child may use


def test_a_child_gets_no_more_memory_than_it_may_have(start, bin, shim, origin, tmp_path):
    path = tmp_path / "jobs.sock"
    worker = subprocess.Popen(
        [str(bin / "imageproxy-worker"), "--jobs-socket", str(path), "--max-memory", "256"],
        env={"LD_PRELOAD": str(shim("pill"))})
    try:
        processes.wait_until(path.exists)
        front = start(*LOCAL, "-jobsSocket", str(path))
        url = origin.serve("/hog.jpg", pill("hog"))
        answers, peaks = [], []

        def look(_):
            while not answers:
                for keeper in processes.level(worker.pid, 0):
                    for child in processes.level(keeper.pid, 0):
                        with processes.contextlib.suppress(OSError, KeyError):
                            peaks.append(int(processes.status(child.pid)["VmHWM"].split()[0]))

        with in_parallel(1, look):
            answers.append(front.get(f"/100x/{url}"))
        # Either it ended for want of memory, or it could say so; in both cases that is all that happened.
        assert answers[0]["X-Imageproxy-Error"] in ("crashed", "out-of-memory"), answers
        # It has taken what there was, and no more.
        assert 150 * 1024 < max(peaks) < 256 * 1024
        assert front.picture(f"/100x/{origin.serve('/good.jpg', GOOD)}").size == (100, 63)
    finally:
        worker.terminate()
        worker.wait(10)


def test_a_child_that_stops_its_keeper_ends_by_its_own_limit(start_with_pills, origin):
    """With the keeper stopped, nobody watches the clock: the limit on processor time ends what spins."""
    front = start_with_pills("-workers", "2", "-transformTimeout", "1s")
    url = origin.serve("/pill.jpg", pill("spin"))
    # A front that hears nothing of its keeper blames nobody, so it is either answer here.
    answers = []
    with in_parallel(1, lambda _: answers.append(front.get(f"/100x/{url}", timeout=60))):
        child = processes.wait_until(lambda: processes.children(front.pid), interval=0.002)[0]
        os.kill(child.parent, signal.SIGSTOP)
        try:
            # The keeper's limit is two seconds, the child's own two more, and a signal in another.
            processes.wait_until(lambda: not processes.alive(child.pid), timeout=30, what="the child gone")
        finally:
            os.kill(child.parent, signal.SIGCONT)
    assert answers[0].status == 503 or answers[0]["X-Imageproxy-Error"] == "crashed", answers
