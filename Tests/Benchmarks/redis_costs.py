# SPDX-License-Identifier: Apache-2.0
"""What hits and misses cost a front and the Redis that it shares, in seconds of CPU and bytes: see scripts/plan-capacity.

Counted, not timed: the CPU time of the processes over some thousand requests, and what Redis says of its own traffic.
"""

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "SystemTests"), str(TESTS / "FaultTests")]

import pictures  # noqa: E402
import processes  # noqa: E402
from front import LOCAL, Front  # noqa: E402
from origin import Origin, picture  # noqa: E402
from redis_server import Redis  # noqa: E402

HITS, MISSES, OTHERS = 4000, 400, 8


class Account:
    """CPU seconds of a front without its workers, of Redis, and Redis' bytes and commands, since it was opened."""

    def __init__(self, front, redis):
        self.front, self.redis = front, redis
        self.before = self._now()

    def _now(self):
        words = {}
        for section in ("stats", "cpu"):
            for line in self.redis.cli("INFO", section).splitlines():
                name, colon, value = line.strip().partition(":")
                if colon:
                    words[name] = value
        front = [line for line in self.front.get("/metrics").text.splitlines() if line.startswith("process_cpu_seconds")]
        return dict(front=float(front[0].split()[1]),
                    redis=float(words["used_cpu_user"]) + float(words["used_cpu_sys"]),
                    bytes=int(words["total_net_input_bytes"]) + int(words["total_net_output_bytes"]),
                    commands=int(words["total_commands_processed"]))

    def each(self, count):
        now = self._now()
        return {name: (now[name] - self.before[name]) / count for name in now}


def connected(redis, fronts):
    """Until all of them listen, so that each is told of every fill."""
    processes.wait_until(lambda: redis.cli("PUBSUB", "NUMSUB", "imageproxy:fills").split()[-1] == str(fronts), timeout=20)


def measure(bin):
    redis, origin, running = Redis(), Origin(), []

    def start():
        # No memory of its own: every hit is Redis'.
        running.append(Front(bin, *LOCAL, "-workers", "2", "-cache", redis.url))
        return running[-1]

    try:
        front = start()
        front.wait_for_workers(2)
        connected(redis, 1)
        body = pictures.jpeg(1600, 1067)
        url = origin.serve("/a.jpg", picture(body, Cache_Control="max-age=100000"))
        target = f"/500x/{url}"
        variant = len(front.get(target).body)
        fields = "imageproxy_requests_total"
        with front.connect() as connection:
            def made(first):
                """Misses of which the original is in Redis: another width, or another quality, each time."""
                account = Account(front, redis)
                for number in range(first, first + MISSES):
                    answer = connection.request(f"/500x,q{60 + number % 35},cw{1600 - number // 35}/{url}")
                    assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, answer
                return account.each(MISSES)

            processes.wait_until(
                lambda: connection.request(target).status == 200
                and f'{fields}{{outcome="hit",status="200"}}' in front.get("/metrics").text, what="a hit")
            account = Account(front, redis)
            for _ in range(HITS):
                assert connection.request(target).status == 200
            hit = account.each(HITS)
            miss = made(0)
            for _ in range(OTHERS):
                start()
            connected(redis, 1 + OTHERS)
            told = made(MISSES)
    finally:
        for one in running:
            one.stop()
        redis.close()
        origin.close()
    for name, one in (("hit", hit), ("miss", miss), (f"miss, {OTHERS} others listening", told)):
        print(f"{name:28} front {one['front'] * 1e6:7.1f} µs   Redis {one['redis'] * 1e6:6.1f} µs, "
              f"{one['commands']:4.1f} commands, {one['bytes'] / 1e3:7.2f} kB")
    print(f"variants of {variant / 1e3:.1f} kB, original of {len(body) / 1e3:.1f} kB")
    return dict(front_hit=hit["front"], front_miss=miss["front"], redis_hit=hit["redis"], redis_miss=miss["redis"],
                redis_told=max(0, told["redis"] - miss["redis"]) / OTHERS, bytes_hit=hit["bytes"],
                bytes_miss=miss["bytes"], bytes_told=(told["bytes"] - miss["bytes"]) / OTHERS, variant=variant,
                original=len(body))
