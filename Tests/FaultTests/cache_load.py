# SPDX-License-Identifier: Apache-2.0
"""Clients that ask for pictures while something goes wrong with a place where they are cached."""

import itertools
import random
import threading
import time

import pictures
import processes
from front import LOCAL, in_parallel
from origin import picture

#: There is no memory in front of the place under test, so that every request goes there.
FLAGS = [*LOCAL, "-workers", "2", "-diagnosticHeaders", "cache"]


class Load:
    """A front with one cache, an origin whose pictures may be kept for long, and what each variant has to look like."""

    CLIENTS = 4
    WIDTHS = (40, 60, 80)

    def __init__(self, start, origin, *flags, **settings):
        self.front = start(*FLAGS, *flags, **settings)
        self.front.wait_for_workers(2)
        sources = [origin.serve(f"/{number}.jpg", picture(pictures.flat(160, 120, seed=number),
                                                          Cache_Control="max-age=100000", Etag=f'"{number}"'))
                   for number in range(6)]
        self.sources = sources
        self.targets = [f"/{width}x/{url}" for url in sources for width in self.WIDTHS]
        self.fresh = itertools.count()
        self.answers = []
        self.right = {target: self._first(target) for target in self.targets}

    def _first(self, target):
        answer = self.front.get(target)
        assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, f"{answer}\n{self.front.errors}"
        width = int(target[1:].split("x")[0])
        assert pictures.decoded(answer.body).size == (width, width * 3 // 4)
        return answer.body

    def settle(self):
        """Until everything is a hit."""
        with self.front.connect() as connection:
            processes.wait_until(
                lambda: all(connection.request(target)["X-Cache"] == "hit" for target in self.targets), timeout=20,
                interval=0.1, what=f"hits before anything goes wrong\n{self.front.errors}")

    def during(self, harm):
        """Asks in four threads while `harm` goes on; every answer must be the right one."""
        done, failed = threading.Event(), []
        before = len(self.answers)

        def client(which):
            choice = random.Random(which)
            with self.front.connect(timeout=60) as connection:
                for number in itertools.count():
                    if done.is_set():
                        return
                    # One in ten was never asked for before.
                    target = choice.choice(self.targets)
                    is_fresh = number % 10 == 9
                    asked = f"{target}?{next(self.fresh)}" if is_fresh else target
                    began = time.monotonic()
                    answer = connection.request(asked)
                    self.answers.append((began, time.monotonic(), answer["X-Cache"], is_fresh))
                    if answer.status != 200 or answer["X-Imageproxy-Error"] or answer.body != self.right[target]:
                        failed.append((asked, answer))

        with in_parallel(self.CLIENTS, client):
            try:
                harm()
            finally:
                done.set()
        count = len(self.answers) - before
        assert not failed, f"{len(failed)} of {count} failed: {failed[:3]}\n{self.front.errors}"
        assert count > 20, self.front.errors
        return [outcome for _, _, outcome, is_fresh in self.answers[before:] if not is_fresh]

    def recovered(self, timeout=30):
        """Waits until all that should be a hit is one, and prints how long that took: at most two seconds on a machine
        with nothing else to do."""
        since = time.monotonic()
        with self.front.connect(timeout=60) as connection:
            def all_hits():
                answers = [connection.request(target) for target in self.targets]
                assert all(answer.status == 200 for answer in answers), answers
                return all(answer["X-Cache"] == "hit" for answer in answers)

            processes.wait_until(all_hits, timeout, 0.02, what=f"hits again\n{self.front.errors}")
        took = time.monotonic() - since
        longest = max((ended - began for began, ended, _, _ in self.answers), default=0)
        print(f"hits again after {took:.2f} s; {len(self.answers)} answers, the slowest took {longest:.2f} s")
