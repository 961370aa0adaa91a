# SPDX-License-Identifier: Apache-2.0
"""A worker that was taken over by a picture can say what it likes: no lie of it reaches a client.

Each lie is told once, by a stub on the same jobs socket as an honest worker, which then gets the job.
"""

import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

import pictures
import processes
import stub_worker as stub
from front import LOCAL, Front
from origin import Origin, picture
from stub_worker import failure, frame, hello, memory, reply, report

SOURCE = pictures.flat(200, 100)
TRUTH = (100, 50)


class Stage:
    """A front, an honest worker that can be stopped, and a stub, on one jobs socket."""

    def __init__(self, bin, directory):
        self.stubs = stub.StubWorkers(directory / "jobs.sock")
        self.origin = Origin()
        # Each picture with a tail of its own: what one lie has done is not to be remembered with the next.
        self.url = self.origin.serve("/a.jpg", lambda seen: picture(SOURCE + seen.target.encode())(seen))
        number = self.stubs.socket.fileno()
        self.worker = subprocess.Popen(
            [str(bin / "imageproxy-worker"), "--jobs-fd", str(number)], pass_fds=[number], env={})
        processes.wait_until(lambda: processes.level(self.worker.pid, 0), what="a keeper")
        self.front = Front(
            bin, *LOCAL, "-jobsSocket", str(directory / "jobs.sock"), "-transformTimeout", "500ms")
        self.number = 0
        assert self.ask().status == 200

    def ask(self, options="100x"):
        """A picture that nobody has asked for before."""
        self.number += 1
        return self.front.get(f"/{options}/{self.url}?{self.number}")

    def honest(self, is_on):
        """Stops the honest worker, or lets it go on."""
        number = signal.SIGCONT if is_on else signal.SIGSTOP
        for one in processes.level(self.worker.pid, 0):
            os.kill(one.pid, number)
            if not is_on:
                processes.wait_until(lambda: processes.Process(one.pid).state == "T", interval=0.001)

    def told(self, lies, options="100x"):
        """The answer when the first workers tell these lies, and the next one is honest."""
        self.honest(False)
        thread = self.stubs.serve(lies, done=lambda: self.honest(True))
        try:
            return self.ask(options)
        finally:
            thread.join(10)
            self.honest(True)
            failures, self.stubs.failures = self.stubs.failures, []
            assert not failures, failures

    def close(self):
        self.honest(True)
        self.front.stop()
        self.worker.terminate()
        self.worker.wait(5)
        self.stubs.close()
        self.origin.close()


@pytest.fixture(scope="module")
def stage(bin, tmp_path_factory):
    stage = Stage(bin, tmp_path_factory.mktemp("jobs"))
    yield stage
    stage.close()


@pytest.fixture(autouse=True)
def unharmed(stage):
    """After every test the same front is there, with no descriptor more."""
    pid, before = stage.front.pid, stage.front.descriptor_count()
    yield
    assert stage.front.process.poll() is None, stage.front.errors
    # The connection to the origin may be kept, or not.
    processes.wait_until(
        lambda: stage.front.descriptor_count() <= before + 1, timeout=5,
        what=lambda: processes.descriptors(pid))
    assert stage.ask().status == 200


def is_truth(answer):
    assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, answer
    assert answer["Content-Type"] == "image/jpeg"
    image = pictures.decoded(answer.body)
    assert image.size == TRUTH
    assert pictures.psnr(image, pictures.decoded(SOURCE).resize(TRUTH)) > 30


# Lies before there is a job


def hung_up(ticket):
    pass


def hello_of(data, *descriptors):
    def lie(ticket):
        ticket.send(data, *[make() for make in descriptors])
        # Whatever comes, it is not a job for this worker.
        ticket.connection.settimeout(2)
        with stub.contextlib.suppress(OSError):
            assert ticket.connection.recv(256) == b"", "a job was given to a worker that is none"

    return lie


HELLOS = {
    "nothing": hung_up,
    "half a hello": hello_of(hello()[:9]),
    "too long a hello": hello_of(hello() + b"\0"),
    "a wrong magic": hello_of(hello(magic=b"IPW2")),
    "another version": hello_of(hello(version=1)),
    "another version's longer hello": hello_of(frame(stub.HELLO, bytes(90), version=9)),
    "a wrong length": hello_of(hello(length=15)),
    "unknown layers": hello_of(hello(layers=64)),
    "no filter of system calls": hello_of(hello(layers=31)),
    "a report": hello_of(report(1, 0)),
    "a reply": hello_of(reply(bytes(16))),
    "HTTP": hello_of(b"HTTP/1.1 200 OK\r\n\r\n"),
    "a hello with a descriptor": hello_of(hello(), lambda: memory(b"x")),
    "a huge message": hello_of(bytes(100_000)),
    "a message of 256 zeros": hello_of(bytes(256)),
}


@pytest.mark.parametrize("name", HELLOS)
def test_who_is_no_worker_gets_no_job(stage, name):
    is_truth(stage.told([HELLOS[name]]))


@pytest.mark.parametrize("version, data", [(7, hello(version=7)), (8, frame(stub.HELLO, bytes(90), version=8))],
                         ids=["of the same size", "longer"])
def test_another_version_is_told_once(stage, version, data):
    for _ in range(3):
        is_truth(stage.told([hello_of(data)]))
    assert stage.front.errors.count(f"refused a worker that speaks version {version} ") == 1


def test_nobody_waits_for_who_says_nothing(stage):
    def silent(ticket):
        # Another ticket is sent out meanwhile.
        stage.honest(True)
        is_answered.wait(20)

    is_answered = threading.Event()
    stage.honest(False)
    thread = stage.stubs.serve([silent])
    is_truth(stage.ask())
    # The silent one was still there.
    assert thread.is_alive()
    is_answered.set()
    thread.join(10)


# Lies about a job


def open_pipe():
    reading, writing = os.pipe()
    os.close(writing)
    return reading


def full_pipe():
    """One that never ends, and never has anything."""
    reading, writing = os.pipe()
    stub.threading.Timer(3, os.close, [writing]).start()
    return reading


def open_socket():
    return socket.socket(socket.AF_UNIX).detach()


def opened(path, flags=os.O_RDONLY):
    return lambda: os.open(path, flags)


def forged():
    """In format and size what was asked for, but another picture: it shows when it gets through."""
    return pictures.flat(*TRUTH, seed=90)


def forged_memory():
    return memory(forged())


def answers(*descriptors, data=reply, after=None):
    """A job is taken, and answered with a reply that is in order and these descriptors."""

    def lie(ticket):
        ticket.greet()
        job = ticket.take()
        assert job.source.startswith(SOURCE) and job.seals & stub.ALL_SEALS == stub.ALL_SEALS and job.width == 100
        numbers = [make() for make in descriptors]
        kept = [os.dup(number) for number in numbers] if after else []
        ticket.send(data(job.nonce), *numbers)
        if after:
            after(kept[0])
            for number in kept:
                os.close(number)
        ticket.hung_up(0.5)

    return lie


def plain_file():
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(forged())
        file.flush()
        return os.dup(file.fileno())


def shrink(number):
    os.truncate(number, 0)


def grow(number):
    os.truncate(number, 1 << 30)


def rewrite(number):
    for index in range(100):
        os.pwrite(number, b"<html>", 0)


HTML = b"<html><script>alert(1)</script></html>"
JPEG_AND_HTML = b"\xff\xd8\xff\xe0" + HTML

DESCRIPTORS = {
    "no descriptor": answers(),
    "a pipe": answers(open_pipe),
    "a pipe that never ends": answers(full_pipe),
    "a socket": answers(open_socket),
    "/dev/zero": answers(opened("/dev/zero")),
    "/dev/null": answers(opened("/dev/null")),
    "/dev/urandom": answers(opened("/dev/urandom")),
    "a directory": answers(opened("/", os.O_RDONLY | os.O_DIRECTORY)),
    "a path": answers(opened("/etc/passwd", os.O_PATH)),
    "a file": answers(plain_file),
    "another's file": answers(opened("/etc/passwd")),
    "memory without seals": answers(lambda: memory(forged(), 0)),
    "memory that may shrink": answers(lambda: memory(forged(), 1 | 4 | 8), after=shrink),
    "memory that may grow": answers(lambda: memory(forged(), 1 | 2 | 8), after=grow),
    "memory that may be written": answers(lambda: memory(forged(), 1 | 2 | 4), after=rewrite),
    "memory that may be sealed further": answers(lambda: memory(forged(), 2 | 4 | 8)),
    "memory that shrinks": answers(lambda: memory(forged(), 0), after=shrink),
    "memory that grows": answers(lambda: memory(forged(), 0), after=grow),
    "empty memory": answers(lambda: memory(b"")),
    "a terabyte of holes": answers(lambda: memory(1 << 40)),
    "65 megabytes of holes": answers(lambda: memory((64 << 20) + 1)),
    "two descriptors": answers(forged_memory, forged_memory),
    "eight descriptors": answers(*[forged_memory] * 8),
    "a hundred descriptors": answers(*[forged_memory] * 100),
    "all the descriptors there can be": answers(*[opened("/dev/null")] * 253),
    "one right and one wrong": answers(forged_memory, open_pipe),
}


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_a_descriptor_that_is_no_result_is_refused(stage, name):
    is_truth(stage.told([DESCRIPTORS[name]]))


RESULTS = {
    "HTML": HTML, "HTML behind a JPEG's first bytes": JPEG_AND_HTML, "zeros": bytes(5000), "one byte": b"\xff",
    "a JPEG's first three bytes": b"\xff\xd8\xff", "a PNG": pictures.png(100, 50),
    "a GIF": pictures.encoded(pictures.decoded(forged()), "GIF"), "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "too wide": pictures.flat(101, 50), "too high": pictures.flat(100, 51), "turned": pictures.flat(50, 100),
    "the source": SOURCE, "a bomb": pictures.jpeg_header(65000, 65000), "a picture of no size": pictures.jpeg_header(0, 0),
    "a program": b"\x7fELF" + bytes(1000),
}


@pytest.mark.parametrize("name", RESULTS)
def test_bytes_that_are_not_what_was_asked_for_are_refused(stage, name):
    is_truth(stage.told([answers(lambda: memory(RESULTS[name]))]))


def test_a_result_in_another_format_than_asked_for_is_refused(stage):
    answer = stage.told([answers(forged_memory)], options="100x,png")
    assert answer.status == 200 and answer["Content-Type"] == "image/png" and answer["X-Imageproxy-Error"] is None
    assert answer.body.startswith(b"\x89PNG")


def flipped(nonce):
    return bytes([nonce[0] ^ 1]) + nonce[1:]


FRAMES = {
    "another job's nonce": lambda nonce: reply(flipped(nonce)),
    "no nonce": lambda nonce: reply(bytes(16)),
    "half a reply": lambda nonce: reply(nonce)[:30],
    "a byte less": lambda nonce: reply(nonce)[:-1],
    "a byte more": lambda nonce: reply(nonce) + b"\0",
    "nothing but a header": lambda nonce: frame(stub.REPLY, b""),
    "a hello": lambda nonce: hello(),
    "a job": lambda nonce: frame(stub.JOB, bytes(112)),
    "an unknown failure": lambda nonce: failure(nonce, 9),
    "a failure with a size": lambda nonce: reply(nonce, 2, 0, 1, 1, 1),
    "an unknown format": lambda nonce: reply(nonce, form=99),
    "no size": lambda nonce: reply(nonce, width=0),
    "no bytes": lambda nonce: reply(nonce, size=0),
    "text": lambda nonce: b"hello",
    "zeros": lambda nonce: bytes(60),
    "ones": lambda nonce: b"\xff" * 256,
    "too much": lambda nonce: bytes(4096),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("descriptors", [(), (forged_memory,)], ids=["bare", "with a result"])
def test_a_frame_that_is_no_reply_is_refused(stage, name, descriptors):
    is_truth(stage.told([answers(*descriptors, data=FRAMES[name])]))


def test_a_failure_with_a_result_is_refused(stage):
    is_truth(stage.told([answers(forged_memory, data=lambda nonce: failure(nonce, 3))]))


def test_mutated_frames_give_the_truth_or_a_failure(stage):
    random_bits = random.Random(11)
    for _ in range(60):
        def mutated(nonce):
            data = bytearray(random_bits.choice([reply(nonce), report(2, 9), failure(nonce, 2)]))
            for _ in range(random_bits.randint(1, 4)):
                data[random_bits.randrange(len(data))] ^= 1 << random_bits.randrange(8)
            return bytes(data)

        answer = stage.told([answers(forged_memory, data=mutated)])
        # A failure that is well-formed is believed: that a worker cannot do its work is no lie that harms anybody.
        if answer["X-Imageproxy-Error"]:
            assert answer.status == 200 and answer.body.startswith(SOURCE)
        else:
            assert pictures.decoded(answer.body).size == TRUTH


def test_what_a_reply_says_of_its_result_is_not_believed(stage):
    def boasting(nonce):
        return reply(nonce, form=stub.PNG, width=9999, height=1, size=5)

    answer = stage.told([answers(forged_memory, data=boasting)])
    assert answer["Content-Type"] == "image/jpeg" and answer.body == forged()


@pytest.mark.parametrize("end", [
    report(1, 0), report(1, 1), report(2, 9), report(2, 11), report(3, 0), report(4, 0), report(2, 0), report(1, 255),
], ids=["exit 0", "exit 1", "SIGKILL", "SIGSEGV", "deadline", "front", "signal 0", "exit 255"])
def test_a_report_without_a_reply_is_an_end(stage, end):
    is_truth(stage.told([answers(data=lambda nonce: end)]))
    is_truth(stage.told([answers(forged_memory, data=lambda nonce: end)]))


def test_hanging_up_in_every_phase(stage):
    def after_the_hello(ticket):
        ticket.greet()

    def after_the_job(ticket):
        ticket.greet()
        ticket.take()

    is_truth(stage.told([hung_up, after_the_hello, after_the_job] * 5))


def test_a_worker_that_never_answers_is_given_its_time_and_no_more(stage):
    def never(ticket):
        ticket.greet()
        ticket.take()
        assert ticket.hung_up(5), "the front still waits"

    start = time.monotonic()
    is_truth(stage.told([never]))
    assert time.monotonic() - start > 0.5


def test_talking_wins_no_time(stage):
    def chatter(ticket):
        ticket.greet()
        job = ticket.take()
        for word in range(200):
            ticket.send(reply(job.nonce)[:20])
            said.append(word)
            time.sleep(0.1)

    said = []
    is_truth(stage.told([chatter]))
    assert len(said) < 200, "it was listened to until it had done"


def test_a_flood_is_cut_off(stage):
    def flood(ticket):
        ticket.greet()
        job = ticket.take()
        ticket.connection.setblocking(False)
        with stub.contextlib.suppress(BlockingIOError):
            for _ in range(5000):
                socket.send_fds(ticket.connection, [reply(flipped(job.nonce))], [job.descriptor] * 3)
        ticket.hung_up(1)

    is_truth(stage.told([flood]))


def test_a_second_reply_is_not_read(stage):
    def twice(ticket):
        ticket.greet()
        job = ticket.take()
        ticket.send(reply(job.nonce), forged_memory())
        with stub.contextlib.suppress(OSError):
            ticket.send(reply(job.nonce), memory(HTML))
        ticket.hung_up(1)

    answer = stage.told([twice])
    assert answer.body == forged()


def test_a_reply_before_the_job_is_refused(stage):
    def early(ticket):
        ticket.greet()
        ticket.send(reply(bytes(16)), memory(HTML))
        ticket.take()
        ticket.hung_up(1)

    is_truth(stage.told([early]))


@pytest.mark.parametrize("name", ["HTML", "a PNG", "too wide"])
def test_two_liars_end_in_the_source_and_not_in_the_lie(stage, name):
    lie = answers(lambda: memory(RESULTS[name]))
    answer = stage.told([lie, lie])
    assert answer.status == 200 and answer.body.startswith(SOURCE) and answer["X-Imageproxy-Error"] == "crashed"
    # And not for long.
    assert answer["Cache-Control"] == "max-age=60"


def test_every_nonce_is_another(stage):
    nonces = []

    def note(ticket):
        ticket.greet()
        nonces.append(ticket.take().nonce)
        ticket.send(reply(nonces[-1]), forged_memory())
        ticket.hung_up(1)

    for _ in range(20):
        assert stage.told([note]).body == forged()
    assert len(set(nonces)) == 20
    # In no order, and no byte always the same.
    assert all(len({nonce[index] for nonce in nonces}) > 5 for index in range(16))


def test_a_client_that_leaves_ends_its_job(stage):
    ended = []

    def watch(ticket):
        ticket.greet()
        ticket.take()
        ended.append(ticket.hung_up(6))

    stage.honest(False)
    thread = stage.stubs.serve([watch])
    try:
        with stage.front.connect() as connection:
            connection.send(f"GET /100x/{stage.url}?leaving HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.2)
        thread.join(10)
        assert ended == [True]
    finally:
        stage.honest(True)
