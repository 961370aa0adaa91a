# SPDX-License-Identifier: Apache-2.0
"""S3 answers with errors under load: every one of them, or some."""

import random
import time

import pytest

import object_peer
from cache_load import Load
from test_objects import KEYS

CHANCE = random.Random(11)
DOWN = (500, {}, b"<Error><Code>InternalError</Code></Error>")
FAULTS = {
    "all": lambda seen: DOWN,
    "every third": lambda seen: DOWN if CHANCE.random() < 0.3 else None,
    "slow down": lambda seen: (503, {"Retry-After": "1"}, b"<Error><Code>SlowDown</Code></Error>"),
    "hangs up": lambda seen: (None, {}, b""),
}


@pytest.fixture
def peer():
    server = object_peer.Peer()
    yield server
    server.close()


@pytest.mark.parametrize("name", FAULTS)
def test_a_store_that_answers_errors_fails_nobody(start, origin, peer, name):
    load = Load(start, origin, "-cache", f"s3://region/bucket?endpoint={peer.url}&s3ForcePathStyle=1", environment=KEYS)
    load.settle()

    def harm():
        peer.fault = FAULTS[name]
        time.sleep(1.5)

    outcomes = load.during(harm)
    assert "miss" in outcomes, set(outcomes)
    peer.fault = None
    load.recovered()
