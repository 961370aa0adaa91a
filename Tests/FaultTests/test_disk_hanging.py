# SPDX-License-Identifier: Apache-2.0
"""The disk of the cache does not answer at all, as a network's file system whose server is gone."""

import time

from cache_load import Load
from faulty_disk import FaultyDisk
from test_cache_disk import entries


def test_a_disk_that_takes_no_writes_delays_no_answer(start, origin, shim, tmp_path):
    disk = FaultyDisk(shim("disk"), tmp_path)
    load = Load(start, origin, "-cache", str(disk.directory), **disk.settings)
    load.settle()
    before = len(entries(disk.directory))
    disk.set(writes_hang=True)
    try:
        # More than threads, than writes at a time, and than may wait: an answer that waited for one would never come.
        with load.front.connect() as connection:
            for number in range(300):
                answer = connection.request(f"{load.targets[0]}?{number}")
                assert answer.status == 200 and answer.body == load.right[load.targets[0]]
        assert len(entries(disk.directory)) == before
        assert "entries go by" in load.front.errors, load.front.errors
    finally:
        disk.set()
    load.targets.append(f"{load.targets[0]}?new")
    load.recovered()


def test_a_disk_that_gives_nothing_back_costs_misses(start, origin, shim, tmp_path):
    disk = FaultyDisk(shim("disk"), tmp_path)
    load = Load(start, origin, "-cache", str(disk.directory), **disk.settings)
    load.settle()
    disk.set(reads_hang=True)
    try:
        outcomes = load.during(lambda: time.sleep(2.5))
    finally:
        disk.set()
    # What was made meanwhile is found while it waits to be written.
    assert "miss" in outcomes, set(outcomes)
    load.recovered()
    assert load.front.errors.count("takes too long to answer") == 1, load.front.errors
