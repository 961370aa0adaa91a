# SPDX-License-Identifier: Apache-2.0
"""Redis becomes a replica, which may be read and not be written to."""

import time

from cache_load import Load


def test_a_redis_that_takes_no_writes_is_read(start, origin, redis):
    load = Load(start, origin, "-cache", redis.url)
    load.settle()

    def harm():
        # Of nobody: it keeps what it has.
        assert redis.cli("REPLICAOF", "127.0.0.1", "1") == "OK"
        time.sleep(2)

    outcomes = load.during(harm)
    # Those few that were asked for while the connections changed excepted, all are hits still.
    assert outcomes.count("hit") > len(outcomes) * 0.9, len(outcomes)
    assert load.front.errors.count("READONLY") == 1, load.front.errors
    assert redis.cli("REPLICAOF", "NO", "ONE") == "OK"
    load.recovered()
    # And what is new is stored again.
    target = f"{load.targets[0]}?new"
    load.targets.append(target)
    load.recovered()
