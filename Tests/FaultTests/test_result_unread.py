# SPDX-License-Identifier: Apache-2.0
"""A result that the front itself cannot read: its worker has done nothing wrong, and is not blamed."""

import errno
import itertools

import pytest

import faults
import pictures
from front import LOCAL


@pytest.mark.parametrize("call, error", [("pread", errno.EIO), ("fcntl", errno.ENOMEM)])
def test_nobody_is_blamed_for_what_this_side_cannot_read(start, origin, shim, tmp_path, call, error):
    control = faults.Control(tmp_path / "faults")
    front = start(
        *LOCAL, "-workers", "1",
        environment={"SWIFT_BACKTRACE": "enable=no", **faults.environment(shim("faults"), control)})
    front.wait_for_workers(1)
    url = origin.serve("/a.jpg", pictures.jpeg(320, 200))
    assert front.picture(f"/50x/{url}").size == (50, 31)
    # Which of them is the one that looks at a result, nobody knows: all of a request's.
    for number in itertools.count(1):
        control.fail(call, number, error)
        answered = front.get(f"/{50 + number}x/{url}?{number}")
        if not control.end():
            break
        # Some are the fetch's, and cost it the picture; a result's costs another try.
        assert answered.status == 200 or answered.status >= 500, answered
        assert answered["X-Imageproxy-Error"] is None, answered
    assert "a worker's result was lost on this side: cannot" in front.errors
    assert "thrown away" not in front.errors, front.errors
    assert 'imageproxy_worker_deaths_total{cause="picture"} 0' in front.get("/metrics").text
