# SPDX-License-Identifier: Apache-2.0
"""The directory of the cache is removed under load, and then something else stands in its place."""

import contextlib
import os
import shutil
import time

import processes
from cache_load import Load


def test_a_directory_that_vanishes_costs_misses(start, origin, tmp_path):
    directory = tmp_path / "cache"
    load = Load(start, origin, "-cache", str(directory))
    load.settle()
    away = tmp_path / "away"

    def take_away():
        # Whoever writes into it makes it anew.
        shutil.rmtree(away, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            directory.rename(away)

    def occupied():
        take_away()
        try:
            os.close(os.open(directory, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def harm():
        for _ in range(5):
            take_away()
            time.sleep(0.1)
        processes.wait_until(occupied, what="a file where the directory was")
        time.sleep(1)

    outcomes = load.during(harm)
    assert "hit" in outcomes and "miss" in outcomes, set(outcomes)
    assert load.front.errors.count("nothing is stored until that is over") == 1, load.front.errors
    directory.unlink()
    load.recovered()
