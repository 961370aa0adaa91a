# SPDX-License-Identifier: Apache-2.0
"""Redis answers nonsense, and answers that were damaged on their way."""

import random
import time

import pytest

from cache_load import Load
from tcp_proxy import Proxy


def flipped(chance):
    """Turns a bit here and there: a length, a type, a byte of a picture."""
    def change(data):
        data = bytearray(data)
        for _ in range(1 + len(data) // 500):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(data)
    return change


def of_a_picture(chance):
    """Turns a bit of what is long only, so that the conversation goes on."""
    def change(data):
        if len(data) < 400:
            return data
        data = bytearray(data)
        data[chance.randrange(300, len(data) - 2)] ^= 1 << chance.randrange(8)
        return bytes(data)
    return change


KINDS = {
    "noise": lambda chance: lambda data: chance.randbytes(len(data)),
    "http": lambda chance: lambda data: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "bits": flipped,
    "values": of_a_picture,
    "cut short": lambda chance: lambda data: data[:len(data) // 2],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_redis_that_answers_nonsense_fails_nobody(start, origin, redis, kind):
    proxy = Proxy(redis.port)
    try:
        load = Load(start, origin, "-cache", f"redis://127.0.0.1:{proxy.port}")
        load.settle()
        proxy.change = KINDS[kind](random.Random(5))
        outcomes = load.during(lambda: time.sleep(1.5))
        proxy.change = None
        assert "miss" in outcomes, set(outcomes)
        load.recovered()
    finally:
        proxy.close()
