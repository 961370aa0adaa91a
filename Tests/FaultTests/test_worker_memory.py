# SPDX-License-Identifier: Apache-2.0
"""What a taken-over worker could look for: no secret of the front's is anywhere in its memory."""

import os
import time

import pytest

import pictures
import processes
from front import LOCAL, in_parallel
from origin import picture

SECRETS = {
    "key": "horse-battery-staple-31415926", "cache": "correct-cache-secret-27182818", "redis": "redis-password-16180339",
    "environment": "environment-secret-14142135",
}


def memory_of(pid):
    """All that a process has in memory."""
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "r" not in rights or "[v" in line:
                continue
            begin, end = (int(part, 16) for part in span.split("-"))
            with processes.contextlib.suppress(OSError, OverflowError):
                memory.seek(begin)
                parts.append(memory.read(end - begin))
    return b"".join(parts)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a sandboxed process")
def test_no_secret_is_in_a_workers_memory(start, origin, slow_picture):
    front = start(
        *LOCAL, "-workers", "1", "-signatureKey", SECRETS["key"], "-allowHosts", "127.0.0.1", "-cacheSecret",
        SECRETS["cache"], "-cache", f"redis://:{SECRETS['redis']}@127.0.0.1:1",
        environment={"AWS_SECRET_ACCESS_KEY": SECRETS["environment"]})
    front.wait_for_workers(1)
    url = origin.serve("/slow.png", picture(slow_picture, "image/png"))
    with in_parallel(1, lambda _: front.get(f"/300x/{url}")):
        child = processes.wait_until(lambda: processes.children(front.pid), interval=0.002)[0]
        time.sleep(0.1)
        os.kill(child.pid, 19)
        try:
            memories = {one.pid: memory_of(one.pid) for level in processes.descendants(front.pid) for one in level}
        finally:
            os.kill(child.pid, 18)
    # The way of looking works: the front has all of them, and the child has what it is at.
    of_front = memory_of(front.pid)
    assert all(secret.encode() in of_front for secret in SECRETS.values())
    assert slow_picture[1000:1100] in memories[child.pid] and len(memories) == 3
    for pid, memory in memories.items():
        assert len(memory) > 1 << 20
        for name, secret in SECRETS.items():
            assert secret.encode() not in memory, f"{name} in {pid}"
