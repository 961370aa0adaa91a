# SPDX-License-Identifier: Apache-2.0
"""Fault tests: what the system tests start from, and C libraries that make things go wrong."""

import importlib.util
import pathlib
import subprocess
import sys

import pytest

from faulty_disk import Mounted

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "SystemTests"))

# By path: there is one `conftest` in each of the two directories.
_spec = importlib.util.spec_from_file_location("system_conftest", TESTS / "SystemTests" / "conftest.py")
_system = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_system)
bin, start, origin, slow_picture = _system.bin, _system.start, _system.origin, _system.slow_picture
redis = _system.redis


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """Compiles a library of Tests/Support/Faults for LD_PRELOAD, and gives its path."""
    # Where an ordinary user, too, can read it.
    directory = tmp_path_factory.mktemp("shims")

    def build(name):
        library = directory / f"{name}.so"
        if not library.exists():
            source = TESTS / "Support" / "Faults" / f"{name}.c"
            subprocess.run(
                ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, source,
                 "-ldl"], check=True)
        return library

    return build


@pytest.fixture
def worker_with(bin, tmp_path):
    """Writes a program that starts a worker with a library in front of libc, for `-workerProgram`."""

    def write(library, **variables):
        settings = " ".join(f"{name}='{value}'" for name, value in variables.items())
        program = tmp_path / f"worker-{library.stem}"
        program.write_text(
            f"#!/bin/sh\nexec /usr/bin/env LD_PRELOAD='{library}' {settings} '{bin}/imageproxy-worker' \"$@\"\n")
        program.chmod(0o755)
        return str(program)

    return write


@pytest.fixture
def mounted(tmp_path):
    """Mounts a small file system, see `Mounted`."""
    disks = []

    def mount(size):
        disks.append(Mounted(tmp_path, size))
        return disks[-1]

    yield mount
    for disk in disks:
        disk.close()
