# SPDX-License-Identifier: Apache-2.0
"""Workers are killed, stopped and lost, and clients get their pictures all the same."""

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
import stub_front
import stub_worker
from front import LOCAL, in_parallel
from load import Load
from origin import picture


@pytest.fixture
def slow(origin, slow_picture):
    """A picture that takes so long that something can happen meanwhile."""
    return origin.serve("/slow.png", picture(slow_picture, "image/png"))


def launcher_of(front, child):
    return processes.Process(processes.Process(child.parent).parent)


def begin(front, target):
    """Asks for a picture, and gives the connection and the child that is at it."""
    # The last one's child may have answered and not ended yet.
    processes.wait_until(lambda: not processes.children(front.pid), interval=0.002)
    connection = front.connect()
    connection.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
    child = processes.wait_until(lambda: processes.children(front.pid), interval=0.002, what="a child")[0]
    # A child that ends before it was given its job has not ended because of it.
    time.sleep(0.05)
    return connection, child


def expect_picture(front, connection, width):
    answered = connection.read()
    assert answered.status == 200 and answered["X-Imageproxy-Error"] is None, f"{answered}\n{front.errors}"
    assert pictures.decoded(answered.body).size[0] == width
    connection.close()


@pytest.mark.parametrize("who", ["child", "keeper", "launcher"])
def test_a_job_survives_the_death_of_its_worker(start, slow, who):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    for times in range(3):
        connection, child = begin(front, f"/{300 + times}x/{slow}")
        time.sleep(0.05)
        victim = {"child": child.pid, "keeper": child.parent, "launcher": launcher_of(front, child).pid}[who]
        os.kill(victim, signal.SIGKILL)
        expect_picture(front, connection, 300 + times)
        assert not processes.alive(child.pid)
    front.wait_for_workers(2)


@pytest.mark.parametrize("who", ["child", "keeper", "launcher"])
def test_a_job_survives_with_one_worker_too(start, slow, who):
    front = start(*LOCAL, "-workers", "1")
    front.wait_for_workers(1)
    connection, child = begin(front, f"/300x/{slow}")
    victim = {"child": child.pid, "keeper": child.parent, "launcher": launcher_of(front, child).pid}[who]
    os.kill(victim, signal.SIGKILL)
    expect_picture(front, connection, 300)
    front.wait_for_workers(1)


def test_sigterm_to_a_worker_loses_no_job(start, slow):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    connection, child = begin(front, f"/300x/{slow}")
    os.kill(launcher_of(front, child).pid, signal.SIGTERM)
    expect_picture(front, connection, 300)
    front.wait_for_workers(2)


@pytest.mark.parametrize("signal_number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGSYS, signal.SIGBUS])
def test_a_picture_that_crashes_its_worker_once_gets_a_second_chance(start, slow, signal_number):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    connection, child = begin(front, f"/300x/{slow}")
    os.kill(child.pid, signal_number)
    expect_picture(front, connection, 300)
    processes.wait_until(lambda: "ended by signal" in front.errors, what="a log line")


def test_a_picture_that_crashes_every_worker_is_given_up(start, slow, slow_picture):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    seen = set()
    connection, child = begin(front, f"/300x/{slow}")
    for _ in range(2):
        seen.add(child.pid)
        os.kill(child.pid, signal.SIGSEGV)
        if len(seen) == 2:
            break
        child = processes.wait_until(
            lambda: [one for one in processes.children(front.pid) if one.pid not in seen], interval=0.002)[0]
    answered = connection.read()
    assert answered.status == 200 and answered["X-Imageproxy-Error"] == "crashed"
    assert answered.body == slow_picture
    connection.close()


@pytest.mark.parametrize("who", ["child", "keeper", "launcher"])
def test_a_job_survives_a_worker_that_is_stopped(start, origin, slow, who):
    front = start(*LOCAL, "-workers", "2", "-transformTimeout", "3s")
    front.wait_for_workers(2)
    connection, child = begin(front, f"/300x/{slow}")
    victim = {"child": child.pid, "keeper": child.parent, "launcher": launcher_of(front, child).pid}[who]
    os.kill(victim, signal.SIGSTOP)
    try:
        # The other worker is there for everybody else.
        url = origin.serve("/small.jpg", pictures.flat(200, 100))
        for width in range(10, 30):
            assert front.picture(f"/{width}x/{url}").size[0] == width
        expect_picture(front, connection, 300)
    finally:
        if processes.alive(victim):
            os.kill(victim, signal.SIGCONT)


def test_a_worker_that_is_stopped_while_idle_is_in_nobodys_way(start, origin):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    url = origin.serve("/small.jpg", pictures.flat(200, 100))
    assert front.picture(f"/50x/{url}").size == (50, 25)
    keeper = processes.keepers(front.pid)[0]
    os.kill(keeper.pid, signal.SIGSTOP)
    for width in range(10, 40):
        assert front.picture(f"/{width}x/{url}").size[0] == width
    # None of them has waited for it to go on.
    assert processes.Process(keeper.pid).state == "T"
    os.kill(keeper.pid, signal.SIGCONT)


def test_murder_under_load_fails_no_request(start, origin):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    urls = [origin.serve(f"/{index}.jpg", pictures.jpeg(640, 427, quality=80 + index)) for index in range(4)]
    done, failed, kills = [], [], 0
    is_over = threading.Event()
    victims = random.Random(5)

    def client(which):
        width = 0
        with front.connect(timeout=40) as connection:
            while not is_over.is_set():
                width = width % 300 + 1
                answered = connection.request(f"/{width}x/{urls[which]}")
                if answered.status != 200 or answered["X-Imageproxy-Error"]:
                    failed.append(answered)
                    continue
                assert pictures.decoded(answered.body).size[0] == width
                done.append(which)

    with in_parallel(4, client):
        while kills < 60 and not failed:
            time.sleep(0.1)
            everyone = [one for level in processes.descendants(front.pid) for one in level]
            if everyone:
                with processes.contextlib.suppress(ProcessLookupError):
                    os.kill(victims.choice(everyone).pid, signal.SIGKILL)
                    kills += 1
        is_over.set()
    assert not failed, f"{len(failed)} of {len(done) + len(failed)} failed, {kills} kills: {failed[:3]}\n{front.errors}"
    assert len(done) > 60, f"{kills} kills, {len(done)} pictures\n{front.errors}"
    # The number of workers recovers.
    processes.wait_until(lambda: len(processes.keepers(front.pid)) == 2, timeout=10, what="two workers")
    assert front.picture(f"/400x/{urls[0]}").size[0] == 400


def test_a_crowd_that_is_killed_at_once_is_replaced_at_once(start, origin):
    front = start(*LOCAL, "-workers", "4")
    front.wait_for_workers(4)
    url = origin.serve("/small.jpg", pictures.flat(200, 100))
    before = {one.pid for one in processes.launchers(front.pid)}
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert front.picture(f"/50x/{url}").size == (50, 25)
    front.wait_for_workers(4)
    assert before.isdisjoint(one.pid for one in processes.launchers(front.pid))
    assert "a worker ended by signal 9; starting another" in front.errors


# The queue


def test_who_is_told_to_come_back_is_told_when(start, origin, slow_picture):
    url = origin.serve("/kept.png", picture(slow_picture, "image/png", Cache_Control="max-age=1000"))
    # With its source at hand nobody waits for anything but the worker.
    front = start(*LOCAL, "-workers", "1", "-maxQueue", "32", "-cache", "memory")
    front.wait_for_workers(1)
    assert front.get(f"/20x/{url}").status == 200
    done = threading.Event()

    def client(index):
        # Always more than may wait, so that it becomes known how fast the worker is.
        number = 0
        while not done.is_set():
            number += 1
            front.get(f"/{300 + 40 * index + number}x/{url}")

    def is_told():
        answered = front.get(f"/10x,q{time.monotonic_ns() % 10**9}/{url}")
        # Thirty-two jobs of more than a tenth of a second each are ahead.
        return answered.status == 503 and 2 <= int(answered["Retry-After"]) <= 60

    with in_parallel(36, client):
        try:
            processes.wait_until(is_told, timeout=20, interval=0.1, what="a time that is more than a second")
        finally:
            done.set()


def test_a_full_queue_refuses_at_once(start, slow, origin):
    front = start(*LOCAL, "-workers", "1", "-maxQueue", "2")
    front.wait_for_workers(1)
    statuses = []

    def client(index):
        time.sleep(0.02 * index)
        answered = front.get(f"/{500 + index}x/{slow}")
        statuses.append(answered.status)
        if answered.status == 503:
            assert answered["Retry-After"].isdigit() and answered.text == "busy, try again shortly\n"

    with in_parallel(8, client):
        pass
    assert statuses.count(200) >= 3 and statuses.count(503) >= 3 and len(statuses) == 8
    refused = 'imageproxy_refusals_total{reason="queue"} %d\n' % statuses.count(503)
    assert refused in front.get("/metrics").text
    assert front.get("/health-check").body == b"OK"
    # Who is refused is told before those in the queue have their turn.
    assert statuses.index(503) < max(index for index, status in enumerate(statuses) if status == 200)
    assert front.picture(f"/400x/{slow}").size[0] == 400


def test_small_pictures_are_not_kept_waiting_by_large_ones(start, slow, origin):
    front = start(*LOCAL, "-workers", "1", "-cache", "memory")
    front.wait_for_workers(1)
    origin.serve("/slow.png", picture(origin.handlers["/slow.png"](None).split(b"\r\n\r\n", 1)[1], "image/png",
                                      Cache_Control="max-age=1000"))
    url = origin.serve("/small.jpg", picture(pictures.flat(200, 100), Cache_Control="max-age=1000"))
    front.get(f"/{slow}")
    front.get(f"/{url}")
    order = []

    def client(index):
        if index < 5:
            front.get(f"/{600 + index}x/{slow}")
            order.append("large")
        else:
            time.sleep(0.3)
            front.get(f"/{index}x/{url}")
            order.append("small")

    with in_parallel(8, client):
        pass
    # Three small ones overtake at least the last three of five large ones.
    assert order.index("small") <= 2 and order[-2:] == ["large", "large"], order


# Workers from elsewhere


def test_workers_from_elsewhere_come_and_go(start, worker, origin, tmp_path):
    path = tmp_path / "jobs.sock"
    url = origin.serve("/small.jpg", picture(pictures.flat(200, 100), Cache_Control="max-age=1000"))
    front = start(*LOCAL, "-jobsSocket", str(path), "-cache", "memory")
    assert processes.descendants(front.pid) == []

    # Nobody is there yet: pictures wait for a while.
    with in_parallel(1, lambda _: front.picture(f"/10x/{url}")):
        time.sleep(0.7)
        first = worker(path)
    assert f"no workers at {path}" in front.errors
    processes.wait_until(lambda: f"workers can be reached again at {path}" in front.errors)

    # It goes away: what is in the cache is served, the rest waits.
    family = {one.pid for level in processes.descendants(first.pid) for one in level}
    first.kill()
    first.wait()
    processes.wait_until(lambda: not any(processes.alive(pid) for pid in family), timeout=3, what="its keeper gone, too")
    assert front.picture(f"/10x/{url}").size == (10, 5)
    assert front.get(f"/{url}").status == 200
    with in_parallel(1, lambda _: front.picture(f"/20x/{url}")):
        time.sleep(0.7)
        # The socket that it left behind is in nobody's way.
        worker(path)
    assert front.picture(f"/30x/{url}").size == (30, 15)
    # It was said once each, and not for every picture.
    assert front.errors.count("no workers at") == 2


def test_a_picture_for_which_there_is_no_worker_is_given_up(start, origin, tmp_path):
    url = origin.serve("/small.jpg", pictures.flat(200, 100))
    front = start(*LOCAL, "-jobsSocket", str(tmp_path / "nobody.sock"))
    begin_time = time.monotonic()
    answered = front.get(f"/10x/{url}")
    assert (answered.status, answered["Retry-After"]) == (503, "1")
    assert time.monotonic() - begin_time > 5
    assert front.get(f"/{url}").status == 200


def test_a_worker_serves_two_fronts(start, worker, origin, tmp_path):
    path = tmp_path / "jobs.sock"
    worker(path)
    fronts = [start(*LOCAL, "-jobsSocket", str(path)) for _ in range(2)]
    url = origin.serve("/small.jpg", pictures.flat(200, 100))

    def client(index):
        for width in range(10, 40):
            assert fronts[index % 2].picture(f"/{width}x/{url}").size[0] == width

    with in_parallel(4, client):
        pass


def test_workers_on_sockets_of_their_own_stand_in_for_each_other(start, worker, origin, tmp_path):
    paths = [tmp_path / "a.sock", tmp_path / "b.sock"]
    # Told of none, it is not ready; it looks by itself, without a job.
    front = start(*LOCAL, "-jobsSocket", str(paths[0]), "-jobsSocket", str(paths[1]))
    assert (front.get("/ready").status, front.get("/ready").text) == (503, "no workers can be reached\n")
    first = worker(paths[0])
    processes.wait_until(lambda: front.get("/ready").status == 200, timeout=5, what="ready with one of two")
    worker(paths[1])
    source = origin.serve("/a.jpg", pictures.flat(400, 300))
    with Load(front.endpoint, source) as load:
        for _ in range(3):
            first.kill()
            first.wait()
            load.wait_for(20)
            first = worker(paths[0])
            load.wait_for(20)
    assert front.get("/ready").status == 200
    assert f"no workers at {paths[0]}" in front.errors and "others are left" in front.errors
    processes.wait_until(lambda: front.errors.count(f"can be reached again at {paths[0]}") >= 2)


def test_both_of_two_sockets_get_work(start, worker, origin, tmp_path, slow):
    paths = [tmp_path / "a.sock", tmp_path / "b.sock"]
    workers = [worker(path) for path in paths]
    front = start(*LOCAL, "-jobsSocket", f"{paths[0]} {paths[1]}")
    with in_parallel(2, lambda index: front.picture(f"/{10 + index}x/{slow}")):
        processes.wait_until(
            lambda: all(processes.level(one.pid, 1) for one in workers), interval=0.005, what="a child of each")


def test_workers_that_go_are_missed_without_a_job(start, worker, tmp_path):
    path = tmp_path / "jobs.sock"
    one = worker(path)
    front = start(*LOCAL, "-jobsSocket", str(path))
    assert front.get("/ready").status == 200
    one.kill()
    one.wait()
    processes.wait_until(lambda: front.get("/ready").status == 503, timeout=5, what="no longer ready")
    worker(path)
    processes.wait_until(lambda: front.get("/ready").status == 200, timeout=5, what="ready again")


def test_workers_of_another_version_are_found_out_without_a_job(start, tmp_path):
    stubs = stub_worker.StubWorkers(tmp_path / "jobs.sock")
    stubs.serve([lambda ticket: (ticket.greet(stub_worker.hello(version=7)), ticket.hung_up(5))] * 1000)
    front = start(*LOCAL, "-jobsSocket", str(tmp_path / "jobs.sock"))
    processes.wait_until(
        lambda: front.get("/ready").text.startswith("workers speak version 7"), what=lambda: front.get("/ready").text)
    assert front.errors.count("refused a worker that speaks version 7") == 1
    stubs.close()


@pytest.mark.parametrize("size", [132, 240])
def test_a_front_of_another_version_gets_no_work_and_one_line(worker, tmp_path, size):
    path = tmp_path / "jobs.sock"
    with open(tmp_path / "said", "w+") as said:
        worker(path, stderr=said)
        for _ in range(3):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                connection.settimeout(10)
                connection.connect(str(path))
                assert stub_front.received(connection)[0] == stub_worker.HELLO
                descriptor = stub_worker.memory(pictures.flat(20, 10))
                socket.send_fds(
                    connection, [stub_worker.frame(stub_worker.JOB, bytes(size), version=9)], [descriptor])
                os.close(descriptor)
                kind, report = stub_front.received(connection)
                # Exited by itself, and at once.
                assert kind == stub_worker.REPORT and report[8:10] == b"\1\0"
        said.seek(0)
        lines = said.read().splitlines()
    assert len([line for line in lines if "refused a front that speaks another version" in line]) == 1, lines


# What is left


def test_a_front_that_is_killed_leaves_no_worker(start, slow):
    front = start(*LOCAL, "-workers", "3")
    front.wait_for_workers(3)
    connection, _ = begin(front, f"/300x/{slow}")
    assert len(front.family()) >= 7
    front.kill()
    connection.close()
    front.assert_no_worker_left(timeout=3)


def test_a_front_that_is_stopped_with_work_in_hand_leaves_no_worker(start, slow):
    front = start(*LOCAL, "-workers", "2")
    front.wait_for_workers(2)
    connection, _ = begin(front, f"/300x/{slow}")
    front.signal(signal.SIGTERM)
    expect_picture(front, connection, 300)
    front.stop(by=None)


def test_descriptors_do_not_become_more(start, origin):
    front = start(*LOCAL, "-workers", "2", "-fetchTimeout", "300ms", "-cache", "memory:1")
    good = origin.serve("/good.jpg", pictures.flat(200, 100))
    broken = origin.serve("/broken.jpg", pictures.jpeg(400, 300)[:5000])
    silent = origin.serve("/silent.jpg", lambda _: [0.5])
    html = origin.serve("/html.jpg", picture(b"<html>", "image/jpeg"))
    bomb = origin.serve("/bomb.png", picture(pictures.png_header(100_000, 100_000), "image/png"))
    with socket.create_server(("127.0.0.1", 0)) as unused:
        refused = "http://127.0.0.1:%d/a.jpg" % unused.getsockname()[1]
    targets = [f"/{{0}}x/{url}" for url in (good, good, broken, html, bomb, refused, origin.url("/missing"))]

    def round_of(number):
        def client(which):
            for index in range(number // 4):
                target = targets[(index + which) % len(targets)].format(10 + index)
                if index % 20 == 19:
                    target = f"/10x/{silent}"
                front.get(target)
                if index % 5 == 0:
                    with front.connect() as leaving:
                        leaving.send(f"GET /{90 + index}x/{good} HTTP/1.1\r\nHost: a\r\n\r\n")

        with in_parallel(4, client):
            pass
        time.sleep(1)
        return front.descriptor_count()

    first = round_of(40)
    # As many again would be as many more if one in thirty were lost.
    assert round_of(300) <= first + 8, processes.descriptors(front.pid)
    for keeper in processes.keepers(front.pid):
        assert len(processes.descriptors(keeper.pid)) < 12
    front.wait_for_workers(2)


def test_what_a_live_child_has(start, slow):
    front = start(*LOCAL, "-workers", "1", environment={"AWS_SECRET_ACCESS_KEY": "hunter2", "HOME": "/root"})
    front.wait_for_workers(1)
    connection, child = begin(front, f"/300x/{slow}")
    # Its last layer is the filter, which comes right after it was forked.
    status = processes.wait_until(lambda: (lambda s: s["Seccomp_filters"] == "2" and s)(processes.status(child.pid)), timeout=2)
    descriptors = processes.descriptors(child.pid)
    environment = open(f"/proc/{child.pid}/environ", "rb").read()
    limits = open(f"/proc/{child.pid}/limits").read()
    maps = open(f"/proc/{child.pid}/maps").read()
    others = {one.pid: open(f"/proc/{one.pid}/environ", "rb").read()
              for one in processes.launchers(front.pid) + processes.keepers(front.pid)}
    root = os.listdir(f"/proc/{child.pid}/root/") if os.geteuid() == 0 else []
    expect_picture(front, connection, 300)

    assert status["NoNewPrivs"] == "1" and status["Threads"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) & int(status["CapEff"], 16) == 0
    if os.geteuid() == 0:
        assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"65534"}
        assert status["Groups"].strip() in ("", "65534")
        assert root == []
    kinds = sorted(descriptors.items())
    assert all(descriptors[number].endswith("/null") for number in (0, 1, 2)), kinds
    assert descriptors[3].startswith("socket:")
    assert len(descriptors) <= 6 and all("memfd:" in target for number, target in kinds if number > 3), kinds
    for variables in [environment, *others.values()]:
        names = {entry.split(b"=")[0] for entry in variables.split(b"\0") if entry}
        assert names <= {b"SWIFT_BACKTRACE", b"LD_BIND_NOW"} and b"hunter2" not in variables
    assert "Max core file size        0" in limits
    assert not any("wx" in line.split()[1] for line in maps.splitlines())
    assert "libcurl" not in maps and "libssl" not in maps and "libuv" not in maps


def test_a_family_of_workers_replaces_those_that_end(start, worker, origin, tmp_path):
    path = tmp_path / "jobs.sock"
    family = worker(path, "--workers", "3")

    def launchers():
        """Those that have a keeper."""
        keepers = {one.parent for one in processes.keepers(family.pid)}
        return {one.pid for one in processes.launchers(family.pid)} & keepers

    first = processes.wait_until(lambda: launchers() if len(launchers()) == 3 else None, what="three workers")
    killed = min(first)
    os.kill(killed, signal.SIGKILL)
    processes.wait_until(
        lambda: len(launchers()) == 3 and killed not in launchers(), what="another worker in its place")
    assert first - launchers() == {killed}
    front = start(*LOCAL, "-jobsSocket", str(path))
    assert front.picture(f"/10x/{origin.serve('/a.jpg', pictures.flat(200, 100))}").size == (10, 5)

    everybody = {one.pid for level in processes.descendants(family.pid) for one in level}
    family.terminate()
    assert family.wait(20) == 0
    assert not any(processes.alive(pid) for pid in everybody)


@pytest.mark.parametrize("who", ["launcher", "keeper"])
def test_a_member_of_a_family_that_is_stopped_for_good_is_replaced(start, worker, origin, tmp_path, who):
    path = tmp_path / "jobs.sock"
    family = worker(path, "--workers", "2", stderr=subprocess.PIPE)
    keepers = processes.wait_until(
        lambda: (lambda found: found if len(found) == 2 else None)(processes.keepers(family.pid)), what="two workers")
    stopped, other = keepers
    victim = stopped.pid if who == "keeper" else stopped.parent
    os.kill(victim, signal.SIGSTOP)
    # It may be looked at meanwhile, and the other one is there for everybody.
    front = start(*LOCAL, "-jobsSocket", str(path))
    url = origin.serve("/a.jpg", pictures.flat(200, 100))
    for width in range(10, 20):
        assert front.picture(f"/{width}x/{url}").size[0] == width
    assert processes.Process(victim).state == "T"

    def are_two_again():
        now = {one.pid for one in processes.keepers(family.pid)}
        return len(now) == 2 and stopped.pid not in now and other.pid in now

    processes.wait_until(are_two_again, timeout=30, what="another one in its place")
    family.terminate()
    assert b"was stopped for 10 s, and is replaced" in family.communicate(timeout=20)[1]
    assert family.returncode == 0


def test_a_member_of_a_family_that_goes_on_in_time_stays(worker, tmp_path):
    family = worker(tmp_path / "jobs.sock", "--workers", "2", stderr=subprocess.PIPE)
    keepers = processes.wait_until(
        lambda: (lambda found: found if len(found) == 2 else None)(processes.keepers(family.pid)), what="two workers")
    for one in keepers:
        os.kill(one.parent, signal.SIGSTOP)
        processes.wait_until(lambda: processes.Process(one.parent).state == "T", what="stopped")
        os.kill(one.parent, signal.SIGCONT)
    # One that is stopped when all are to end ends with the others.
    os.kill(keepers[0].parent, signal.SIGSTOP)
    processes.wait_until(lambda: processes.Process(keepers[0].parent).state == "T", what="stopped")
    family.terminate()
    assert family.communicate(timeout=5)[1] == b"" and family.returncode == 0


def test_a_family_does_not_outlive_its_parent(worker, tmp_path):
    family = worker(tmp_path / "jobs.sock", "--workers", "2")
    processes.wait_until(lambda: len(processes.keepers(family.pid)) == 2, what="two workers")
    everybody = {one.pid for level in processes.descendants(family.pid) for one in level}
    family.kill()
    family.wait()
    processes.wait_until(lambda: not any(processes.alive(pid) for pid in everybody), what="all gone")
