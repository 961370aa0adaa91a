# SPDX-License-Identifier: Apache-2.0
"""SIGHUP reads settings anew, SIGTERM drains, and the service manager is told."""

import signal
import socket
import threading
import time

import client
import pictures
import processes
from front import LOCAL, run_program
from origin import picture


def reload(front, expected):
    before = front.errors.count(expected)
    front.process.send_signal(signal.SIGHUP)
    processes.wait_until(lambda: front.errors.count(expected) > before, what=f"{expected!r} in:\n{front.errors}")


def test_keys_lists_and_limits_are_read_anew(start, bin, origin, tmp_path):
    settings, key = tmp_path / "imageproxy.conf", tmp_path / "key"
    key.write_text("first")
    settings.write_text(f"allowHosts other.test\nsignatureKey @{key}\n")
    front = start(*LOCAL, "-workers", "1", "-config", str(settings))
    url = origin.serve("/a.jpg", pictures.jpeg(300, 200))

    def signed(by):
        line = run_program(bin, "sign", "-key", by, "-url", url).stdout.splitlines()[1]
        return f"/10x,s{line.removeprefix('signature: ')}/{url}"

    assert front.get(signed("first")).status == 200 and front.get(signed("second")).status == 403
    # The file that a setting names is read again, too.
    key.write_text("second")
    reload(front, "settings read anew")
    assert front.get(signed("first")).status == 403 and front.get(signed("second")).status == 200
    assert front.get(f"/10x/{url}").status == 403
    settings.write_text("allowHosts 127.0.0.1\nmaxSourceBytes 100\n")
    reload(front, "settings read anew")
    assert front.get(f"/10x/{url}").status == 502, "larger than the new limit"
    settings.write_text("allowHosts 127.0.0.1\n")
    reload(front, "settings read anew")
    assert front.picture(f"/10x/{url}").size[0] == 10


def test_a_bad_file_changes_nothing(start, origin, tmp_path):
    settings = tmp_path / "imageproxy.conf"
    settings.write_text("allowHosts 127.0.0.1\n")
    admin = f"unix:{tmp_path}/admin.sock"
    front = start(*LOCAL, "-workers", "1", "-config", str(settings), "-adminAddr", admin)
    url = origin.serve("/a.jpg", pictures.jpeg(300, 200))
    for text, reason in (("allowHosts other.test\nallowPorts x\n", "allowPorts (line 2"), ("nonsense 1\n", "nonsense"),
                         ("allowHosts other.test\nsignatureKey @/does/not/exist\n", "/does/not/exist")):
        settings.write_text(text)
        reload(front, "the old settings stay")
        line = front.errors.splitlines()[-1]
        assert "the old settings stay: " in line and reason in line, line
        assert front.get(f"/10x/{url}").status == 200
    settings.unlink()
    reload(front, "the old settings stay: cannot read settings")
    with client.Connection(admin[5:]) as connection:
        assert 'imageproxy_reloads_total{result="refused"} 4' in connection.request("/metrics").text


def test_what_needs_a_restart_is_named(start, tmp_path):
    settings = tmp_path / "imageproxy.conf"
    settings.write_text("cache memory:1\n")
    front = start(*LOCAL, "-workers", "1", "-config", str(settings))
    settings.write_text("cache memory:2\nworkers 7\nverbose\n")
    reload(front, "settings read anew")
    line = front.errors.splitlines()[-1]
    # The command line has its say about workers after the file, but it is a change all the same.
    assert "; -cache, -workers changed, too, which needs a restart" in line
    front.wait_for_workers(1)
    # It is said again while it is so, and no longer when it is not.
    settings.write_text("cache memory:1\n")
    reload(front, "settings read anew")
    assert front.errors.splitlines()[-1].endswith("settings read anew")


def test_nothing_is_lost_while_settings_are_read(start, origin, tmp_path):
    front = start(*LOCAL, "-workers", "2")
    url = origin.serve("/a.jpg", pictures.jpeg(300, 200))
    stop, answers = threading.Event(), []

    def ask():
        width = 10
        while not stop.is_set():
            answers.append(front.get(f"/{width}x/{url}").status)
            width += 1

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    for _ in range(10):
        reload(front, "settings read anew")
    stop.set()
    asking.join(30)
    assert answers and set(answers) == {200}


def test_draining_begins_with_readiness(start, tmp_path, origin):
    admin = f"{tmp_path}/admin.sock"
    front = start(*LOCAL, "-workers", "1", "-drainDelay", "2s", "-adminAddr", f"unix:{admin}")
    url = origin.serve("/slow.jpg", lambda _: [2.5, picture(pictures.jpeg(300, 200))(None)])
    assert front.get("/ready").status == 200
    answers = []
    slow = threading.Thread(target=lambda: answers.append(front.get(f"/10x/{url}")), daemon=True)
    slow.start()
    processes.wait_until(lambda: origin.count("/slow.jpg") == 1, what="the request at its origin")
    front.signal(signal.SIGTERM)
    processes.wait_until(lambda: front.get("/ready").status == 503, timeout=2, what="no longer ready")
    # Load balancers look at either listener; and whoever still comes is served, on a connection that then closes.
    with client.Connection(admin) as connection:
        assert connection.request("/ready").text == "draining\n"
    health = front.get("/health-check")
    assert health.status == 200 and health.closes

    def is_refused():
        try:
            front.connect(1).close()
        except ConnectionRefusedError:
            return True

    processes.wait_until(is_refused, timeout=10, what="no more connections")
    slow.join(20)
    assert [one.status for one in answers] == [200]
    front.stop(by=None)


def test_the_service_manager_is_told(start, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        settings = tmp_path / "imageproxy.conf"
        settings.write_text("")
        front = start(*LOCAL, "-workers", "1", "-config", str(settings), environment={"NOTIFY_SOCKET": path})

        def told(word):
            while True:
                lines = manager.recv(4096).decode().splitlines()
                if word in lines:
                    return dict(line.split("=", 1) for line in lines)

        told("READY=1")
        front.process.send_signal(signal.SIGHUP)
        now = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
        assert abs(int(told("RELOADING=1")["MONOTONIC_USEC"]) - now) < 60e6
        assert told("READY=1")["STATUS"] == "settings read anew"
        settings.write_text("nonsense\n")
        front.process.send_signal(signal.SIGHUP)
        told("RELOADING=1")
        assert "the old settings stay" in told("READY=1")["STATUS"], "it is ready again all the same"
        front.signal(signal.SIGTERM)
        told("STOPPING=1")
        front.stop(by=None)
