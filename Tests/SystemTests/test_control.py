# SPDX-License-Identifier: Apache-2.0
"""The commands with which an operator looks at running fronts and changes the number of workers."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

import pictures
import processes
from front import LOCAL, run_program
from origin import picture


@pytest.fixture
def admin(tmp_path):
    return f"unix:{tmp_path}/admin.sock"


def status(bin, *addresses, flags=(), code=0):
    words = [word for address in addresses for word in ("-adminAddr", address)]
    ended = run_program(bin, "status", *words, *flags)
    assert ended.returncode == code, ended
    return ended.stdout


def test_status_tells_a_person(start, bin, origin, admin):
    front = start(*LOCAL, "-workers", "2", "-cache", "memory", "-adminAddr", admin)
    url = origin.serve("/a.jpg", picture(pictures.jpeg(300, 200), Cache_Control="max-age=1000"))
    for _ in range(4):
        front.picture(f"/100x/{url}")
    front.get(f"/100x/{origin.url('/nothing.jpg')}")
    text = status(bin, admin)
    assert "1 front on 127.0.0.1:0" in text and "ready" in text and "2 of 2 run" in text
    # Three of four, errors aside.
    assert "hit ratio   75.0 %" in text and "not_found" in text
    for word in ("queue", "advice", "fetch", "decode", "encode", "p99", "memory", "sandbox"):
        assert word in text, word
    assert "\x1b" not in text, "colours are for terminals"
    assert max(len(line) for line in text.splitlines()) <= 80


def test_status_as_json_has_the_figures(start, bin, origin, admin):
    front = start(*LOCAL, "-workers", "1", "-adminAddr", admin)
    url = origin.serve("/a.jpg", pictures.jpeg(300, 200))
    for width in (10, 20, 30):
        front.picture(f"/{width}x/{url}")
    [state] = json.loads(status(bin, admin, flags=["-json"]))
    assert state["pid"] == front.pid and state["ready"] is True
    assert state["sinceStart"]["outcomes"]["miss"] == state["lastMinute"]["outcomes"]["miss"] == 3
    for stage in ("fetch", "queue", "decode", "encode", "total"):
        figures = state["lastMinute"]["stages"][stage]
        assert figures["count"] == sum(figures["counts"]) == 3, stage
        assert 0 < figures["p50"] <= figures["p99"], stage


def test_status_puts_fronts_together(start, bin, origin, tmp_path):
    addresses = [f"unix:{tmp_path}/admin-{number}.sock" for number in (1, 2)]
    fronts = [start(*LOCAL, "-workers", "1", "-adminAddr", address) for address in addresses]
    url = origin.serve("/a.jpg", pictures.jpeg(300, 200))
    for front in fronts:
        front.picture(f"/10x/{url}")
    text = status(bin, *addresses)
    assert "2 fronts" in text and "2 of 2 run" in text
    assert all(f"{address} · pid {front.pid}" in text for address, front in zip(addresses, fronts))
    # One that is gone is said, and makes the status one that a script notices.
    fronts[1].stop()
    text = status(bin, *addresses, code=1)
    assert "1 front " in text and "not ready" in text and addresses[1] in text


def test_status_of_a_front_without_workers_of_its_own(start, bin, tmp_path, admin):
    start(*LOCAL, "-jobsSocket", str(tmp_path / "nobody.sock"), "-adminAddr", admin)
    assert "run by somebody else" in run_program(bin, "status", "-adminAddr", admin).stdout


def test_status_says_what_is_wrong(bin, tmp_path):
    nobody = run_program(bin, "status", "-adminAddr", f"unix:{tmp_path}/no.sock")
    assert nobody.returncode == 1 and nobody.stderr.startswith("imageproxy: ") and "no.sock" in nobody.stderr
    assert nobody.stderr.count("\n") == 1
    for words in (["status", "-colour"], ["status", "now"], ["status", "-watch=x"], ["workers", "0"], ["workers", "a"],
                  ["workers", "1", "2"]):
        ended = run_program(bin, *words)
        assert ended.returncode == 2 and ended.stderr.count("\n") == 1, ended
    # Something else listens there.
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer():
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        ended = run_program(bin, "status", "-adminAddr", "127.0.0.1:%d" % server.getsockname()[1])
    assert ended.returncode == 1 and "operator's listener" in ended.stderr


def test_status_can_be_watched(start, bin, admin):
    start(*LOCAL, "-workers", "1", "-adminAddr", admin)
    ours, theirs = pty.openpty()
    watching = subprocess.Popen(
        [str(bin / "imageproxy"), "status", "-adminAddr", admin, "-watch", "0.1"], stdin=theirs, stdout=theirs, env={})
    os.close(theirs)
    shown, end = b"", time.monotonic() + 20
    # It draws again and again, each time from the upper left corner.
    while shown.count(b"\x1b[H") < 3 and time.monotonic() < end:
        if select.select([ours], [], [], 0.5)[0]:
            shown += os.read(ours, 1 << 16)
    watching.send_signal(signal.SIGINT)
    assert watching.wait(10) == 0
    os.close(ours)
    assert shown.count(b"\x1b[H") >= 3 and b"1 of 1 run" in shown
    assert b"\x1b[?25l" in shown, "the cursor is hidden meanwhile"


def test_the_number_of_workers_changes_under_load(start, bin, origin, admin):
    front = start(*LOCAL, "-workers", "2", "-adminAddr", admin)
    front.wait_for_workers(2)
    url = origin.serve("/a.jpg", pictures.jpeg(800, 600))
    stop, answers = threading.Event(), []

    def client(number):
        width = 10 + number
        while not stop.is_set():
            answers.append(front.get(f"/{width}x/{url}").status)
            width += 4

    clients = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(4)]
    for one in clients:
        one.start()
    try:
        for number in (6, 1, 3):
            before = len(answers)
            ended = run_program(bin, "workers", "-adminAddr", admin, str(number))
            assert ended.returncode == 0 and "from now on" in ended.stdout, ended
            front.wait_for_workers(number)
            processes.wait_until(lambda: len(answers) > before + 8, timeout=30, what="pictures")
    finally:
        stop.set()
        for one in clients:
            one.join(30)
    assert set(answers) == {200}
    assert f"{admin}: 3 of 3 workers run" in run_program(bin, "workers", "-adminAddr", admin).stdout
    assert "starting another" not in front.errors, "a worker that was told to end was replaced"


def test_workers_of_others_are_not_the_fronts_to_number(start, bin, tmp_path, admin):
    start(*LOCAL, "-jobsSocket", str(tmp_path / "nobody.sock"), "-adminAddr", admin)
    ended = run_program(bin, "workers", "-adminAddr", admin, "3")
    assert ended.returncode == 1 and "starts no workers" in ended.stderr


def test_only_put_changes_anything(start, admin):
    front = start(*LOCAL, "-workers", "1", "-adminAddr", admin)
    import client

    def ask(method, target):
        with client.Connection(admin[5:]) as connection:
            return connection.request(target, method).status

    # A page of another site can have a browser send GET and POST, and no PUT.
    assert ask("GET", "/workers?number=2") == 404 and ask("POST", "/workers?number=2") == 405
    assert ask("PUT", "/workers?number=0") == 400 and ask("PUT", "/workers?number=x") == 400
    assert ask("PUT", "/status") == 404
    assert front.get("/workers?number=2", "PUT").status == 405, "not for clients"
    front.wait_for_workers(1)


def systemd(tmp_path, units):
    """A stand-in for systemctl: keeps a list of units that run in a file, and writes down what it is told."""
    (tmp_path / "running").write_text("".join(f"imageproxy-worker@{number}.service loaded active running\n" for number in units))
    script = tmp_path / "systemctl"
    script.write_text(f"""#!/bin/sh
echo "$@" >>{tmp_path}/told
case "$1" in
list-unit-files) echo "imageproxy-worker@.service disabled enabled" ;;
list-units) cat {tmp_path}/running ;;
*) exit ${{SYSTEMCTL_FAILS:-0}} ;;
esac
""")
    script.chmod(0o755)


def test_units_are_started_and_stopped(bin, tmp_path):
    def run(*words, fails="0"):
        # systemd is taken to be there when /run/systemd/system is.
        return subprocess.run(
            ["unshare", "-rm", "sh", "-c",
             'mount -t tmpfs none /run && mkdir -p /run/systemd/system && exec "$0" "$@"', str(bin / "imageproxy"),
             *words],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "SYSTEMCTL_FAILS": fails}, capture_output=True, text=True,
            timeout=20)

    systemd(tmp_path, [1, 2, 4])
    told = tmp_path / "told"
    listed = run("workers")
    assert listed.stdout.splitlines() == ["3 workers run"] + [f"imageproxy-worker@{n}.service" for n in (1, 2, 4)], listed
    told.unlink()
    assert run("workers", "5").returncode == 0
    assert "start imageproxy-worker@3.service imageproxy-worker@5.service" in told.read_text()
    assert run("workers", "1").returncode == 0
    assert "stop imageproxy-worker@2.service imageproxy-worker@4.service" in told.read_text()
    failed = run("workers", "4", fails="1")
    assert failed.returncode == 1 and "systemctl start imageproxy-worker@3.service" in failed.stderr
