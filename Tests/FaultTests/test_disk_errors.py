# SPDX-License-Identifier: Apache-2.0
"""The disk of the cache answers with errors under load: what cannot be read is made again, what cannot be written goes by."""

import errno
import time

import pytest

from cache_load import Load
from faulty_disk import FaultyDisk

FAULTS = {
    "EIO": dict(reading=errno.EIO, writing=errno.EIO),
    "EIO reading": dict(reading=errno.EIO),
    "ESTALE": dict(reading=errno.ESTALE, writing=errno.ESTALE),
    "ENOSPC": dict(writing=errno.ENOSPC),
    "EDQUOT": dict(writing=errno.EDQUOT),
    "EROFS": dict(writing=errno.EROFS),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_disk_that_fails_costs_misses(start, origin, shim, tmp_path, name):
    fault = FAULTS[name]
    disk = FaultyDisk(shim("disk"), tmp_path)
    load = Load(start, origin, "-cache", str(disk.directory), **disk.settings)
    load.settle()

    def harm():
        disk.set(**fault)
        time.sleep(1)

    outcomes = load.during(harm)
    if "reading" in fault:
        assert "miss" in outcomes, set(outcomes)
    else:
        # Who asks for the same at the same moment shares one look.
        assert "hit" in outcomes and set(outcomes) <= {"hit", "coalesced"}, set(outcomes)
    disk.set()
    # What is new is stored again, too.
    load.targets.append(f"{load.targets[0]}?new")
    load.recovered()
    for kind, line in (("reading", "cannot read"), ("writing", "nothing is stored until that is over")):
        assert load.front.errors.count(line) == (kind in fault), load.front.errors
