# SPDX-License-Identifier: Apache-2.0
"""The disk of the cache is full under load, and has room again."""

import os
import time

from cache_load import Load


def test_a_disk_that_is_full_costs_misses(start, origin, mounted):
    disk = mounted("1m")
    load = Load(start, origin, "-cache", f"{disk.directory}/cache", **disk.settings)
    load.settle()
    ballast = f"{disk.seen_from_here}/ballast"

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
