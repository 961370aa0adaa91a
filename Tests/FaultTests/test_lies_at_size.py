# SPDX-License-Identifier: Apache-2.0
"""Thousands of lies, one after the other and several at a time, and a front that is no worse for them.

Each kind of lie is told and looked at by itself in test_hostile_worker.py. IMAGEPROXY_ALL_FAULTS=1 tells a thousand of
each, which takes long.
"""

import itertools
import os
import random

import pytest

import pictures
import processes
import stub_worker as stub
import test_hostile_worker as lies
from front import LOCAL, Front, in_parallel
from origin import picture

EACH = 1000 if os.environ.get("IMAGEPROXY_ALL_FAULTS") else 25
#: Left out: what needs a timer of its own for each.
DESCRIPTORS = [lie for name, lie in lies.DESCRIPTORS.items() if name != "a pipe that never ends"]
RESULTS = [lies.answers(lambda data=data: stub.memory(data)) for data in lies.RESULTS.values()]
FRAMES = [lies.answers(*descriptors, data=data) for data in lies.FRAMES.values() for descriptors in ((), (lies.forged_memory,))]
LIARS = 4


def mutated(chance):
    """A reply with some of its bits turned over, and something else than what was asked for."""
    def data(nonce):
        frame = bytearray(stub.reply(nonce))
        for _ in range(chance.randint(1, 8)):
            frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
        return bytes(frame)

    return lies.answers(lambda: stub.memory(lies.HTML), data=data)


@pytest.fixture
def liars(bin, origin, tmp_path):
    """A front that has nobody but liars to do its work."""
    stubs = stub.StubWorkers(tmp_path / "jobs.sock")
    front = Front(bin, *LOCAL, "-jobsSocket", str(tmp_path / "jobs.sock"), "-transformTimeout", "2s")
    yield front, stubs
    front.stop()
    stubs.close()


@pytest.mark.parametrize("kind", ["descriptors", "results", "frames", "mutations"])
def test_no_lie_gets_through_and_nothing_is_lost(liars, origin, kind):
    front, stubs = liars
    url = origin.serve("/a.jpg", picture(lies.SOURCE))
    chance = random.Random(7)
    known = {"descriptors": DESCRIPTORS, "results": RESULTS, "frames": FRAMES, "mutations": [mutated(chance)] * 20}[kind]
    told = [lie for lie in known for _ in range(EACH)]
    chance.shuffle(told)
    before = front.descriptor_count()
    # A ticket more than there are jobs takes a lie, too: they do not run out.
    threads = [stubs.serve(itertools.cycle(told[which::LIARS])) for which in range(LIARS)]
    left = iter(range(len(told) // 2))

    def client(_):
        with front.connect(timeout=60) as connection:
            for number in left:
                answered = connection.request(f"/100x/{url}?{kind}{number}")
                # A failure that is well-formed is believed, so it may have another word for it.
                assert answered.status == 200 and answered["X-Imageproxy-Error"], answered
                assert answered.body == lies.SOURCE

    with in_parallel(LIARS, client, patience=60 * EACH // 25):
        pass
    assert front.process.poll() is None, front.errors
    processes.wait_until(
        lambda: front.descriptor_count() <= before + 8, what=lambda: f"{before} descriptors, now {front.descriptor_count()}")
    stubs.socket.shutdown(2)
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
