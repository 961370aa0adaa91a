# SPDX-License-Identifier: Apache-2.0
"""Far more than the workers can do: everybody gets an answer, and who asks for little gets it as always."""

import asyncio

import pytest

import overload


@pytest.fixture
def load(bin):
    load = overload.Load(bin, workers=2)
    yield load
    load.close()


def test_who_cannot_be_served_is_told_and_hits_are_served(load):
    async def run():
        try:
            rate = await load.capacity(2, 2)
            answers = await load.flood(max(60, 10 * rate), 4, 20)
            answers += await load.mixed_flood(max(60, 10 * rate), 4)
            return answers
        finally:
            load.client.close()

    answers = asyncio.run(run())
    overload.check(answers)
    statuses = {kind: [a.status for a in answers if a.kind == kind] for kind in ("hit", "miss", "small", "large")}
    assert len(statuses["hit"]) == 80
    assert 503 in statuses["miss"]
    # Neither kind is left out for the other's sake.
    assert all(200 in statuses[kind] for kind in ("miss", "small", "large"))
    # It is over as soon as the queue is empty.
    assert load.front.get(f"/77x/{load.large}").status == 200
