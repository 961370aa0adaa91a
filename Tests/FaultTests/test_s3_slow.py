# SPDX-License-Identifier: Apache-2.0
"""S3 takes longer under load than anybody waits for it."""

import threading
import time

import object_peer
import pictures
import processes
from cache_load import FLAGS, Load
from front import in_parallel
from origin import picture
from test_objects import KEYS
from test_s3_errors import peer  # noqa: F401


def flags(peer, more=""):  # noqa: F811
    return "-cache", f"s3://region/bucket?endpoint={peer.url}&s3ForcePathStyle=1{more}"


def test_a_store_that_is_slow_fails_nobody(start, origin, peer):  # noqa: F811
    load = Load(start, origin, *flags(peer), environment=KEYS)
    load.settle()

    def harm():
        peer.fault = object_peer.slow(4)
        # Answers wait half a second for a look, until five were too slow; from then on they are made without it.
        processes.wait_until(lambda: "cannot be read" in load.front.errors, timeout=30, what="it is given up")
        time.sleep(1)

    outcomes = load.during(harm)
    assert "miss" in outcomes, set(outcomes)
    peer.fault = None
    load.recovered()
    assert load.front.errors.count("cannot be read") == 1, load.front.errors


class Held:
    """A fault: nothing is answered before it is let go."""

    def __init__(self):
        self.is_over = threading.Event()

    def __call__(self, seen):
        self.is_over.wait(60)


def test_every_answer_comes_before_that_of_a_store_that_says_nothing(start, origin, peer):  # noqa: F811
    load = Load(start, origin, *flags(peer), environment=KEYS)
    load.settle()
    peer.fault = held = Held()
    for target in load.targets:
        answer = load.front.get(target, timeout=20)
        assert answer.status == 200 and answer.body == load.right[target]
    assert not held.is_over.is_set()
    peer.fault = None
    held.is_over.set()
    load.recovered()


def test_an_operator_says_how_long_an_answer_waits(start, origin, peer):  # noqa: F811
    url = origin.serve("/a.jpg", picture(pictures.flat(160, 120), Cache_Control="max-age=100000"))
    patient, hasty = (start(*FLAGS, *flags(peer, f"&timeout={limit}"), environment=KEYS) for limit in ("60s", "300ms"))
    right = patient.get(f"/40x/{url}").body
    for front in patient, hasty:
        processes.wait_until(lambda: front.get(f"/40x/{url}")["X-Cache"] == "hit", what="a hit")
    before = len(peer.seen("GET"))
    peer.fault = held = Held()
    answers = []
    with in_parallel(1, lambda _: answers.append(patient.get(f"/40x/{url}"))):
        processes.wait_until(lambda: len(peer.seen("GET")) > before, what="the patient one asks")
        assert hasty.get(f"/40x/{url}", timeout=20)["X-Cache"] == "miss"
        # The other one still waits, and gets what is there.
        assert answers == []
        peer.fault = None
        held.is_over.set()
    assert answers[0]["X-Cache"] == "hit" and answers[0].body == right
