# SPDX-License-Identifier: Apache-2.0
"""Redis has no memory left, and may not forget anything to have some."""

import time

from cache_load import Load


def test_a_redis_that_is_full_is_read(start, origin, redis):
    load = Load(start, origin, "-cache", redis.url)
    load.settle()

    def harm():
        assert redis.cli("CONFIG", "SET", "maxmemory", "1") == "OK"
        time.sleep(2)

    outcomes = load.during(harm)
    # Who asks for the same at the same moment shares one look.
    assert "hit" in outcomes and set(outcomes) <= {"hit", "coalesced"}, set(outcomes)
    assert load.front.errors.count("refuses to store (OOM)") == 1, load.front.errors
    assert redis.cli("CONFIG", "SET", "maxmemory", "0") == "OK"
    load.targets.append(f"{load.targets[0]}?new")
    load.recovered()
