# SPDX-License-Identifier: Apache-2.0
"""Redis is ended in good order and started again at once, with nothing in it; and forgets all while it runs."""

import time

from cache_load import Load


def test_a_redis_that_has_forgotten_all_fails_nobody(start, origin, redis):
    load = Load(start, origin, "-cache", redis.url)
    load.settle()

    def harm():
        for _ in range(3):
            time.sleep(0.3)
            redis.cli("SHUTDOWN", "NOSAVE")
            redis.process.wait(20)
            redis.start()
            time.sleep(0.3)
            assert redis.cli("FLUSHALL") == "OK"
            assert redis.cli("SCRIPT", "FLUSH") == "OK"

    outcomes = load.during(harm)
    assert "hit" in outcomes and "miss" in outcomes, set(outcomes)
    load.recovered()
