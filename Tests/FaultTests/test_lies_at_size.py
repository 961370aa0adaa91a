# SPDX-License-Identifier: Apache-2.0
"""Thousands of lies, one after the other and several at a time, and a front that is no worse for them.

Each kind of lie is told and looked at by itself in test_hostile_worker.py. IMAGEPROXY_ALL_FAULTS=1 tells a thousand of
each, ten thousand of those about memory that changes, and a million wrong frames, which takes long.
"""

import contextlib
import fcntl
import itertools
import mmap
import os
import random
import threading

import pytest

import pictures
import processes
import stub_worker as stub
import test_hostile_worker as lies
from front import LOCAL, Front, in_parallel
from origin import picture

ALL = bool(os.environ.get("IMAGEPROXY_ALL_FAULTS"))
EACH = 1000 if ALL else 25
CHANGES = 10_000 if ALL else 200
MUTATIONS = 100_000 if ALL else 500
#: Left out: what needs a timer of its own for each.
DESCRIPTORS = [lie for name, lie in lies.DESCRIPTORS.items() if name != "a pipe that never ends"]
RESULTS = [lies.answers(lambda data=data: stub.memory(data)) for data in lies.RESULTS.values()]
FRAMES = [lies.answers(*descriptors, data=data) for data in lies.FRAMES.values() for descriptors in ((),
    (lies.forged_memory,))]
LIARS = 4


#: The nonces of jobs that have not ended.
OPEN_NONCES = set()
#: F_SEAL_FUTURE_WRITE: who has it mapped already may go on writing.
FUTURE_WRITE = 16


def mutated(chance):
    """A frame with some of its bits turned over, or another job's; with it a picture that would do if it were this one's."""
    def data(nonce):
        others = list(OPEN_NONCES - {nonce})
        known = [stub.reply(nonce), stub.failure(nonce, 2), stub.report(2, 9), stub.report(1, 0), stub.hello()]
        if others and chance.random() < 0.2:
            return stub.reply(chance.choice(others))
        frame = bytearray(chance.choice(known[:1] * 4 + known))
        for _ in range(chance.randint(1, 8)):
            frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
        how = chance.random()
        if how < 0.1:
            frame = frame[:chance.randrange(len(frame))] or b"x"
        elif how < 0.2:
            frame += chance.randbytes(chance.randint(1, 80))
        return bytes(frame)

    def lie(ticket):
        ticket.greet()
        nonce = ticket.take().nonce
        OPEN_NONCES.add(nonce)
        frame = data(nonce)
        # What is still a reply to this job may be taken for one: then it is the result that must be found out.
        is_for_this = frame[8:24] == nonce
        ticket.send(frame, stub.memory(lies.HTML if is_for_this else lies.forged()))
        ticket.hung_up(0.5)
        OPEN_NONCES.discard(nonce)

    return lie


def changing(change, seals):
    """A result of which this side keeps a descriptor and a mapping, and changes it until the front hangs up."""
    def lie(ticket):
        ticket.greet()
        nonce = ticket.take().nonce
        number = stub.memory(lies.forged(), 0)
        size = os.fstat(number).st_size
        with mmap.mmap(number, size) as pages:
            if seals:
                fcntl.fcntl(number, fcntl.F_ADD_SEALS, seals)
            kept = os.dup(number)
            is_over = threading.Event()

            def work():
                while not is_over.is_set():
                    change(kept, pages, size)

            thread = threading.Thread(target=work)
            thread.start()
            try:
                ticket.send(stub.reply(nonce), number)
                ticket.hung_up(0.5)
            finally:
                is_over.set()
                thread.join()
                os.close(kept)

    return lie


def truncated(chance):
    def change(number, pages, size):
        os.truncate(number, chance.randrange(min(size, os.fstat(number).st_size + 1)))
        with contextlib.suppress(PermissionError):
            os.truncate(number, size)

    return change


def flipped(chance):
    def change(number, pages, size):
        # At any moment either is whole.
        pages[chance.randrange(size)] ^= 1 << chance.randrange(8)
        pages[:len(lies.HTML)] = lies.HTML
        pages[:size] = lies.forged()

    return change


def kinds(chance):
    """Lies by their kind, as many as are to be told."""
    shrink, grow, write = 2, 4, 8
    return {
        "descriptors": DESCRIPTORS * EACH, "results": RESULTS * EACH, "frames": FRAMES * EACH,
        "truncations": [changing(truncated(chance), seals) for seals in (0, grow)] * (CHANGES // 2),
        "flips": [changing(flipped(chance), seals) for seals in (
            0, shrink | grow, shrink | grow | 1, shrink | grow | FUTURE_WRITE,
            shrink | grow | FUTURE_WRITE | 1)] * (CHANGES // 5),
        **{f"mutations-{number}": [mutated(chance)] * MUTATIONS for number in range(10 if ALL else 1)},
    }


@pytest.fixture
def liars(bin, origin, tmp_path):
    """A front that has nobody but liars to do its work."""
    stubs = stub.StubWorkers(tmp_path / "jobs.sock")
    front = Front(bin, *LOCAL, "-jobsSocket", str(tmp_path / "jobs.sock"), "-transformTimeout", "2s")
    yield front, stubs
    front.stop()
    stubs.close()


@pytest.mark.parametrize("kind", kinds(None))
def test_no_lie_gets_through_and_nothing_is_lost(liars, origin, kind):
    front, stubs = liars
    url = origin.serve("/a.jpg", picture(lies.SOURCE))
    chance = random.Random(kind)
    told = kinds(chance)[kind]
    chance.shuffle(told)
    before = front.descriptor_count()
    # A ticket more than there are jobs takes a lie, too: they do not run out.
    threads = [stubs.serve(itertools.cycle(told[which::LIARS])) for which in range(LIARS)]
    left = iter(range(len(told) // 2))

    def client(_):
        with front.connect(timeout=60) as connection:
            for number in left:
                answered = connection.request(f"/100x/{url}?{kind}{number}")
                # A failure among these is not believed, as a result comes with it.
                assert answered.status == 200 and answered["X-Imageproxy-Error"], answered
                assert answered.body == lies.SOURCE

    with in_parallel(LIARS, client, patience=3600 if ALL else 60):
        pass
    assert front.process.poll() is None, front.errors
    processes.wait_until(
        lambda: front.descriptor_count() <= before + 8,
        what=lambda: f"{before} descriptors, now {front.descriptor_count()}")
    stubs.socket.shutdown(2)
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
