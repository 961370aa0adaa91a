# SPDX-License-Identifier: Apache-2.0
"""Redis is two hundred milliseconds away, which is longer than an answer waits for it."""

import time

from cache_load import Load
from tcp_proxy import Proxy


def test_a_redis_that_is_far_away_fails_nobody(start, origin, redis):
    proxy = Proxy(redis.port)
    try:
        load = Load(start, origin, "-cache", f"redis://127.0.0.1:{proxy.port}")
        load.settle()
        proxy.delay = 0.2
        # What was on its way is not slow.
        time.sleep(0.1)
        outcomes = load.during(lambda: time.sleep(3))
        assert set(outcomes) <= {"miss", "coalesced"}, set(outcomes)
        proxy.delay = 0
        load.recovered()
        assert load.front.errors.count("unavailable") == 1, load.front.errors
    finally:
        proxy.close()
