# SPDX-License-Identifier: Apache-2.0
"""The wall clock jumps, as on a machine whose time is set: what is cached stays right, and nothing waits for ever."""

import email.utils
import time

import pytest

import faults
import pictures
import processes
from front import LOCAL, in_parallel
from origin import answer, http_date, picture

DAY = 86_400


@pytest.fixture
def start_with_clock(start, shim, tmp_path):
    """A front, and the clock it goes by."""
    control = faults.Control(tmp_path / "faults")

    def begin(*flags):
        front = start(*LOCAL, "-workers", "1", *flags, environment=faults.environment(shim("faults"), control))
        front.wait_for_workers(1)
        return front, control

    return begin


def date_of(answered):
    return email.utils.parsedate_to_datetime(answered["Date"]).timestamp()


def test_the_clock_is_the_one_that_is_moved(start_with_clock):
    front, control = start_with_clock()
    for offset in (DAY, -DAY, 0):
        control.set_clock(offset)
        processes.wait_until(lambda: abs(date_of(front.get("/health-check")) - time.time() - offset) < 60, timeout=5)


def requests_of(origin, front, control, offsets, lifetime, has_date=True):
    """How often the origin was asked after each step of the clock, for one picture."""
    # The origin's clock is the one that is right, as is usual.
    url = origin.serve("/a.jpg", lambda _: answer(
        pictures.flat(200, 100), content_type="image/jpeg",
        headers={"Cache-Control": f"max-age={lifetime}", **({"Date": http_date()} if has_date else {})}))
    counts = []
    for offset in offsets:
        control.set_clock(offset)
        answered = front.get(f"/50x/{url}")
        assert answered.status == 200 and answered["X-Imageproxy-Error"] is None, answered
        assert pictures.decoded(answered.body).size == (50, 25)
        assert 0 <= int(answered["Age"] or 0) <= 3 * DAY
        counts.append(origin.count("/a.jpg"))
    return counts


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_what_is_too_old_after_a_jump_ahead_is_asked_for_again(start_with_clock, origin, tmp_path, cache):
    front, control = start_with_clock("-cache", "memory" if cache == "memory" else str(tmp_path / "cache"))
    assert requests_of(origin, front, control, [0, 0, DAY + 60], lifetime=3600) == [1, 1, 2]


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_a_small_step_back_costs_nothing(start_with_clock, origin, tmp_path, cache):
    front, control = start_with_clock("-cache", "memory" if cache == "memory" else str(tmp_path / "cache"))
    assert requests_of(origin, front, control, [0, -30, -3000, 0], lifetime=3600) == [1, 1, 1, 1]


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_what_claims_to_come_from_tomorrow_is_not_believed(start_with_clock, origin, tmp_path, cache):
    """Stored while the clock was two days ahead, by nothing but that clock: it would be fresh for two days too long."""
    front, control = start_with_clock("-cache", "memory" if cache == "memory" else str(tmp_path / "cache"))
    assert requests_of(origin, front, control, [2 * DAY, 0, 0], lifetime=3600, has_date=False) == [1, 2, 2]


def test_what_waits_goes_on_while_the_clock_jumps(start_with_clock, origin, slow_picture):
    """Deadlines do not go by the wall clock: none is missed, and none comes early."""
    front, control = start_with_clock("-fetchTimeout", "20s", "-transformTimeout", "20s")
    late = origin.serve("/late.jpg", lambda _: [1.5, answer(pictures.flat(200, 100), content_type="image/jpeg")])
    slow = origin.serve("/slow.png", picture(slow_picture, "image/png"))
    is_over = []

    def client(which):
        try:
            for number in range(2):
                size = front.picture(f"/{50 + number}x/{slow if which % 2 else late}").size
                assert size[0] == 50 + number
        finally:
            is_over.append(which)

    with in_parallel(4, client):
        jumps = 0
        while len(is_over) < 4:
            for offset in (DAY, -DAY, 0, 400 * DAY, -400 * DAY):
                control.set_clock(offset)
                time.sleep(0.05)
                jumps += 1
    assert jumps >= 5
    control.set_clock(0)
    # What has a deadline still has it.
    silent = origin.serve("/silent.jpg", lambda _: [60])
    other, control = start_with_clock("-fetchTimeout", "1s")
    with in_parallel(1, lambda _: control.set_clock(-DAY)):
        assert other.get(f"/50x/{silent}").status == 504
    assert front.get("/health-check").status == 200
