# SPDX-License-Identifier: Apache-2.0
"""deploy/RUNBOOK.md, row by row: each symptom is brought about, shows where the row says, and goes away by what it says.

What only systemd or several machines can show is listed with how else it was tried.
"""

import functools
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

import client
import pictures
import processes
import stub_worker
from front import LOCAL, run_program
from load import Load
from origin import answer, picture
from test_tls import Authority, SecureOrigin

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "deploy/RUNBOOK.md").read_text()
#: Rows that a test of this file tries.
TRIED = set()
#: Rows that others try, or a person did.
ELSEWHERE = {
    "a new release is to be installed": "Tests/PackageTests/test_boot.py",
    "a front has to be taken out or moved": "Tests/FaultTests/test_balancers.py",
}
LASTING = {"Cache_Control": "max-age=1000"}


def rows():
    """Symptom → what to look at, what to do."""
    found = {}
    for line in RUNBOOK.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and cells[0] != "symptom":
            assert len(cells) == 3 and cells[0] not in found, line
            found[cells[0]] = cells[1:]
    return found


def row(symptom, *said):
    """Marks the test of a row; `said` has to stand in it, being what the test relies on."""
    TRIED.add(symptom)

    def mark(test):
        @functools.wraps(test)
        def tried(*arguments, **named):
            text = " | ".join(rows()[symptom])
            for words in said:
                assert words in text, f"the row says no more: {words}"
            return test(*arguments, **named)

        return tried

    return mark


class Watched:
    """A front with an operator's listener, and what an operator sees of it."""

    def __init__(self, start, bin, tmp_path, *flags, local=True, **settings):
        self.bin, self.socket = bin, str(tmp_path / f"admin-{time.monotonic_ns()}.sock")
        self.front = start(*(LOCAL if local else []), "-adminAddr", f"unix:{self.socket}", *flags, **settings)

    def command(self, name, *words):
        """`imageproxy status` and the like."""
        return run_program(self.bin, name, "-adminAddr", f"unix:{self.socket}", *words)

    def screen(self):
        return self.command("status").stdout

    def metric(self, name, **labels):
        with client.Connection(self.socket) as connection:
            page = connection.request("/metrics").text
        total = 0
        for line in page.splitlines():
            match = re.fullmatch(r"imageproxy_%s(?:\{(.*)\})? (\S+)" % name, line)
            if match and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', match[1] or "")).items():
                total += float(match[2])
        return total

    def status(self):
        with client.Connection(self.socket) as connection:
            return json.loads(connection.request("/status").text)

    def says(self, words):
        """Until a line of the log does: it is read by a thread."""
        processes.wait_until(lambda: words in self.front.errors, what=lambda: f"{words!r} in the log\n{self.front.errors}")


@pytest.fixture
def watch(start, bin, tmp_path):
    return lambda *flags, **settings: Watched(start, bin, tmp_path, *flags, **settings)


@pytest.fixture
def url(origin):
    return origin.serve("/a.jpg", picture(pictures.jpeg(200, 100), **LASTING))


@pytest.fixture
def begin_workers(bin):
    """Workers that no front has started."""
    running = []

    def begin(path):
        running.append(subprocess.Popen([str(bin / "imageproxy-worker"), "--jobs-socket", str(path)], env={},
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    yield begin
    for one in running:
        one.terminate()
        one.wait(20)


def in_background(work, *arguments):
    results = []
    thread = threading.Thread(target=lambda: results.append(work(*arguments)), daemon=True)
    thread.start()
    return thread, results


def is_ready(front):
    return front.get("/ready").status == 200


@row("no workers", "no workers can be reached", "no worker is running", 'refusals_total{reason="worker"}')
def test_no_workers(watch, url, tmp_path, begin_workers):
    jobs = tmp_path / "jobs.sock"
    seen = watch("-jobsSocket", str(jobs))
    waiting, answers = in_background(seen.front.get, f"/50x/{url}")
    processes.wait_until(lambda: "no workers can be reached" in seen.screen(), what="the status")
    assert seen.front.get("/ready").text == "no workers can be reached\n"
    seen.says(f"no workers at {jobs}")
    # Who waits for too long is told to come back.
    waiting.join(30)
    assert answers[0].status == 503 and seen.metric("refusals_total", reason="worker") == 1
    # Nobody asks a front for pictures that is not ready: it has to see by itself that there are workers again.
    begin_workers(jobs)
    processes.wait_until(lambda: is_ready(seen.front), what=lambda: f"ready\n{seen.front.errors}")
    assert seen.front.get(f"/50x/{url}").status == 200 and "not ready" not in seen.screen()


@row("no workers", "no worker is running")
def test_no_worker_of_its_own_can_be_started(watch, tmp_path):
    program = tmp_path / "worker"
    program.write_text("#!/bin/sh\necho 'the library is missing' >&2; exit 1\n")
    program.chmod(0o755)
    seen = watch("-workers", "1", "-workerProgram", str(program))
    processes.wait_until(lambda: "no worker is running" in seen.screen(), what=lambda: seen.screen() + seen.front.errors)
    # The log says what it said, and how it ended.
    seen.says("the library is missing")
    seen.says("a worker ended")


@row("queue full, or the wait too long", "jobs wait", "the advice", "refusals_total", "`queue`", "imageproxy workers N")
def test_the_queue_is_full(watch, origin, slow_picture, url):
    seen = watch("-workers", "1", "-maxQueue", "1", "-cache", "memory")
    assert seen.front.get(f"/50x/{url}").status == 200
    slow = origin.serve("/slow.png", picture(slow_picture, "image/png", **LASTING))
    seen.front.get(f"/{slow}")
    waiting = [in_background(seen.front.get, f"/2000x,avif,q90/{slow}")]
    processes.wait_until(lambda: seen.status()["workers"]["busy"] == 1, what="one at work")
    waiting.append(in_background(seen.front.get, f"/2001x,avif,q90/{slow}"))
    processes.wait_until(lambda: seen.status()["workers"]["queued"] == 1, what="one that waits")
    refused = [seen.front.get(f"/{800 + number}x/{slow}").status for number in range(3)]
    assert set(refused) == {503} and seen.metric("refusals_total", reason="queue") == 3
    # What caches have is answered.
    assert seen.front.get(f"/50x/{url}").status == 200
    for thread, _ in waiting:
        thread.join(60)
    assert "jobs wait" in seen.screen()
    advised = seen.status()["workers"]["advised"]
    assert "were refused" in seen.status()["workers"]["advice"]
    assert seen.command("workers", str(max(2, advised))).returncode == 0
    seen.front.wait_for_workers(max(2, advised))
    # What was too much for one is no longer.
    waiting = []
    for number in range(2):
        waiting.append(in_background(seen.front.get, f"/{1900 + number}x,avif,q90/{slow}"))
        processes.wait_until(lambda: seen.status()["workers"]["busy"] == number + 1, what=f"{number + 1} at work")
    for thread, answers in waiting:
        thread.join(60)
        assert answers[0].status == 200
    assert seen.metric("refusals_total", reason="queue") == 3


@row("one origin is busy", 'refusals_total{reason="origin"}', "the log names the host", "Others are served")
def test_an_origin_is_busy(watch, origin, url):
    gate = threading.Event()

    def slow(request):
        gate.wait(30)
        return answer(pictures.jpeg(20, 20), content_type="image/jpeg")

    seen = watch("-workers", "1", "-maxFetchesPerHost", "1", "-cache", "memory")
    urls = [origin.serve(f"/slow{number}.jpg", slow) for number in range(6)]
    waiting = [in_background(seen.front.get, f"/{one}") for one in urls]
    try:
        processes.wait_until(lambda: seen.metric("refusals_total", reason="origin") >= 1, what="refusals")
        seen.says("too many requests for 127.0.0.1")
    finally:
        gate.set()
    for thread, answers in waiting:
        thread.join(30)
        assert answers[0].status in (200, 503)
    assert seen.front.get(f"/{urls[0]}").status == 200


def stubs_greet(path, greeting, times):
    stubs = stub_worker.StubWorkers(path)
    stubs.serve([lambda ticket: (ticket.greet(greeting), ticket.hung_up(5))] * times)
    return stubs


@pytest.mark.parametrize("greeting, reason, line", [
    pytest.param(stub_worker.hello(layers=1), "workers lack layers of the sandbox", "refused a worker whose sandbox has limits",
                 id="sandbox"),
    pytest.param(stub_worker.hello(version=7), "workers speak version 7", "refused a worker that speaks version 7",
                 id="version"),
])
@row("workers lack a layer of the sandbox", "workers lack layers of the sandbox", "refused a worker whose sandbox has")
@row("workers of another version", "workers speak version", "refused a worker that speaks version")
def test_workers_that_get_no_jobs(watch, url, tmp_path, begin_workers, greeting, reason, line):
    jobs = tmp_path / "jobs.sock"
    stubs = stubs_greet(jobs, greeting, 1000)
    seen = watch("-jobsSocket", str(jobs))
    waiting, answers = in_background(seen.front.get, f"/50x/{url}")
    processes.wait_until(lambda: reason in seen.screen(), what=lambda: f"{reason}\n{seen.screen()}{seen.front.errors}")
    assert seen.front.get("/ready").text.startswith(reason)
    seen.says(line)
    stubs.close()
    jobs.unlink()
    begin_workers(jobs)
    # The one that waits gets its picture, and the front is ready without anybody's asking for one.
    waiting.join(30)
    assert answers[0].status in (200, 503)
    processes.wait_until(lambda: is_ready(seen.front), what=lambda: f"ready\n{seen.front.errors}")
    assert seen.front.errors.count(line) == 1
    assert seen.front.get(f"/50x/{url}").status == 200


@row("draining", "draining")
def test_draining(watch, url):
    seen = watch("-workers", "1", "-drainDelay", "60s")
    seen.front.signal(signal.SIGTERM)
    processes.wait_until(lambda: seen.front.get("/ready").text == "draining\n", what="draining")
    assert "not ready" in seen.screen() and "draining" in seen.screen()
    # Those who come all the same are answered, and another front is.
    assert seen.front.get(f"/50x/{url}").status == 200
    assert is_ready(watch("-workers", "1").front)
    seen.front.signal(signal.SIGTERM)
    seen.front.process.wait(30)


@row("an origin does not answer", "`connect` or `resolve`", "the log names the URL", "curl -v")
def test_an_origin_that_is_gone(watch, origin):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/a.jpg"
    seen = watch("-workers", "1")
    assert seen.front.get(f"/50x/{url}").status == 502
    assert seen.metric("fetches_total", outcome="connect") == 1
    seen.says(url)
    # From the same machine, without the service: it is not the service.
    assert subprocess.run(["curl", "-s", "--noproxy", "*", url], timeout=20).returncode == 7
    assert seen.front.get("/50x/http://name.invalid/a.jpg").status == 502
    assert seen.metric("fetches_total", outcome="resolve") == 1


@row("an origin is too slow (504)", 'fetches_total{outcome="timeout"}', "-fetchTimeout")
def test_an_origin_that_is_too_slow(watch, origin):
    body = pictures.jpeg(20, 20)
    url = origin.serve("/a.jpg", lambda request: [1.5, answer(body, content_type="image/jpeg")])
    seen = watch("-workers", "1", "-fetchTimeout", "500ms")
    assert seen.front.get(f"/10x/{url}").status == 504
    assert seen.metric("fetches_total", outcome="timeout") == 1
    stage = seen.status()["lastMinute"]["stages"]["fetch"]
    assert stage["count"] == 1 and stage["sum"] >= 0.5
    patient = watch("-workers", "1", "-fetchTimeout", "30s")
    assert patient.front.get(f"/10x/{url}").status == 200


@row("an origin's certificate is not believed", 'fetches_total{outcome="tls"}', "-tlsCAFile")
def test_a_certificate_that_is_not_believed(watch, origin, tmp_path):
    (tmp_path / "ca").mkdir()
    authority = Authority(tmp_path / "ca", origin.url("/middle.pem"))
    secure = SecureOrigin(authority.file("chain"), str(authority.directory / "leaf.key"))
    try:
        seen = watch("-workers", "1")
        assert seen.front.get(f"/10x/{secure.url}").status == 502
        assert seen.metric("fetches_total", outcome="tls") == 1
        seen.says("certificate")
        mended = watch("-workers", "1", "-tlsCAFile", authority.file("root"))
        assert mended.front.get(f"/10x/{secure.url}").status == 200
    finally:
        secure.close()


def signed(bin, key, url):
    """The target of 50 pixels of a picture, as `imageproxy sign` allows it."""
    ended = run_program(bin, "sign", "-key", key, f"{url}#50x")
    assert ended.returncode == 0, ended
    return f"/50x,s{re.search(r'^signature: (.+)$', ended.stdout, re.M)[1]}/{url}"


@row("a wrong signature (403)", 'errors_total{reason="not_authorized"}', "imageproxy sign", "imageproxy check")
def test_a_wrong_signature(watch, bin, url):
    seen = watch("-workers", "1", "-signatureKey", "our-key")
    assert seen.front.get(f"/50x,sAAAA/{url}").status == 403
    assert seen.metric("errors_total", reason="not_authorized") == 1
    seen.says(url)
    assert seen.front.get(signed(bin, "our-key", url)).status == 200
    checked = run_program(bin, "check", "-signatureKey", "our-key")
    assert checked.returncode == 0 and "sign" in checked.stdout


@row("an origin in a private network (403 for an address, 502 for a name)", "`forbidden_host` or `forbidden_address`",
     "the log says which address", "-allowPrivateNetworks", "-allowHosts")
def test_a_private_address(watch, url):
    seen = watch("-workers", "1", local=False)
    assert seen.front.get(f"/50x/{url}").status == 403
    assert seen.front.get("/50x/" + url.replace("127.0.0.1", "localhost")).status == 502
    for outcome in ("forbidden_host", "forbidden_address"):
        assert seen.metric("fetches_total", outcome=outcome) == 1
    seen.says("127.0.0.1: not public")
    seen.says("localhost leads to")
    mended = watch("-workers", "1", "-allowHosts", "127.0.0.1")
    assert mended.front.get(f"/50x/{url}").status == 200


@row("a picture cannot be decoded", "transformations_total", "`end`", "-onTransformError reject")
def test_a_broken_picture(watch, origin):
    url = origin.serve("/broken.jpg", picture(pictures.jpeg(300, 200)[:1000], **LASTING))
    seen = watch("-workers", "1")
    answered = seen.front.get(f"/50x/{url}")
    assert answered.status == 200 and answered["X-Imageproxy-Error"] == "corrupt-source"
    assert seen.metric("transformations_total", end="corrupt-source") == 1
    assert watch("-workers", "1", "-onTransformError", "reject").front.get(f"/50x/{url}").status == 422


@row("a picture kills workers", 'worker_deaths_total{cause="picture"}', "SHA-256", "left alone for ten minutes")
def test_a_picture_that_kills(watch, origin, url, shim, worker_with):
    seen = watch("-workers", "2", "-workerProgram", worker_with(shim("pill")))
    seen.front.wait_for_workers(2)
    pill = origin.serve("/pill.jpg", picture(pictures.jpeg(320, 200) + b"0 PILL:crash", **LASTING))
    for _ in range(3):
        assert seen.front.get(f"/100x/{pill}")["X-Imageproxy-Error"] == "crashed"
    assert seen.metric("worker_deaths_total", cause="picture") == 2
    seen.says("SHA-256")
    seen.says("it is not tried again for 10 minutes")
    assert seen.front.get(f"/50x/{url}")["X-Imageproxy-Error"] is None


@row("status 2 and one line", "the line names the setting", "imageproxy check -config")
def test_a_wrong_setting(bin, tmp_path):
    file = tmp_path / "imageproxy.conf"
    file.write_text("maxQueue plenty\n")
    ended = run_program(bin, "-config", str(file))
    assert ended.returncode == 2 and "maxQueue" in ended.stderr and ended.stderr.count("\n") == 1
    checked = run_program(bin, "check", "-config", str(file))
    assert checked.returncode == 2 and checked.stderr == ended.stderr
    file.write_text("maxQueue 10\n")
    assert run_program(bin, "check", "-config", str(file)).returncode == 0


@row("status 1, address in use", "shows who has it", "another `-addr`")
def test_an_address_in_use(watch, bin):
    seen = watch("-workers", "1")
    port = seen.front.endpoint[1]
    ended = run_program(bin, "-addr", f"127.0.0.1:{port}", "-workers", "1")
    assert ended.returncode == 1 and str(port) in ended.stderr and "in use" in ended.stderr
    if shutil.which("ss"):
        shown = subprocess.run(["ss", "-ltnp", f"sport = :{port}"], capture_output=True, text=True, timeout=20).stdout
        assert f"pid={seen.front.pid}," in shown
    assert is_ready(watch("-workers", "1").front)


#: Runs a command under a filter that answers EPERM to seccomp(2) and to prctl(PR_SET_SECCOMP), as a container's may.
NO_FILTERS = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def step(code, jt, jf, k): return struct.pack("HBBI", code, jt, jf, k)
seccomp = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
prctl = {"x86_64": 157, "aarch64": 167}[os.uname().machine]
program = (step(0x20, 0, 0, 0) + step(0x15, 3, 0, seccomp) + step(0x15, 0, 3, prctl) + step(0x20, 0, 0, 16)
           + step(0x15, 0, 1, 22) + step(0x06, 0, 0, 0x00050001) + step(0x06, 0, 0, 0x7FFF0000))
code = ctypes.create_string_buffer(program)
class Filter(ctypes.Structure): _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_void_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Filter(len(program) // 8, ctypes.addressof(code)))) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
"""


@row("workers end at once: no filter of system calls", "the log of the worker", "--sandbox-test", "-requireSandbox off")
def test_no_filter_of_system_calls(watch, bin, url):
    within = ["/usr/bin/python3", "-c", NO_FILTERS]
    seen = watch("-workers", "1", within=within)
    processes.wait_until(lambda: "no worker is running" in seen.screen(), what=lambda: seen.screen() + seen.front.errors)
    seen.says("system calls cannot be filtered")
    tried = subprocess.run([*within, str(bin / "imageproxy-worker"), "--sandbox-test"], capture_output=True, text=True,
                           timeout=60)
    assert tried.returncode != 0
    mended = watch("-workers", "1", "-requireSandbox", "off", within=within)
    assert mended.front.get(f"/50x/{url}").status == 200
    assert mended.metric("sandbox_layer", layer="seccomp") == 0


@row("a reload is refused", 'reloads_total{result="refused"}', "the old settings stay")
def test_a_reload_that_is_refused(watch, url, tmp_path):
    file = tmp_path / "imageproxy.conf"
    file.write_text("allowHosts 127.0.0.1\n")
    seen = watch("-workers", "1", "-config", str(file))
    file.write_text("allowHosts 127.0.0.1\nmaxQueue plenty\n")
    seen.front.signal(signal.SIGHUP)
    seen.says("the old settings stay")
    assert "maxQueue" in seen.front.errors and seen.metric("reloads_total", result="refused") == 1
    assert seen.front.get(f"/50x/{url}").status == 200
    file.write_text("allowHosts other.example\n")
    seen.front.signal(signal.SIGHUP)
    seen.says("settings read anew")
    assert seen.front.get(f"/60x/{url}").status == 403


def is_used(seen, tier):
    return seen.metric("cache_available", tier=tier, use="reading") == seen.metric(
        "cache_available", tier=tier, use="writing") == 1


@row("Redis is gone", "left alone", "`cache_available` 0", "one line of the log", "start it")
def test_redis_is_gone(watch, redis, url):
    seen = watch("-workers", "1", "-cache", redis.url)
    processes.wait_until(lambda: is_used(seen, "redis"), what="Redis is used")
    redis.kill()
    processes.wait_until(lambda: seen.metric("cache_available", tier="redis") == 0, what="Redis is left alone")
    assert re.search(r"^redis .*left alone for reading and writing", seen.screen(), re.M), seen.screen()
    assert seen.front.get(f"/50x/{url}").status == 200
    redis.start()
    processes.wait_until(lambda: is_used(seen, "redis"), timeout=30, what="Redis is used again")
    assert "left alone" not in seen.screen()


@row("Redis is full", 'cache_available{use="writing"}', "refuses to store (OOM)", "allkeys-lfu")
def test_redis_is_full(watch, redis, origin):
    seen = watch("-workers", "1", "-cache", redis.url)
    processes.wait_until(lambda: is_used(seen, "redis"), what="Redis is used")
    redis.cli("CONFIG", "SET", "maxmemory", "1")
    numbers = iter(range(1000))

    def asks():
        assert seen.front.get("/20x/" + origin.serve(
            f"/{next(numbers)}.jpg", picture(pictures.jpeg(40, 40), **LASTING))).status == 200
        return True

    processes.wait_until(lambda: asks() and seen.metric("cache_available", tier="redis", use="writing") == 0,
                         interval=0.2, what=lambda: f"no writing\n{seen.front.errors}")
    seen.says("refuses to store (OOM)")
    redis.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    redis.cli("CONFIG", "SET", "maxmemory", "100mb")
    before = seen.metric("cache_stores_total", tier="redis", result="stored")
    processes.wait_until(lambda: asks() and seen.metric("cache_stores_total", tier="redis", result="stored") > before,
                         timeout=40, interval=0.2, what=lambda: f"stored again\n{seen.front.errors}")


@row("the disk is full", "No space left on device", 'cache_available{tier="disk",use="writing"}', "may be deleted")
def test_the_disk_is_full(watch, origin, mounted):
    disk = mounted("1m")
    seen = watch("-workers", "1", "-cache", f"{disk.directory}/cache", **disk.settings)
    numbers, body = iter(range(1000)), pictures.jpeg(300, 300)

    def asks():
        assert seen.front.get("/20x/" + origin.serve(
            f"/{next(numbers)}.jpg", picture(body, **LASTING))).status == 200
        return True

    processes.wait_until(lambda: asks() and seen.metric("cache_available", tier="disk", use="writing") == 0, timeout=60,
                         interval=0.01, what=lambda: f"a full disk\n{seen.front.errors}")
    seen.says("No space left on device")
    # Everything goes, while it runs.
    for entry in Path(f"{disk.seen_from_here}/cache").iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    before = seen.metric("cache_stores_total", tier="disk", result="stored")
    processes.wait_until(lambda: asks() and seen.metric("cache_stores_total", tier="disk", result="stored") > before,
                         timeout=60, interval=0.2, what=lambda: f"stored again\n{seen.front.errors}")


@row("a wrong or withdrawn picture is shown", "`Age`", "imageproxy purge URL")
def test_a_withdrawn_picture(watch, origin):
    url = origin.serve("/a.jpg", picture(pictures.flat(100, 100, seed=1), **LASTING))
    seen = watch("-workers", "1", "-cache", "memory")
    before = seen.front.get(f"/50x/{url}").body
    origin.serve("/a.jpg", picture(pictures.flat(100, 100, seed=2), **LASTING))
    assert seen.front.get(f"/50x/{url}").body == before
    processes.wait_until(lambda: seen.front.get(f"/50x/{url}")["Age"], what="an age")
    assert seen.command("purge", url).returncode == 0
    assert seen.front.get(f"/50x/{url}").body != before


@row("a purge has not reached all fronts", "its answer says so", 'purges_total{reach="this_front_for_now"}', "bring Redis back")
def test_a_purge_that_reaches_one_front(watch, redis, origin):
    url = origin.serve("/a.jpg", picture(pictures.flat(100, 100, seed=1), **LASTING))
    first, second = (watch("-workers", "1", "-cache", "memory", "-cache", redis.url) for _ in range(2))
    for seen in (first, second):
        processes.wait_until(lambda: is_used(seen, "redis"), what="Redis is used")
        assert seen.front.get(f"/50x/{url}").status == 200
    old = second.front.get(f"/50x/{url}").body
    origin.serve("/a.jpg", picture(pictures.flat(100, 100, seed=2), **LASTING))
    redis.freeze()
    said = first.command("purge", url)
    assert "Redis" in said.stdout + said.stderr, said
    assert first.metric("purges_total", reach="this_front_for_now") == 1
    assert second.front.get(f"/50x/{url}").body == old
    redis.thaw()
    processes.wait_until(lambda: second.front.get(f"/50x/{url}").body != old, timeout=60, interval=0.2,
                         what=lambda: f"the other front forgets it\n{second.front.errors}")


@row("hits have become rare", "hit ratio in `status`", "-cacheSecret")
def test_a_changed_secret(watch, url, tmp_path):
    cache = tmp_path / "cache"

    def hit_ratio(secret):
        seen = watch("-workers", "1", "-cache", str(cache), "-cacheSecret", secret)
        processes.wait_until(lambda: is_used(seen, "disk"), what="the disk is used")
        before = seen.metric("cache_stores_total", tier="disk", result="stored")
        assert seen.front.get(f"/50x/{url}").status == 200
        if seen.status()["sinceStart"]["outcomes"]["miss"]:
            processes.wait_until(lambda: seen.metric("cache_stores_total", tier="disk", result="stored") > before + 1,
                                 what="both are written")
        ratio = re.search(r"^hit ratio +(\S+)", seen.screen(), re.M)[1]
        seen.front.stop()
        return ratio

    assert [hit_ratio(secret) for secret in ("one", "one", "other", "other")] == ["0.0", "100.0", "0.0", "100.0"]


@row("a signing key has leaked", "how many keys there are", "a second line `signatureKey @", "take the old line out and reload")
def test_a_leaked_key(watch, bin, url, tmp_path):
    settings = tmp_path / "imageproxy.conf"
    lines = []
    for name in ("old", "new"):
        (tmp_path / name).write_text(f"the-{name}-one")
        lines.append(f"signatureKey @{tmp_path / name}\n")
    old, new = lines
    settings.write_text(old)
    seen = watch("-workers", "1", "-config", str(settings))

    def allowed(name):
        return seen.front.get(signed(bin, f"the-{name}-one", url)).status == 200

    def reload(text):
        count = seen.front.errors.count("settings read anew")
        settings.write_text(text)
        seen.front.signal(signal.SIGHUP)
        processes.wait_until(lambda: seen.front.errors.count("settings read anew") > count, what="a reload")
        return run_program(bin, "check", "-config", str(settings)).stdout

    assert allowed("old") and not allowed("new")
    assert "signed with one of 2 keys" in reload(old + new)
    assert allowed("old") and allowed("new")
    assert "signed with the key" in reload(new)
    assert not allowed("old") and allowed("new")


@row("a codec's library has a hole", "`/version` on `-adminAddr`", "`disableFormats webp`", "reload", "nothing restarts")
def test_a_codec_is_switched_off_under_load(watch, origin, tmp_path):
    settings = tmp_path / "imageproxy.conf"
    settings.write_text("")
    seen = watch("-workers", "2", "-config", str(settings), "-autoFormat", "webp")
    seen.front.wait_for_workers(2)
    with client.Connection(seen.socket) as connection:
        assert re.search(r"\blibwebp \d+\.\d+\.\d+", connection.request("/version").text)
    source = pictures.encoded(pictures.decoded(pictures.jpeg(300, 200)), "WEBP")
    attack, others = origin.serve("/a.webp", source), origin.serve("/a.jpg", pictures.jpeg(300, 200))
    workers = [one.pid for level in (processes.launchers, processes.keepers) for one in level(seen.front.pid)]
    ending, kinds = threading.Event(), []

    def kind(width):
        """Of the answer to a request for a WebP: made, or refused as what cannot be decoded is."""
        answered = seen.front.get(f"/{width}x/{attack}")
        if answered["X-Imageproxy-Error"] is None:
            assert answered["Content-Type"] == "image/jpeg" and pictures.decoded(answered.body).size[0] == width
            return "made"
        assert answered["X-Imageproxy-Error"] == "disabled-format" and answered.body == source, answered
        return "refused"

    def attacks():
        while not ending.is_set():
            kinds.append(kind(20 + len(kinds) % 200))

    def reload(text):
        count = seen.front.errors.count("settings read anew")
        settings.write_text(text)
        seen.front.signal(signal.SIGHUP)
        processes.wait_until(lambda: seen.front.errors.count("settings read anew") > count, what="a reload")

    def as_webp(width):
        return seen.front.get(f"/{width}x/{others}", headers=[("Accept", "image/webp")])["Content-Type"] == "image/webp"

    with Load(seen.front.endpoint, others) as load:
        attacking, _ = in_background(attacks)
        processes.wait_until(lambda: len(kinds) > 5, what="some were made")
        assert kind(250) == "made" and as_webp(30)
        reload("disableFormats webp\n")
        load.wait_for(50)
        assert [kind(251), kind(252)] == ["refused", "refused"] and not as_webp(31)
        reload("")
        load.wait_for(20)
        assert kind(253) == "made" and as_webp(32)
        ending.set()
        attacking.join(30)
    # Those of before, those of between, those of after; the load has found every other request answered.
    assert [one for index, one in enumerate(kinds) if index == 0 or kinds[index - 1] != one] == ["made", "refused", "made"]
    assert workers == [one.pid for level in (processes.launchers, processes.keepers) for one in level(seen.front.pid)]
    assert seen.metric("worker_restarts_total") == seen.metric("worker_deaths_total") == 0


def test_every_row_was_tried():
    assert TRIED | set(ELSEWHERE) == set(rows()) and not TRIED & set(ELSEWHERE)
    assert all((ROOT / file).exists() for file in ELSEWHERE.values())
    # And names nothing that is not there.
    names = set(re.findall(r'= "imageproxy_([a-z_]+)"', (ROOT / "Sources/Shared/Telemetry/MetricName.swift").read_text()))
    named = set(re.findall(r"`([a-z_]+_(?:total|available))(?:\{[^}]*\})?`", RUNBOOK))
    assert named and named <= names, named - names
