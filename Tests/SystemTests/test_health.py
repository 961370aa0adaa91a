# SPDX-License-Identifier: Apache-2.0
"""Health checks are no work for workers: they are answered before everything that waits for one."""

import threading

import client
import processes
from front import LOCAL
from origin import picture

WAITING = 8
CHECKS = 100


def test_health_is_told_while_the_queue_is_full(start, origin, slow_picture, tmp_path):
    admin = f"{tmp_path}/admin.sock"
    front = start(*LOCAL, "-workers", "2", "-maxQueue", str(WAITING), "-cache", "memory:500", "-transformTimeout", "2m",
                  "-adminAddr", f"unix:{admin}")
    front.wait_for_workers(2)
    url = origin.serve("/slow.png", picture(slow_picture, "image/png", Cache_Control="max-age=1000"))
    assert front.get(f"/{url}").status == 200
    answered, asking = [], []

    def ask(number):
        # The largest AVIF there is: many seconds of work for each, so that none of them is done by chance.
        connection = front.connect(timeout=120)
        asking.append(connection)
        try:
            connection.request(f"/{4000 + number}x3500,avif,q{90 - number}/{url}")
        except (client.Ended, OSError):
            return
        answered.append(number)

    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(2 + WAITING)]
    with client.Connection(admin) as operator, front.connect() as public:
        def are(what, number):
            return f"imageproxy_jobs_{what} {number}\n" in operator.request("/metrics").text

        def is_full():
            return are("running", 2) and are("queued", WAITING)

        # Two for the workers first: there is no room in the queue for all.
        for thread in threads[:2]:
            thread.start()
        processes.wait_until(lambda: are("running", 2), what=lambda: f"two at work: {answered}\n{front.errors}")
        for thread in threads[2:]:
            thread.start()
        processes.wait_until(is_full, what=lambda: f"a full queue: {answered}\n{front.errors}")
        for _ in range(CHECKS):
            for connection in (public, operator):
                assert connection.request("/health-check").status == 200
                assert connection.request("/ready").text == "the queue of jobs is full\n"
        # All of them before a single one of the pictures that had been asked for earlier.
        assert not answered and is_full()
    # Nobody waits any more, and what was begun is dropped.
    for connection in asking:
        connection.socket.shutdown(2)
    for thread in threads:
        thread.join(30)
    processes.wait_until(lambda: front.get("/ready").status == 200, timeout=30, what="ready")
