# SPDX-License-Identifier: Apache-2.0
"""The container image, used as the original's users use theirs, and what deploy/compose.yaml makes of it."""

import json
import os
import pathlib
import threading
import time

import pytest

import client
import origin as origins
import pictures
import processes
from containers import Compose, Engine
from load import Load
from say import say

COMPOSE = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml"
#: What the package and its libraries may add to Debian; that of the original, with nothing below it, is 30 MB.
MOST_BYTES = 90_000_000
#: The origin stands on this machine.
LOCAL = "-allowPrivateNetworks"


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def image():
    return os.environ["IMAGEPROXY_IMAGE"]


def answers(endpoint):
    try:
        with client.Connection(endpoint, timeout=5) as connection:
            return connection.request("/health-check").status == 200
    except (OSError, client.Ended):
        return False


@pytest.fixture(scope="module")
def front(engine, image):
    container = engine.start(
        "front", image, "-addr", "0.0.0.0:8080", "-cache", "memory", LOCAL, options=["--publish", "127.0.0.1::8080"])
    processes.wait_until(
        lambda: answers(engine.endpoint(container)), timeout=30, what=lambda: f"an answer\n{engine.logs(container)}")
    return container


@pytest.fixture(scope="module")
def origin(engine, front):
    origin = origins.Origin(engine.gateway(front))
    yield origin
    origin.close()


def ask(endpoint, target):
    with client.Connection(endpoint, timeout=60) as connection:
        return connection.request(target)


def test_a_picture(engine, front, origin):
    answer = ask(engine.endpoint(front), f"/100x/{origin.serve('/a.jpg', origins.picture(pictures.jpeg(300, 200)))}")
    assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, f"{answer}\n{engine.logs(front)}"
    assert pictures.decoded(answer.body).size == (100, 67)


def test_it_is_the_user_that_the_originals_is(engine, front, image):
    assert engine.inspect(image, "image")["Config"]["User"] == "65532:65532"
    status = engine("exec", front, "cat", "/proc/1/status")
    assert "\nUid:\t65532\t65532\t65532\t65532\n" in status and "\nGid:\t65532\t65532\t65532\t65532\n" in status
    assert engine("exec", front, "cat", "/proc/1/cmdline").startswith("/app/imageproxy\0-addr\0")


def test_its_health_check(engine, front, image):
    told = engine.inspect(image, "image")
    # docker and podman have it in different places.
    kind, *command = {**told, **told["Config"]}["Healthcheck"]["Test"]
    assert kind == "CMD"
    [state] = json.loads(engine("exec", front, *command))
    assert state["ready"] is True
    say(f"sandbox of workers that the front starts: {state['workers']['sandbox']}")
    # Of a front that is gone there is nothing to be told.
    engine("exec", "--env", "IMAGEPROXY_ADMINADDR=unix:/run/imageproxy/gone.sock", front, *command, status=1)


def test_its_size(engine, image):
    size = engine.inspect(image, "image")["Size"]
    base = engine.inspect(os.environ["IMAGEPROXY_BASE"], "image")["Size"]
    say(f"the image is {size / 1e6:.0f} MB, {(size - base) / 1e6:.0f} MB of it beyond the base")
    assert size - base < MOST_BYTES


def test_its_default_arguments(engine, image):
    container = engine.start("default", image, options=["--publish", "127.0.0.1::8080"])
    processes.wait_until(lambda: answers(engine.endpoint(container)), timeout=30, what="an answer")
    engine("rm", "--force", container)


def test_what_was_begun_is_finished_when_it_is_stopped(engine, front, origin):
    body = pictures.jpeg(300, 200)
    begun = threading.Event()

    def slow(request):
        begun.set()
        yield origins.answer(b"", content_type="image/jpeg", length=len(body))
        yield 2.0
        yield body

    url = origin.serve("/slow.jpg", slow)
    answered = []
    thread = threading.Thread(target=lambda: answered.append(ask(endpoint, f"/100x/{url}")), daemon=True)
    endpoint = engine.endpoint(front)
    thread.start()
    assert begun.wait(30)
    engine("stop", "--time", "30", front)
    thread.join(30)
    assert answered and answered[0].status == 200, f"{answered}\n{engine.logs(front)}"
    assert engine.inspect(front)["State"]["ExitCode"] == 0


@pytest.fixture(scope="module")
def compose(engine, image):
    compose = Compose(
        engine, COMPOSE, {"imageproxy": image, "redis:7": os.environ["IMAGEPROXY_REDIS_IMAGE"]}, {"front": [LOCAL]})
    front = compose.containers["front"]
    processes.wait_until(
        lambda: answers(engine.endpoint(front)), timeout=30, what=lambda: f"an answer\n{engine.logs(front)}")
    return compose


@pytest.fixture(scope="module")
def source(engine, compose):
    origin = origins.Origin(engine.gateway(compose.containers["front"]))
    yield origin.serve("/a.jpg", pictures.jpeg(300, 200))
    origin.close()


def state_of(engine, container):
    return json.loads(engine("exec", container, "/usr/bin/imageproxy", "status", "-json"))[0]


def test_compose_makes_a_picture(engine, compose, source):
    containers = compose.containers
    answer = ask(engine.endpoint(containers["front"]), f"/100x/{source}")
    assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, f"{answer}\n{engine.logs(containers['front'])}"
    state = state_of(engine, containers["front"])
    say(f"sandbox of workers in containers of their own: {state['workers']['sandbox']}")
    assert state["ready"] is True and state["workers"]["running"] is None
    processes.wait_until(
        lambda: int(engine("exec", containers["redis"], "redis-cli", "dbsize").split()[-1]) > 0, what="an entry in Redis")


@pytest.mark.parametrize("name", ["workers-a", "workers-b"])
def test_workers_of_compose_have_nothing(engine, compose, name):
    # Not even "exec" finds anything in there; this machine's root sees it from outside.
    told = engine.inspect(compose.containers[name])
    process = pathlib.Path(f"/proc/{told['State']['Pid']}")
    devices = (process / "net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]
    assert "\nNoNewPrivs:\t1\n" in (process / "status").read_text()
    assert os.listdir(process / "root") == []


def test_either_container_of_workers_may_be_killed_under_load(engine, compose, source):
    front = compose.containers["front"]
    with Load(engine.endpoint(front), source) as load:
        # The second time around the load hangs on the one that was started again.
        for name in ("workers-a", "workers-b"):
            container = compose.containers[name]
            engine("kill", "--signal", "KILL", container)
            processes.wait_until(lambda: not engine.inspect(container)["State"]["Running"], what=f"no {name}")
            load.wait_for(40)
            engine("start", container)
            processes.wait_until(
                lambda: engine.logs(front).count(f"jobs-{name[-1]}.sock") >= 2, timeout=30,
                what=lambda: f"{name} back\n{engine.logs(front)}")
            load.wait_for(40)
    say(f"{load.answered} requests while containers of workers were killed, none failed")


def test_compose_ends_as_it_should(engine, compose):
    for name in ("front", "workers-a", "workers-b"):
        begin = time.monotonic()
        engine("stop", compose.containers[name])
        assert engine.inspect(compose.containers[name])["State"]["ExitCode"] == 0
        assert time.monotonic() - begin < 25
