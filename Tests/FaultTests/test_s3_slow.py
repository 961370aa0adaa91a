# SPDX-License-Identifier: Apache-2.0
"""S3 takes longer under load than anybody waits for it."""

import time

import object_peer
import processes
from cache_load import Load
from test_objects import KEYS
from test_s3_errors import peer  # noqa: F401


def test_a_store_that_is_slow_fails_nobody(start, origin, peer):  # noqa: F811
    load = Load(start, origin, "-cache", f"s3://region/bucket?endpoint={peer.url}&s3ForcePathStyle=1", environment=KEYS)
    load.settle()

    def harm():
        peer.fault = object_peer.slow(4)
        # Answers wait two seconds, until it has been too slow five times; from then on they are made without it.
        processes.wait_until(lambda: "cannot be read" in load.front.errors, timeout=30, what="it is given up")
        time.sleep(1)

    outcomes = load.during(harm)
    assert "miss" in outcomes, set(outcomes)
    peer.fault = None
    load.recovered()
    assert load.front.errors.count("cannot be read") == 1, load.front.errors
