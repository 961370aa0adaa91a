# SPDX-License-Identifier: Apache-2.0
"""A machine that allows few open files: what is cached leaves enough of them to those who ask."""

import shlex

import pictures
from front import LOCAL, Front
from origin import picture

LIMIT = 150


def test_a_full_memory_cache_takes_no_more_than_half_of_the_descriptors(bin, origin, tmp_path):
    program = tmp_path / "imageproxy"
    program.write_text(f"#!/bin/sh\nulimit -n {LIMIT}\nexec {shlex.quote(str(bin / 'imageproxy'))} \"$@\"\n")
    program.chmod(0o755)
    # Each original is large enough to have a descriptor of its own.
    source = pictures.jpeg(400, 300)
    assert len(source) > 16 << 10
    url = origin.serve("/a.jpg", picture(source, Cache_Control="max-age=1000"))
    front = Front(tmp_path, *LOCAL, "-workers", "1", "-cache", "memory:200", "-workerProgram", str(bin / "imageproxy-worker"))
    try:
        for number in range(2 * LIMIT):
            assert front.picture(f"/50x/{url}?{number}").size[0] == 50
        assert front.descriptor_count() < LIMIT
        # All of them are cached, those without a descriptor too, and workers can be given either.
        for number in range(0, 2 * LIMIT, 10):
            assert front.picture(f"/60x/{url}?{number}").size[0] == 60
        assert origin.count("/a.jpg") == 2 * LIMIT
    finally:
        front.stop()
