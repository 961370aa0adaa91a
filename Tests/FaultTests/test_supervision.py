# SPDX-License-Identifier: Apache-2.0
"""Whoever of the workers' processes is killed or stopped while there is work: no request fails."""

import os
import random
import signal
import time

import pytest

import pictures
import processes
from front import LOCAL, in_parallel

#: Which generation of the front's descendants plays which part.
ROLES = {"launcher": 0, "keeper": 1, "child": 2}


def serve(front, origin, index):
    """A picture that is some milliseconds of work, long enough to be caught at it and no longer: how large that is, the
    programs' build decides."""
    for width in (160, 320, 640):
        url = origin.serve(f"/{index}.jpg", pictures.jpeg(width, width * 2 // 3, quality=80 + index))
        begin = time.monotonic()
        front.picture(f"/{width // 2}x/{url}")
        if time.monotonic() - begin > 0.02:
            break
    return url


def under_load(front, origin, harm, seconds=6):
    """Asks for pictures in four threads while `harm` goes on; every one must come."""
    urls = [serve(front, origin, index) for index in range(4)]
    end = time.monotonic() + seconds
    done, failed = [], []

    def client(which):
        width = 0
        with front.connect(timeout=60) as connection:
            while time.monotonic() < end:
                width = width % 150 + 1
                answered = connection.request(f"/{width}x/{urls[which]}")
                if answered.status != 200 or answered["X-Imageproxy-Error"]:
                    failed.append(answered)
                else:
                    assert pictures.decoded(answered.body).size[0] == width
                    done.append(which)

    with in_parallel(4, client):
        harm(end)
    assert not failed, f"{len(failed)} of {len(done) + len(failed)} failed: {failed[:3]}\n{front.errors}"
    assert len(done) > 20, front.errors
    processes.wait_until(lambda: len(processes.keepers(front.pid)) == 2, timeout=20, what="two workers")
    assert front.picture(f"/151x/{urls[0]}").size[0] == 151


@pytest.mark.parametrize("role", ROLES)
def test_one_killed_every_tenth_of_a_second(start, origin, role):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    chance = random.Random(3)
    kills = 0

    def murder(end):
        nonlocal kills
        while time.monotonic() < end:
            # A picture's process is there for a few milliseconds, and must be caught.
            victims = processes.level(front.pid, ROLES[role])
            if not victims:
                continue
            with processes.contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(victims).pid, signal.SIGKILL)
                kills += 1
                time.sleep(0.1)

    under_load(front, origin, murder)
    assert kills > 10


@pytest.mark.parametrize("role", ROLES)
def test_each_stopped_in_turn(start, origin, role):
    front = start(*LOCAL, "-workers", "2", "-transformTimeout", "2s")
    front.wait_for_workers(2)
    stops = 0

    def stop(end):
        nonlocal stops
        turn = 0
        while time.monotonic() < end:
            victims = processes.level(front.pid, ROLES[role])
            if not victims:
                continue
            victim = victims[turn % len(victims)].pid
            turn += 1
            with processes.contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGSTOP)
                stops += 1
                time.sleep(0.5)
                os.kill(victim, signal.SIGCONT)

    under_load(front, origin, stop)
    assert stops > 3


@pytest.mark.parametrize("role", ["launcher", "keeper"])
def test_one_that_is_stopped_for_good_is_replaced(start, origin, role):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    url = origin.serve("/a.jpg", pictures.jpeg(320, 200))
    before = {launcher.pid for launcher in processes.launchers(front.pid)}
    victim = processes.level(front.pid, ROLES[role])[0]
    stopped = victim.pid if role == "launcher" else victim.parent
    os.kill(victim.pid, signal.SIGSTOP)

    def is_replaced():
        # Nobody has to wait for that.
        assert front.picture(f"/50x/{url}?{time.monotonic_ns()}").size == (50, 31)
        return not processes.alive(stopped) and not processes.alive(victim.pid)

    processes.wait_until(is_replaced, timeout=60, interval=0.1, what=lambda: f"another {role}\n{front.errors}")
    front.wait_for_workers(2)
    # The other one was only busy.
    now = {launcher.pid for launcher in processes.launchers(front.pid)}
    assert before - now == {stopped}
    assert front.errors.count("was stopped for 10 s, and is replaced") == 1
    text = front.get("/metrics").text
    assert "\nimageproxy_worker_restarts_total 1\n" in text and 'deaths_total{cause="picture"} 0' in text


def test_one_that_goes_on_in_time_is_left_alone(start, origin):
    front = start(*LOCAL, "-workers", "1")
    front.wait_for_workers(1)
    keeper, = processes.keepers(front.pid)
    for _ in range(3):
        os.kill(keeper.pid, signal.SIGSTOP)
        processes.wait_until(lambda: processes.Process(keeper.pid).state == "T")
        time.sleep(4)
        os.kill(keeper.pid, signal.SIGCONT)
        processes.wait_until(lambda: processes.Process(keeper.pid).state != "T")
    # Four and four and four are not ten.
    url = origin.serve("/a.jpg", pictures.jpeg(320, 200))
    assert front.picture(f"/50x/{url}").size == (50, 31)
    assert [one.pid for one in processes.keepers(front.pid)] == [keeper.pid] and "was stopped" not in front.errors
