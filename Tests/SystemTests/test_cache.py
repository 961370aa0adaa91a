# SPDX-License-Identifier: Apache-2.0
"""The memory cache, and HTTP's rules for it."""

import os
import signal
import time

import pytest

import pictures
import processes
from front import LOCAL
from origin import answer, http_date, picture

MEMORY = [*LOCAL, "-workers", "1", "-cache", "memory"]


def stop_all_workers(front, by=signal.SIGSTOP):
    """From here on nothing can be transformed."""
    for one in processes.launchers(front.pid) + processes.keepers(front.pid):
        os.kill(one.pid, by)


def test_the_second_request_costs_the_origin_nothing(start, origin):
    front = start(*MEMORY)
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), Cache_Control="max-age=1000"))
    first = front.get(f"/100x/{url}")
    assert first.status == 200 and origin.count() == 1
    front.wait_for_workers(1)
    stop_all_workers(front)
    # From the cache, without a worker.
    again = front.get(f"/100x/{url}")
    assert again.status == 200 and again.body == first.body and origin.count() == 1
    assert again["Etag"] == first["Etag"] and again["Content-Type"] == "image/jpeg"
    # The same options in another order and spelling are the same picture.
    assert front.get(f"/100.0x,sSIGNATURE,vu99999999999/{url}").body == first.body
    # The original was kept, too.
    assert front.get(f"/{url}").body == pictures.flat(200, 100)
    assert origin.count() == 1
    stop_all_workers(front, signal.SIGCONT)
    assert front.picture(f"/50x/{url}").size == (50, 25)
    assert origin.count() == 1


def test_without_a_cache_every_request_asks(start, origin):
    front = start(*LOCAL, "-workers", "1")
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), Cache_Control="max-age=1000"))
    for _ in range(3):
        assert front.get(f"/100x/{url}").status == 200
    assert origin.count() == 3


@pytest.mark.parametrize("control", ["no-store", "private", "max-age=100, no-store", "private, max-age=100"])
def test_what_must_not_be_stored_is_not(start, origin, control):
    front = start(*MEMORY)
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), Cache_Control=control))
    for _ in range(2):
        answered = front.get(f"/100x/{url}")
        # Clients are not to keep it, either.
        assert answered.status == 200 and "no-store" in answered["Cache-Control"].split(", ")
    assert origin.count() == 2


def test_every_variant_has_a_tag_of_its_own(start, origin):
    front = start(*MEMORY)
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), Etag='"origin"', Cache_Control="max-age=1000"))
    original = front.get(f"/{url}")
    variants = [front.get(f"/{options}/{url}") for options in ("100x", "50x", "100x,png", "100x,q50")]
    tags = [original["Etag"]] + [one["Etag"] for one in variants]
    assert tags[0] == '"origin"' and len(set(tags)) == 5
    # Another front, or this one after a restart, says the same.
    other = start(*MEMORY)
    assert other.get(f"/100x/{url}")["Etag"] == tags[1]

    for target, tag, foreign in ((f"/100x/{url}", tags[1], tags[2]), (f"/{url}", tags[0], tags[1])):
        for field in (tag, f"W/{tag}", f'"x", {tag}', "*", f"{foreign}, {tag}"):
            answered = front.get(target, headers={"If-None-Match": field})
            assert answered.status == 304 and answered.body == b"" and answered["Etag"] == tag
            assert answered["Content-Type"] is None
        for field in (foreign, '"x"', tag.strip('"'), '""'):
            assert front.get(target, headers={"If-None-Match": field}).status == 200, field


def test_the_same_bytes_have_the_same_tag_with_and_without_a_cache(start, origin):
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), Cache_Control="max-age=1000"))
    fronts = [start(*flags) for flags in (MEMORY, LOCAL)]
    answers = [front.get(f"/{options}/{url}") for front in fronts for options in ("100x", "100x50,fit")]
    assert len({one.body for one in answers}) == 1 and len({one["Etag"] for one in answers}) == 1


def test_if_modified_since(start, origin):
    front = start(*MEMORY)
    modified = http_date(-1000)
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), Last_Modified=modified, Cache_Control="max-age=100"))
    target = f"/100x/{url}"
    tag = front.get(target)["Etag"]
    assert front.get(target, headers={"If-Modified-Since": modified}).status == 304
    assert front.get(target, headers={"If-Modified-Since": http_date()}).status == 304
    assert front.get(target, headers={"If-Modified-Since": http_date(-2000)}).status == 200
    assert front.get(target, headers={"If-Modified-Since": "yesterday"}).status == 200
    # The tag wins.
    assert front.get(target, headers={"If-Modified-Since": modified, "If-None-Match": '"x"'}).status == 200
    assert front.get(target, headers={"If-Modified-Since": http_date(-2000), "If-None-Match": tag}).status == 304


def test_a_stale_picture_is_revalidated_and_not_made_again(start, origin):
    body = pictures.flat(200, 100)

    def handler(request):
        fields = {"Etag": '"v1"', "Cache-Control": "max-age=1", "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}
        if request.headers.get("if-none-match") == '"v1"':
            return answer(b"", 304, headers=fields, length=False)
        return answer(body, content_type="image/jpeg", headers=fields)

    url = origin.serve("/a.jpg", handler)
    front = start(*MEMORY)
    first = front.get(f"/100x/{url}")
    assert first.status == 200 and origin.count() == 1
    front.wait_for_workers(1)
    stop_all_workers(front)
    time.sleep(2.1)
    again = front.get(f"/100x/{url}", timeout=5)
    assert again.status == 200 and again.body == first.body and again["Etag"] == first["Etag"]
    assert origin.count() == 2
    conditional = origin.seen("/a.jpg")[1].headers
    assert conditional["if-none-match"] == '"v1"'
    assert conditional["if-modified-since"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    # Fresh again.
    assert front.get(f"/100x/{url}", timeout=5).body == first.body and origin.count() == 2


def test_a_picture_that_has_changed_is_made_again(start, origin):
    versions = [pictures.flat(200, 100), pictures.flat(400, 100, seed=5)]

    def handler(request):
        tag = f'"v{len(versions)}"'
        body = versions.pop(0) if len(versions) > 1 else versions[0]
        return answer(body, content_type="image/jpeg", headers={"Etag": tag, "Cache-Control": "max-age=1"})

    url = origin.serve("/a.jpg", handler)
    front = start(*MEMORY)
    first = front.get(f"/100x/{url}")
    assert pictures.decoded(first.body).size == (100, 50)
    time.sleep(2.1)
    second = front.get(f"/100x/{url}")
    assert pictures.decoded(second.body).size == (100, 25)
    assert first["Etag"] != second["Etag"]


def test_the_age_is_told(start, origin):
    front = start(*MEMORY)
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), Cache_Control="max-age=1000"))
    front.get(f"/100x/{url}")
    time.sleep(1.2)
    age = front.get(f"/100x/{url}")["Age"]
    assert age is not None and 1 <= int(age) <= 3


def test_the_age_counts_the_time_that_the_origin_took(start, origin):
    front = start(*MEMORY)

    def slow(request):
        time.sleep(2.1)
        return answer(pictures.flat(20, 20), content_type="image/jpeg",
                      headers={"Cache-Control": "max-age=1000", "Age": "30"})

    assert int(front.get(f"/{origin.serve('/a.jpg', slow)}")["Age"]) >= 32


def test_the_origins_fields_are_passed_on_and_no_others(start, origin):
    fields = {
        "Cache-Control": "max-age=77", "Etag": '"e"', "Last-Modified": http_date(-5000), "Expires": http_date(5000),
        "Link": "<http://a/>; rel=canonical", "Set-Cookie": "a=b", "X-Other": "secret", "Server": "nginx", "Vary": "Cookie",
        "Content-Security-Policy": "default-src *", "Access-Control-Allow-Origin": "http://evil",
    }
    url = origin.serve("/a.jpg", lambda _: answer(pictures.flat(20, 20), content_type="image/jpeg", headers=fields))
    front = start(*LOCAL, "-workers", "1")
    answered = front.get(f"/{url}")
    for name in ("Cache-Control", "Etag", "Last-Modified", "Expires", "Link"):
        assert answered[name] == fields[name]
    assert answered["Set-Cookie"] is answered["X-Other"] is answered["Server"] is None
    assert answered["Access-Control-Allow-Origin"] == "*"
    assert "sandbox" in answered["Content-Security-Policy"]
    few = start(*LOCAL, "-workers", "1", "-passResponseHeaders", "X-Other")
    answered = few.get(f"/{url}")
    assert answered["X-Other"] == "secret" and answered["Link"] is answered["Expires"] is None


def test_what_the_origin_is_asked(start, origin):
    url = origin.serve("/a.jpg", pictures.flat(20, 20))
    front = start(*LOCAL, "-workers", "1")
    front.get(f"/{url}?q=1&r=%20", headers={
        "Cookie": "secret", "Authorization": "secret", "Range": "bytes=0-5", "X-Forwarded-For": "1.2.3.4",
        "Accept": "image/webp", "User-Agent": "browser", "Referer": "http://page/", "Cache-Control": "no-cache"})
    seen = origin.seen("/a.jpg")[0]
    assert seen.method == "GET" and seen.target == "/a.jpg?q=1&r=%20"
    assert seen.headers["host"] == origin.host and seen.headers["user-agent"] == "willnorris/imageproxy"
    assert seen.headers["accept"] == "image/*" and "secret" not in str(seen.headers)
    for name in ("cookie", "authorization", "range", "x-forwarded-for", "referer", "cache-control", "if-none-match"):
        assert name not in seen.headers
    assert seen.headers.get("accept-encoding", "identity") == "identity"


def test_the_memory_has_an_end(start, origin):
    # Two million bytes, and pictures of a hundred thousand.
    front = start(*LOCAL, "-workers", "1", "-cache", "memory:2")
    body = pictures.flat(20, 20) + bytes(100_000)
    resident = []
    for index in range(300):
        url = origin.serve(f"/{index}.jpg", picture(body, Cache_Control="max-age=1000"))
        assert front.get(f"/{url}").status == 200
        resident.append(int(processes.status(front.pid)["VmRSS"].split()[0]))
    assert origin.count() == 300
    # A hundred of them make it warm; the others would be twenty thousand kilobytes.
    assert resident[299] - resident[100] < 12_000, f"{resident[100]} kB, then {resident[299]} kB"
    # Which ones are kept is the cache's decision; more than fit cannot be.
    for index in range(300):
        assert front.get("/" + origin.url(f"/{index}.jpg")).status == 200
    kept = 600 - origin.count()
    assert kept <= 20, f"{kept} of 300 were kept"
    # What everybody asks for is.
    for _ in range(10):
        assert front.get("/" + origin.url("/7.jpg")).status == 200
    assert origin.count() <= 600 - kept + 2


def test_entries_have_an_age_if_so_wished(start, origin):
    front = start(*LOCAL, "-workers", "1", "-cache", "memory:10:1s")
    url = origin.serve("/a.jpg", picture(pictures.flat(20, 20), Cache_Control="max-age=1000"))
    front.get(f"/{url}")
    front.get(f"/{url}")
    assert origin.count() == 1
    time.sleep(2.1)
    front.get(f"/{url}")
    assert origin.count() == 2
