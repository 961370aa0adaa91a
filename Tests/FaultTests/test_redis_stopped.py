# SPDX-License-Identifier: Apache-2.0
"""Redis is stopped, so that its connections stand and say nothing, and goes on later with all that it had."""

import time

from cache_load import Load


def test_a_redis_that_is_stopped_fails_nobody(start, origin, redis):
    load = Load(start, origin, "-cache", redis.url)
    load.settle()
    redis.freeze()
    try:
        outcomes = load.during(lambda: time.sleep(2.5))
    finally:
        redis.thaw()
    assert set(outcomes) <= {"miss", "coalesced"}, set(outcomes)
    load.recovered()
    assert load.front.errors.count("unavailable") == 1, load.front.errors
