# SPDX-License-Identifier: Apache-2.0
"""The disk of the cache becomes one that may only be read, as Linux does with a damaged file system."""

import subprocess
import time

from cache_load import Load


def test_a_disk_that_may_only_be_read_is_read(start, origin, mounted):
    disk = mounted("64m")
    load = Load(start, origin, "-cache", f"{disk.directory}/cache", **disk.settings)
    load.settle()

    def remount(option):
        # Refused for as long as a file is being written.
        for _ in range(200):
            if subprocess.run(disk.remount(option), capture_output=True).returncode == 0:
                return
            time.sleep(0.01)
        raise AssertionError(f"cannot remount {option}")

    def harm():
        remount("ro")
        time.sleep(1)

    outcomes = load.during(harm)
    assert "hit" in outcomes and set(outcomes) <= {"hit", "coalesced"}, set(outcomes)
    assert load.front.errors.count("Read-only file system") == 1, load.front.errors
    remount("rw")
    load.targets.append(f"{load.targets[0]}?new")
    load.recovered()
