# SPDX-License-Identifier: Apache-2.0
"""Redis is killed under load, and comes back with nothing in it, twice."""

import time

from cache_load import Load


def test_a_redis_that_is_killed_fails_nobody(start, origin, redis):
    load = Load(start, origin, "-cache", redis.url)
    load.settle()

    def harm():
        for _ in range(2):
            time.sleep(0.3)
            redis.kill()
            time.sleep(0.7)
            redis.start()

    outcomes = load.during(harm)
    assert "hit" in outcomes and "miss" in outcomes, set(outcomes)
    load.recovered()
    # One line for each change, whatever the number of requests.
    assert 1 <= load.front.errors.count("unavailable") <= 2, load.front.errors
