# SPDX-License-Identifier: Apache-2.0
"""Clients that ask without a pause and remember every answer that was not the right one."""

import itertools
import threading
import time

import client


class Load:
    """`clients` threads, each on a connection that it keeps for a while; every request is for a picture not made yet.

    A request that was sent on a used connection and got not one byte is sent again, as RFC 9112, 9.3.1 has clients do;
    not with `resends=False`, for what stands behind a balancer. With `retries` a request on a new connection is, too, as
    a load balancer does it: only then may a front be killed.
    """

    _numbers = itertools.count(1)

    def __init__(self, endpoint, source, clients=4, retries=0, resends=True):
        self.endpoint, self.source, self.retries, self.resends = endpoint, source, retries, resends
        self.answered, self.failures = 0, []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_for(20)
        return self

    def __exit__(self, kind, *ignored):
        if kind is None:
            self.wait_for(20)
        self._ending.set()
        for thread in self._threads:
            thread.join(90)
            assert not thread.is_alive(), "a client still waits"
        if kind is None:
            assert self.failures == [], f"{len(self.failures)} of {self.answered}: {self.failures[:5]}"

    def wait_for(self, count, timeout=90):
        """Until that many more were answered."""
        end, goal = time.monotonic() + timeout, self.answered + count
        while self.answered < goal:
            assert time.monotonic() < end, f"{self.answered} of {goal} answered; {self.failures[:5]}"
            time.sleep(0.02)

    def _ask(self):
        connection, left = None, 0
        while not self._ending.is_set():
            target = f"/100x/{self.source}?{next(self._numbers)}"
            attempts = 1 + self.retries
            while True:
                is_used = connection is not None
                try:
                    connection = connection or client.Connection(self.endpoint, timeout=60)
                    left = left - 1 if is_used else 10
                    answer = connection.request(target)
                    right = answer.status == 200 and answer["X-Imageproxy-Error"] is None and len(answer.body) > 100
                    self._note(None if right else f"{target}: {answer}")
                    if left <= 0 or answer.closes:
                        connection.close()
                        connection = None
                    break
                except (OSError, client.Ended, AssertionError) as error:
                    had_bytes = connection is not None and connection.buffer != b""
                    if connection is not None:
                        connection.close()
                    connection = None
                    if self.resends and is_used and not had_bytes:
                        continue
                    attempts -= 1
                    if attempts == 0:
                        self._note(f"{target}: {error!r}")
                        break

    def _note(self, failure):
        with self._lock:
            self.answered += 1
            if failure:
                self.failures.append(failure)
