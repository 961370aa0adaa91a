# SPDX-License-Identifier: Apache-2.0
"""Starting the programs: what is wrong is said in one line."""

import os
import re
import signal
import socket
import subprocess

import pytest

import processes
from front import run_program


def one_line(result, status):
    assert result.returncode == status, result
    assert result.stdout == "" and result.stderr.count("\n") == 1 and result.stderr.endswith("\n"), result
    assert result.stderr.startswith("imageproxy: ")
    return result.stderr


@pytest.mark.parametrize("arguments, expected", [
    (["-adr", ":0"], "did you mean -addr"), (["-chache", "memory"], "did you mean -cache"),
    (["--allowPrivateNetwork"], "did you mean -allowPrivateNetworks"), (["-worker", "3"], "did you mean -workers"),
    (["-zzzzzzzzzzzz"], "unknown flag -zzzzzzzzzzzz"), (["nonsense"], "unexpected argument"),
    (["-workers", "many"], "-workers"), (["-workers", "0"], "-workers"), (["-workers"], "needs a value"),
    (["-timeout", "5"], "such as 300ms"), (["-scaleUp=maybe"], "true or false"), (["-cache", "memory:x"], "-cache"),
    (["-jobsSocket", "relative"], "absolute"), (["-baseURL", "nonsense"], "-baseURL"),
    (["-passResponseHeaders", "Content-Length"], "Content-Length"), (["-allowPorts", "22"], "-allowPorts"),
    (["-samplePhoto", "/etc/passwd"], "not a JPEG"), (["-requireSandbox", "x"], "strict"),
])
def test_a_mistake_is_one_line_that_says_what_is_right(bin, arguments, expected):
    line = one_line(run_program(bin, "-addr", "127.0.0.1:0", *arguments), 2)
    assert expected in line


@pytest.mark.parametrize("word, command", [("sing", "sign"), ("stats", "status"), ("purges", "purge")])
def test_a_command_that_is_none_is_told_the_nearest(bin, word, command):
    assert f"did you mean imageproxy {command}?" in one_line(run_program(bin, word, "http://a.test/"), 2)


@pytest.mark.parametrize("arguments", [
    ("-samplePhoto", "/nonexistent.jpg"), ("-workerProgram", "/nonexistent/worker"), ("-tlsCAFile", "/nonexistent.pem"),
    ("-signatureKey", "@/nonexistent"), ("-config", "/nonexistent.conf"), ("-accessLogFile", "/nonexistent/log"),
])
def test_what_the_machine_lacks_has_another_status_than_a_mistake(bin, arguments):
    assert arguments[1].lstrip("@") in one_line(run_program(bin, "-addr", "127.0.0.1:0", *arguments), 1)


@pytest.mark.parametrize("name, value, expected", [
    ("IMAGEPROXY_ADR", ":1", "IMAGEPROXY_ADDR"), ("IMAGEPROXY_CACHES", "memory", "IMAGEPROXY_CACHE"),
    ("IMAGEPROXY_TIMEOUT", "soon", "IMAGEPROXY_TIMEOUT"),
])
def test_a_mistake_in_the_environment_as_well(bin, name, value, expected):
    assert expected in one_line(run_program(bin, environment={name: value}), 2)


def test_a_port_that_is_taken(bin):
    before = processes.abandoned_directories()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = one_line(run_program(bin, "-addr", "127.0.0.1:%d" % taken.getsockname()[1]), 1)
    assert "listen failed" in line and "in use" in line
    processes.wait_until(lambda: processes.abandoned_directories() <= before, timeout=2, what="no directory left")


@pytest.mark.parametrize("address", ["256.0.0.1:1", "nonsense", "127.0.0.1:port", "127.0.0.1:65536", "unix:/nonexistent/x.sock"])
def test_an_address_that_is_none(bin, address):
    before = processes.abandoned_directories()
    assert "listen failed" in one_line(run_program(bin, "-addr", address), 1)
    processes.wait_until(lambda: processes.abandoned_directories() <= before, timeout=2, what="no directory left")


def test_a_worker_program_that_cannot_work(bin):
    before = processes.abandoned_directories()
    line = one_line(run_program(bin, "-addr", "127.0.0.1:0", "-workerProgram", "/etc/passwd"), 1)
    assert "-workerProgram" in line
    processes.wait_until(lambda: processes.abandoned_directories() <= before, timeout=2, what="no directory left")


def test_help_lists_every_flag(bin):
    for flag in ("-help", "--help", "-h"):
        result = run_program(bin, flag)
        assert result.returncode == 0 and result.stderr == ""
        for name in ("addr", "cache", "workers", "allowPrivateNetworks", "timeout", "baseURL"):
            assert re.search(rf"^ +-{name}\b", result.stdout, re.MULTILINE), name
            assert f"[IMAGEPROXY_{name.upper()}]" in result.stdout


def test_the_originals_spellings_are_taken(start):
    front = start("--workers=1", "-scaleUp", "true", "-followRedirects=0", "-version", "-cache", "memory:10:1h")
    assert front.get("/health-check").body == b"OK"


def test_the_environment_and_flags_over_it(start):
    front = start("-workers", "1", environment={"IMAGEPROXY_WORKERS": "3", "IMAGEPROXY_CACHE": ""})
    front.wait_for_workers(1)
    front = start(environment={"IMAGEPROXY_WORKERS": "2"})
    front.wait_for_workers(2)


def test_a_unix_socket(start, tmp_path):
    path = tmp_path / "front.sock"
    front = start("-workers", "1", address=f"unix:{path}")
    assert front.address == f"unix:{path}"
    assert front.get("/health-check").body == b"OK"
    front.stop()
    assert not path.exists()


def test_a_unix_socket_left_behind_is_replaced(bin, start, tmp_path):
    path = tmp_path / "front.sock"
    killed = start("-workers", "1", address=f"unix:{path}")
    killed.kill()
    assert path.exists()
    front = start("-workers", "1", address=f"unix:{path}")
    assert front.get("/health-check").body == b"OK"
    # One that is in use is not.
    assert "in use" in one_line(run_program(bin, "-addr", f"unix:{path}"), 1)
    assert front.get("/health-check").body == b"OK"


def test_a_file_in_the_place_of_a_socket_is_left_alone(bin, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    assert "listen failed" in one_line(run_program(bin, "-addr", f"unix:{path}"), 1)
    assert path.read_text() == "data"


def test_ipv6_and_all_interfaces(start):
    for address in ("[::1]:0", ":0"):
        front = start("-workers", "1", address=address)
        port = int(front.address.rpartition(":")[2])
        import client

        with client.Connection(("::1", port)) as connection:
            assert connection.request("/health-check").body == b"OK"


def test_the_workers_own_command_line(bin):
    def worker(*arguments):
        return run_program(bin, *arguments, program="imageproxy-worker")

    assert "--jobs-socket" in worker("--help").stdout
    # The program, and what it would have to be built anew for.
    versions = worker("--version").stdout.splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+ \d+\.\d+\.\d+", line) for line in versions), versions
    names = [line.split()[0] for line in versions]
    assert names[0] == "imageproxy-worker" and {"libjpeg-turbo", "libwebp", "libavif", "dav1d"} < set(names) and len(names) == 11
    for arguments in ([], ["--nonsense"], ["--jobs-socket"], ["--job-timeout", "x"], ["--require-sandbox", "maybe"],
                      ["--jobs-fd", "0"], ["--workers", "0"]):
        result = worker(*arguments)
        assert result.returncode == 2 and result.stderr.count("\n") == 1 and result.stdout == "", result
    result = worker("--jobs-socket", "/nonexistent/x.sock")
    assert result.returncode == 1 and "/nonexistent/x.sock" in result.stderr


@pytest.mark.parametrize("typed, expected", [
    (["-allowH"], {"-allowHosts"}), (["--allowH"], {"-allowHosts"}), (["che"], {"check"}),
    (["-requireSandbox", "st"], {"strict", "standard"}),
    (["--onTransformError", ""], {"original", "reject"}), (["-addr", ""], set()), (["-config", "/etc/hostna"], {"/etc/hostname"}),
])
def test_a_shell_completes_what_is_typed(bin, typed, expected):
    words = " ".join(f"'{word}'" for word in ["imageproxy", *typed])
    script = run_program(bin, "help", "--completion", "bash").stdout + (
        f"\nCOMP_WORDS=({words}) COMP_CWORD={len(typed)}\n_imageproxy\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n")
    result = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=20)
    assert result.stderr == ""
    assert set(result.stdout.split()) == expected
