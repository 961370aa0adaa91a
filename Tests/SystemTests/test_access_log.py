# SPDX-License-Identifier: Apache-2.0
"""Where the lines of the access log go, and that nobody waits for them."""

import os
import re
import signal

import pytest

import pictures
import processes
from front import LOCAL, run_program
from origin import picture

MEMORY = [*LOCAL, "-workers", "1", "-cache", "memory"]


@pytest.fixture
def target(origin):
    url = origin.serve("/a.jpg", picture(pictures.flat(40, 20), Cache_Control="max-age=1000"))
    return f"/10x/{url}"


def reload(front, expected="settings read anew"):
    before = front.errors.count(expected)
    front.process.send_signal(signal.SIGHUP)
    processes.wait_until(lambda: front.errors.count(expected) > before, what=f"{expected!r} in:\n{front.errors}")


def lines_of(file, count):
    """All lines, when there are so many."""
    return processes.wait_until(
        lambda: file.exists() and len(found := file.read_text().splitlines()) >= count and found, what=str(file))


def flood(front, target, count):
    """Sends requests without waiting for answers, and reads them."""
    with front.connect(60) as connection:
        for _ in range(count // 100):
            connection.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 100)
            for _ in range(100):
                assert connection.read().status == 200


@pytest.mark.parametrize("proxies, forwarded, client", [
    ([], "203.0.113.7", "127.0.0.1"),
    (["-trustedProxies", "127.0.0.1"], "203.0.113.7", "203.0.113.7"),
    (["-trustedProxies", "127.0.0.1"], "198.51.100.1, 2001:db8::7", "2001:db8::7"),
])
def test_a_line_says_who_asked(start, target, proxies, forwarded, client):
    front = start(*MEMORY, "-accessLog", *proxies)
    for _ in range(3):
        assert front.get(target, headers={"X-Forwarded-For": forwarded}).status == 200
    found = processes.wait_until(lambda: (all := re.findall(r" access client=(\S+) method=GET ", front.errors))[2:] and all)
    assert found == [client] * 3


def test_a_file_takes_the_lines_and_can_be_moved_away(start, target, tmp_path):
    file, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    front = start(*MEMORY, "-accessLogFile", str(file))
    flood(front, target, 300)
    lines_of(file, 300)
    file.rename(moved)
    flood(front, target, 100)
    assert len(lines_of(moved, 400)) == 400
    reload(front)
    flood(front, target, 200)
    assert len(lines_of(file, 200)) == 200 and len(lines_of(moved, 400)) == 400
    assert all(re.search(r" access client=127.0.0.1 method=GET .* status=200 ", line) for line in lines_of(file, 200))
    assert " access " not in front.errors
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_opened(start, bin, target, tmp_path):
    failed = run_program(bin, "-addr", "127.0.0.1:0", "-accessLogFile", str(tmp_path / "no" / "access.log"))
    assert failed.returncode == 1 and "cannot open -accessLogFile" in failed.stderr
    directory = tmp_path / "log"
    directory.mkdir()
    file = directory / "access.log"
    front = start(*MEMORY, "-accessLogFile", str(file))
    flood(front, target, 100)
    lines_of(file, 100)
    directory.rename(tmp_path / "elsewhere")
    reload(front, "the access log stays where it was: cannot open -accessLogFile")
    flood(front, target, 100)
    assert len(lines_of(tmp_path / "elsewhere" / "access.log", 200)) == 200


def test_nobody_waits_for_who_does_not_take_the_lines(start, target, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    front = start(*MEMORY, "-accessLogFile", str(pipe))
    count = 12_000
    flood(front, target, count)
    metrics = front.get("/metrics").text
    dropped = int(re.search(r"^imageproxy_access_log_dropped_total (\d+)$", metrics, re.M)[1])
    assert 0 < dropped < count - 9000
    # Who takes them at last gets all the others, in order and whole.
    os.set_blocking(reader, True)
    text = b""
    while text.count(b"\n") < count - dropped:
        text += os.read(reader, 1 << 16)
    os.close(reader)
    assert all(re.fullmatch(r"\S+ \S+ access client=.* request=[0-9a-f]{16}", line) for line in text.decode().splitlines())
    processes.wait_until(lambda: f"{dropped} lines of the access log were dropped" in front.errors)


def test_what_was_answered_is_written_before_the_end(start, target):
    front = start(*MEMORY, "-accessLog")
    flood(front, target, 2000)
    front.stop()
    front._reader.join(10)
    assert front.errors.count(" access client=") == 2000
