# SPDX-License-Identifier: Apache-2.0
"""The cache on disk: what a restart finds, and what a directory of the original program is worth."""

import hashlib
import random
import subprocess
import time

import pytest

import pictures
from front import LOCAL
from origin import answer, http_date, picture

SLOW = {"Cache_Control": "max-age=1000"}


def entry(directory, key):
    name = hashlib.md5(key.encode()).hexdigest()
    return directory / name[:2] / name[2:4] / name


def entries(directory):
    return sorted(file for file in directory.glob("??/??/*") if file.is_file())


def wait_for(condition, what):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def flags(cache, *more):
    return [*LOCAL, "-workers", "1", "-cache", str(cache), *more]


def filled(start, origin, cache, *more, headers=SLOW):
    """A directory that a front has filled with an original and a variant, and that front's answer."""
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), **headers))
    front = start(*flags(cache, *more))
    first = front.get(f"/100x/{url}")
    assert first.status == 200, front.errors
    front.stop()
    assert len(entries(cache)) == 2
    return url, first


def test_a_restart_finds_what_was_stored(start, origin, cache):
    url, first = filled(start, origin, cache)
    front = start(*flags(cache))
    again = front.get(f"/100x/{url}")
    assert (again.status, again.body, again["Etag"]) == (200, first.body, first["Etag"])
    assert again["Cache-Control"] == "max-age=1000" and again["Content-Type"] == "image/jpeg"
    assert front.get(f"/{url}").body == pictures.flat(200, 100)
    # Another variant is made from the stored original.
    assert front.picture(f"/50x/{url}").size == (50, 25)
    assert origin.count() == 1


def test_an_entry_is_a_message_under_the_original_programs_name(start, origin, cache):
    url, first = filled(start, origin, cache)
    for key, body in ((url, pictures.flat(200, 100)), (f"{url}#100x0", first.body)):
        head, _, rest = entry(cache, key).read_bytes().partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "HTTP/1.1 200 OK" and f"Content-Length: {len(body)}" in lines
        assert f"X-Imageproxy-Key: {key}" in lines and rest == body


def upstream(body, *lines, age=10):
    """What the original program would have stored."""
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Cache-Control: max-age=1000",
            "Content-Type: image/jpeg", f"Date: {http_date(-age)}", 'Etag: "origin"', *lines, "X-From-Cache: 1"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def put(cache, key, content):
    file = entry(cache, key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_a_directory_of_the_original_program_is_taken_over(start, origin, cache):
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), **SLOW))
    variant = pictures.flat(100, 50)
    files = [put(cache, url, upstream(pictures.flat(200, 100))), put(cache, f"{url}#100x0", upstream(variant))]
    before = [file.read_bytes() for file in files]
    front = start(*flags(cache))
    served = front.get(f"/100x/{url}")
    assert served.status == 200 and served.body == variant and int(served["Age"]) >= 10
    # The original's tag is not the variant's.
    assert served["Etag"] not in (None, '"origin"')
    assert front.get(f"/{url}")["Etag"] == '"origin"'
    assert front.picture(f"/50x/{url}").size == (50, 25)
    assert origin.count() == 0
    assert [file.read_bytes() for file in files] == before


def test_a_stale_entry_of_the_original_program_is_asked_about(start, origin, cache):
    def revalidate(seen):
        assert seen.headers.get("if-none-match") == '"origin"'
        return answer(status=304, headers={"Cache-Control": "max-age=1000"})

    url = origin.serve("/a.jpg", revalidate)
    put(cache, url, upstream(pictures.flat(200, 100), age=2000))
    front = start(*flags(cache))
    for _ in range(2):
        assert front.get(f"/{url}").body == pictures.flat(200, 100)
    assert origin.count() == 1


def test_what_is_not_whole_is_fetched_again(start, origin, cache):
    url, first = filled(start, origin, cache)
    whole = {file: file.read_bytes() for file in entries(cache)}
    source = random.Random(1)
    fetched = 0
    for round in range(30):
        for file, content in whole.items():
            broken = bytearray(content)
            if round % 3 == 0:
                del broken[source.randrange(len(broken)):]
            elif round % 3 == 1:
                broken[source.randrange(len(broken))] ^= 1 << source.randrange(8)
            else:
                broken += b"x"
            file.write_bytes(broken)
        front = start(*flags(cache))
        served = front.get(f"/100x/{url}")
        assert served.status == 200 and served.body == first.body, round
        front.stop()
        fetched += 1
    assert origin.count() == 1 + fetched


def test_with_a_secret_only_its_own_entries_count(start, origin, cache):
    url, first = filled(start, origin, cache, "-cacheSecret", "one")
    assert start(*flags(cache, "-cacheSecret", "one")).get(f"/100x/{url}").body == first.body
    assert origin.count() == 1
    assert start(*flags(cache, "-cacheSecret", "two")).get(f"/100x/{url}").body == first.body
    assert origin.count() == 2
    forged = put(cache, f"{url}#50x0", upstream(pictures.flat(50, 25)))
    front = start(*flags(cache, "-cacheSecret", "two"))
    assert front.get(f"/50x/{url}").body != pictures.flat(50, 25)
    wait_for(lambda: b"X-Imageproxy-Seal: hmac-sha-256=" in forged.read_bytes(), "the entry was not replaced")


def test_a_variant_is_not_made_again_after_a_restart(start, origin, cache):
    body = pictures.flat(200, 100)

    def revalidate(seen):
        if seen.headers.get("if-none-match") == '"a"':
            return answer(status=304, headers={"Cache-Control": "max-age=0"})
        return answer(body, content_type="image/jpeg", headers={"Cache-Control": "max-age=0", "Etag": '"a"'})

    url = origin.serve("/a.jpg", revalidate)
    front = start(*flags(cache))
    first = front.get(f"/100x/{url}")
    front.stop()
    front = start(*flags(cache))
    front.wait_for_workers(1)
    again = front.get(f"/100x/{url}")
    assert again.body == first.body and origin.count() == 2


def test_a_size_is_kept_to(start, origin, cache):
    front = start(*LOCAL, "-workers", "1", "-cache", f"file://{cache}?size=1MB")
    big = pictures.flat(20, 20) + bytes(100_000)
    urls = [origin.serve(f"/{number}.jpg", picture(big, **SLOW)) for number in range(30)]
    for url in urls:
        assert front.get(f"/{url}").status == 200
    wait_for(lambda: len(entries(cache)) <= 9, "too much is there")
    assert len(entries(cache)) > 3
    # The last is there, the first is not.
    count = origin.count()
    assert front.get(f"/{urls[-1]}").status == 200 and origin.count() == count
    assert front.get(f"/{urls[0]}").status == 200 and origin.count() == count + 1


def test_a_place_that_cannot_be_written_costs_a_line(start, origin, tmp_path):
    (tmp_path / "file").write_text("")
    front = start(*flags(tmp_path / "file"))
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), **SLOW))
    for _ in range(3):
        assert front.get(f"/{url}").status == 200
    # An answer does not wait for what is stored, nor for what is said of it.
    wait_for(lambda: str(tmp_path / "file") in front.errors, "nothing was said")
    front.stop()
    assert front.errors.count(str(tmp_path / "file")) == 1


@pytest.mark.parametrize("value, advice", [
    ("rediss://localhost", "stunnel"), ("file:///a?size=x", "size=10GB"),
])
def test_a_place_that_cannot_be_is_refused_at_the_start(bin, value, advice):
    done = subprocess.run([bin / "imageproxy", "-cache", value], capture_output=True, text=True, timeout=10, env={})
    assert done.returncode == 2 and advice in done.stderr and done.stderr.count("\n") == 1
