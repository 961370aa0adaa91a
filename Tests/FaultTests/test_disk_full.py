# SPDX-License-Identifier: Apache-2.0
"""The disk of the cache is full under load, and has room again."""

import os
import time

import pytest

from cache_load import Load
from faulty_disk import Mounted


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root; test_disk_errors has ENOSPC without")
def test_a_disk_that_is_full_costs_misses(start, origin, tmp_path):
    disk = Mounted(tmp_path)
    load = Load(start, origin, "-cache", f"{disk.directory}/cache", **disk.settings)
    load.settle()
    ballast = f"{disk.seen_by(load.front)}/ballast"

    def harm():
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        time.sleep(1)

    outcomes = load.during(harm)
    # What was there is there.
    assert "hit" in outcomes and set(outcomes) <= {"hit", "coalesced"}, set(outcomes)
    assert load.front.errors.count("No space left on device") == 1, load.front.errors
    os.remove(ballast)
    load.targets.append(f"{load.targets[0]}?new")
    load.recovered()
