# SPDX-License-Identifier: Apache-2.0
"""Purging where pictures are in an object store, too."""

import time
import urllib.request

import pytest

import processes
from front import LOCAL
from test_fleet import wait_for_fronts
from test_objects import KEYS, moto, peer, places  # noqa: F401
from test_purge import Picture, purge


@pytest.fixture
def begin(start, tmp_path):
    count = 0

    def run(*flags, environment):
        nonlocal count
        count += 1
        socket = tmp_path / f"{count}.sock"
        front = start(*LOCAL, "-workers", "1", "-adminAddr", f"unix:{socket}", *flags, environment=environment)
        front.admin = str(socket)
        return front

    return run


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_a_purge_is_remembered_in_the_store(begin, origin, peer, tmp_path, kind):  # noqa: F811
    flags, environment, _ = places(peer, tmp_path)[kind]
    front = begin("-cache", "memory", *flags, environment=environment)
    one = Picture(origin)
    assert one.is_current(front)
    processes.wait_until(lambda: len(peer.objects) == 3, what="the original and two variants")
    one.change()
    # From the memory, and a front that has only the store has it from there.
    assert not one.is_current(front)
    assert not one.is_current(begin(*flags, environment=environment))
    done = purge(front, f"/{one.url}")
    assert done.status == 200, done
    front.stop()
    # Nobody has asked since, so the old ones are there; whoever starts reads in the store what was purged.
    late = begin(*flags, environment=environment)
    assert one.is_current(late)
    # What was stored since is good.

    def hits():
        count = origin.count()
        return one.is_current(late) and origin.count() == count

    processes.wait_until(hits, what="hits")


def test_a_purge_reaches_every_place_of_all_fronts(begin, origin, redis, moto, tmp_path):  # noqa: F811
    urllib.request.urlopen(urllib.request.Request(f"{moto}/purged", method="PUT"), timeout=10)
    bucket = ["-cache", f"s3://us-east-1/purged?endpoint={moto}&s3ForcePathStyle=1"]
    disks = [["-cache", str(tmp_path / str(number))] for number in range(2)]
    fronts = [begin("-cache", "memory", *disk, "-cache", redis.url, *bucket, environment=KEYS) for disk in disks]
    wait_for_fronts(redis, 2)
    one = Picture(origin)
    assert all(one.is_current(front) for front in fronts)

    def objects():
        return urllib.request.urlopen(f"{moto}/purged?list-type=2", timeout=10).read().count(b"<Key>")

    processes.wait_until(lambda: objects() == 3, timeout=30, what="objects")
    one.change()
    assert not any(one.is_current(front) for front in fronts)
    began = time.monotonic()
    done = purge(fronts[0], f"/{one.url}")
    assert done.status == 200 and "in all fronts" in done.text
    processes.wait_until(lambda: one.is_current(fronts[1]), timeout=30, what="the other front has heard of it")
    print(f"both fronts had heard of it after {time.monotonic() - began:.2f} s")
    assert one.is_current(fronts[0])
    for front in fronts:
        front.stop()
    # Each place for itself: nothing old comes out of any of them.
    for flags in (*disks, ["-cache", redis.url], bucket):
        alone = begin(*flags, environment=KEYS)
        assert one.is_current(alone), flags
        alone.stop()
