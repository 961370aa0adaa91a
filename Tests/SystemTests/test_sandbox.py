# SPDX-License-Identifier: Apache-2.0
"""The sandbox, tried from inside by the worker program itself."""

import os
import re
import shutil
import subprocess
import tempfile

import pytest

import pictures
import processes
from front import LOCAL

NOBODY = 65534


def sandbox_test(program, *prefix):
    return subprocess.run([*prefix, str(program), "--sandbox-test"], capture_output=True, text=True, timeout=60, cwd="/")


def check(result):
    assert result.returncode == 0, result.stdout + result.stderr
    tried, escaped = map(int, re.search(r"^(\d+) tried, (\d+) not forbidden$", result.stdout, re.MULTILINE).groups())
    rows = [line for line in result.stdout.splitlines() if line.startswith("  ")]
    assert tried >= 80 and escaped == 0 and len(rows) == tried
    assert all(re.search(r" (killed|refused: .+)$", row) for row in rows)
    assert "ALLOWED" not in result.stdout and "UNCLEAR" not in result.stdout
    assert "seccomp" in result.stdout.splitlines()[0].partition("(not:")[0]
    return result.stdout


def test_nothing_that_was_tried_is_allowed(bin):
    table = check(sandbox_test(bin / "imageproxy-worker"))
    if os.geteuid() == 0:
        assert "no-privileges" in table.splitlines()[0].partition("(not:")[0]


@pytest.fixture
def public_program(bin):
    """The program where everybody can read it."""
    directory = tempfile.mkdtemp(prefix="worker-for-all-")
    os.chmod(directory, 0o755)
    shutil.copy(bin / "imageproxy-worker", directory)
    yield directory + "/imageproxy-worker"
    shutil.rmtree(directory)


def test_nor_for_an_ordinary_user(public_program):
    user = [shutil.which("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"]
    # Who is no root is an ordinary user already.
    check(sandbox_test(public_program, *(user if os.geteuid() == 0 else [])))


def test_what_is_tried_would_work_without_the_sandbox(bin):
    """The table is no proof if its attempts fail for other reasons: most of them are killed for trying."""
    table = check(sandbox_test(bin / "imageproxy-worker"))
    assert table.count(" killed") >= 60


def library_code(process):
    """KiB of the executable code of its libraries."""
    return int(processes.status(process.pid)["VmLib"].split()[0])


def test_a_keeper_has_no_code_to_hand_on_that_no_picture_needs(start, origin):
    front = start(*LOCAL, "-workers", "1")
    # A keeper is ready when it says hello.
    assert front.get("/50x,avif/" + origin.serve("/a.png", pictures.png(200, 100))).status == 200
    # Encoders and decoders for AVIF that are not used are several megabytes.
    assert library_code(processes.launchers(front.pid)[0]) - library_code(processes.keepers(front.pid)[0]) > 4000


def test_a_keeper_may_do_no_more_than_serve(start, origin):
    front = start(*LOCAL, "-workers", "1")
    assert front.get("/50x/" + origin.serve("/a.jpg", pictures.flat(200, 100))).status == 200
    launcher, keeper = (
        processes.status(of(front.pid)[0].pid) for of in (processes.launchers, processes.keepers))
    # What this test runs in may have put filters around both.
    assert int(keeper["Seccomp_filters"]) == int(launcher["Seccomp_filters"]) + 1


def test_a_strict_front_takes_workers_with_every_layer_only(start, bin, origin):
    is_complete = "(not:" not in sandbox_test(bin / "imageproxy-worker").stdout.splitlines()[0]
    front = start(*LOCAL, "-workers", "1", "-requireSandbox", "strict")
    answer = front.get("/50x/" + origin.serve("/a.jpg", pictures.flat(200, 100)))
    assert answer.status == (200 if is_complete else 503)
    assert "workers run with sandbox layers: " in front.errors
