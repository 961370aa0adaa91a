# SPDX-License-Identifier: Apache-2.0
"""The package under systemd: installed, scaled, killed, upgraded and removed under load. The tests build on each other.

Where systemd cannot boot something small stands in for it, and the first line says so.
"""

import json
import os
import socket
import time

import pytest

import client
import origin as origins
import pictures
import processes
from booted import CannotBoot, Systemd
from debian import higher_version
from load import Load
from say import say
from stand_in import StandIn

ENDPOINT = ("127.0.0.1", 8080)


@pytest.fixture(scope="module")
def machine(package):
    wanted = os.environ.get("IMAGEPROXY_BOOT", "")
    machine = None
    if wanted != "stand-in":
        try:
            machine = Systemd(package)
        except CannotBoot as error:
            if wanted == "systemd":
                raise
            say(f"systemd cannot boot here: {error}")
    machine = machine or StandIn(package)
    say(f"the units are run by {machine.kind}")
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def source(machine):
    """A picture's URL; made after the machine, so that it is in the machine's network."""
    origin = origins.Origin()
    yield origin.serve("/a.jpg", pictures.jpeg(300, 200))
    origin.close()


def workers(machine, count):
    processes.wait_until(
        lambda: len(machine.active("imageproxy-worker@*.service")) == count, timeout=30,
        what=f"{count} workers\n{machine.journal()}")


def test_it_runs_once_it_is_installed(machine, package, source):
    environment = machine.debian.path("/etc/imageproxy/environment")
    environment.parent.mkdir()
    # Workers that miss a layer of the sandbox are refused: the unit and the worker together must give all of them.
    environment.write_text("IMAGEPROXY_ALLOWPRIVATENETWORKS=true\nIMAGEPROXY_REQUIRESANDBOX=strict\n")
    machine.install(package)
    assert machine.active("imageproxy@*.service") == ["imageproxy@1.service"]
    workers(machine, 2)
    with client.Connection(ENDPOINT) as connection:
        answer = connection.request(f"/100x/{source}")
    assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, f"{answer}\n{machine.journal()}"
    assert pictures.decoded(answer.body).size == (100, 67)
    layers = json.loads(machine.run("imageproxy", "status", "-json"))[0]["workers"]["sandbox"]
    assert layers == "limits, namespaces, empty-root, landlock, no-privileges, seccomp"
    assert machine.run("systemctl", "list-units", "--failed", "--no-legend", "--plain").strip() == ""


def test_workers_are_added_and_taken_away_under_load(machine, source):
    more = [f"imageproxy-worker@{number}.service" for number in range(3, 7)]
    with Load(ENDPOINT, source) as load:
        machine.start(*more)
        workers(machine, 6)
        load.wait_for(40)
        machine.stop(*more)
        workers(machine, 2)


def test_the_command_sets_their_number_under_load(machine, source):
    with Load(ENDPOINT, source) as load:
        for number in (4, 2):
            machine.run("imageproxy", "workers", str(number))
            workers(machine, number)
            load.wait_for(20)


def test_workers_are_killed_under_load(machine, source):
    with Load(ENDPOINT, source) as load:
        for _ in range(5):
            for number in (1, 2):
                machine.kill(f"imageproxy-worker@{number}.service")
                load.wait_for(5)
    workers(machine, 2)


def test_each_unit_is_restarted_under_load(machine, source):
    with Load(ENDPOINT, source) as load:
        for unit in ("imageproxy-worker@1.service", "imageproxy-worker@2.service", "imageproxy@1.service"):
            before = machine.main_pid(unit)
            machine.restart(unit)
            assert machine.main_pid(unit) != before
            load.wait_for(20)


def test_everything_is_restarted_under_load(machine, source):
    units = ["imageproxy@1.service", "imageproxy-worker@1.service", "imageproxy-worker@2.service"]
    before = [machine.main_pid(unit) for unit in units]
    with Load(ENDPOINT, source) as load:
        machine.restart("imageproxy.target")
        workers(machine, 2)
        load.wait_for(20)
    assert not set(before) & {machine.main_pid(unit) for unit in units}


def test_everything_is_stopped_and_started(machine, source):
    machine.stop("imageproxy.target")
    assert machine.active("imageproxy*.service") == machine.active("imageproxy*.socket") == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(ENDPOINT, 5)
    machine.start("imageproxy.target")
    workers(machine, 2)
    with Load(ENDPOINT, source):
        pass


def test_units_are_restarted_again_and_again_under_load(machine, source):
    # Each every 5 s; 10 minutes of it with scripts/boot-test --long.
    units = ["imageproxy@1.service", "imageproxy-worker@1.service", "imageproxy-worker@2.service"]
    end = time.monotonic() + float(os.environ.get("IMAGEPROXY_RESTARTS_SECONDS", "20"))
    rounds = 0
    with Load(ENDPOINT, source) as load:
        while rounds == 0 or time.monotonic() < end:
            begin = time.monotonic()
            for unit in units:
                machine.restart(unit)
                load.wait_for(5)
            rounds += 1
            time.sleep(max(0, begin + 5 - time.monotonic()))
    say(f"each unit was restarted {rounds} times under load: {load.answered} requests, none failed")


def test_a_front_is_killed_under_load(machine, source):
    # What it was about to answer is lost with it; nobody is turned away who asks again.
    with Load(ENDPOINT, source, retries=1) as load:
        for _ in range(3):
            machine.kill("imageproxy@1.service")
            load.wait_for(20)


def test_a_second_front_answers_on_the_same_port(machine, source):
    with Load(ENDPOINT, source) as load:
        machine.start("imageproxy@2.service")
        machine.stop("imageproxy@1.service")
        load.wait_for(20)
        machine.start("imageproxy@1.service")
        machine.stop("imageproxy@2.service")


def test_an_upgrade_under_load(machine, package, source, tmp_path):
    higher = higher_version(package, tmp_path)
    units = ["imageproxy@1.service", "imageproxy-worker@1.service", "imageproxy-worker@2.service"]
    before = [machine.main_pid(unit) for unit in units]
    with Load(ENDPOINT, source):
        machine.install(higher)
    assert not set(before) & {machine.main_pid(unit) for unit in units}
    workers(machine, 2)


def test_nothing_runs_once_it_is_removed(machine):
    assert machine.main_pid("imageproxy@1.service") > 0
    # With the cache of all tests before, which after --long is some hundred thousand files.
    machine.run("dpkg", "--purge", "imageproxy", timeout=1200)
    assert machine.active("imageproxy*.service") == machine.active("imageproxy*.socket") == []
    assert machine.left() == []
