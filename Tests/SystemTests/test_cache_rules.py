# SPDX-License-Identifier: Apache-2.0
"""What HTTP says about caching (RFC 9111, RFC 5861), by what the origin is asked and what the workers have to do."""

import re
import threading

import pytest

import pictures
import processes
from front import LOCAL
from origin import answer, http_date, picture

MEMORY = [*LOCAL, "-workers", "1", "-cache", "memory"]
BODY = pictures.flat(200, 100)
OTHER = pictures.flat(400, 100, seed=5)
NOT_MODIFIED = answer(b"", 304, length=False)


def made(front):
    """How many pictures workers have made."""
    line = re.compile(r'^imageproxy_transformations_total\{.*end="ok".*\} (\d+)$', re.MULTILINE)
    return sum(map(int, line.findall(front.get("/metrics").text)))


def serve(origin, path="/a.jpg", body=BODY, **fields):
    return origin.serve(path, picture(body, **fields))


ONCE, TWICE = 1, 2

#: Flags, what the origin says (dates in seconds from when the test runs), and how often it is asked for two requests.
REUSED = [
    # Freshness, in the order in which it is looked for.
    ([], {"Cache_Control": "max-age=1000"}, ONCE),
    ([], {"Cache_Control": "s-maxage=1000, max-age=0"}, ONCE),
    ([], {"Cache_Control": "s-maxage=0, max-age=1000"}, TWICE),
    ([], {"Cache_Control": "max-age=1000", "Expires": -1000}, ONCE),
    ([], {"Expires": 1000}, ONCE),
    ([], {"Expires": -1000}, TWICE),
    ([], {"Expires": "0"}, TWICE),
    # A tenth of the time since it was changed; what says nothing is not fresh.
    ([], {"Last_Modified": -100_000}, ONCE),
    ([], {"Last_Modified": 0}, TWICE),
    ([], {}, TWICE),
    # The age that it came with counts.
    ([], {"Cache_Control": "max-age=1000", "Age": "2000"}, TWICE),
    ([], {"Cache_Control": "max-age=1000", "Age": "100"}, ONCE),
    ([], {"Cache_Control": "max-age=1000", "Date": -2000}, TWICE),
    # What may not be kept, or not be used without asking.
    ([], {"Cache_Control": "max-age=1000, no-store"}, TWICE),
    ([], {"Cache_Control": "max-age=1000, private"}, TWICE),
    ([], {"Cache_Control": "max-age=1000, no-cache"}, TWICE),
    ([], {"Cache_Control": "max-age=1000", "Vary": "*"}, TWICE),
    ([], {"Cache_Control": "max-age=1000, no-store, must-understand"}, ONCE),
    ([], {"Cache_Control": "max-age=1000, must-revalidate"}, ONCE),
    # What the operator says.
    (["-defaultCacheDuration", "1h"], {}, ONCE),
    (["-defaultCacheDuration", "1h"], {"Cache_Control": "max-age=0"}, TWICE),
    (["-minCacheDuration", "1h"], {"Cache_Control": "max-age=0"}, ONCE),
    (["-minCacheDuration", "1h"], {"Cache_Control": "max-age=0, no-store"}, TWICE),
    (["-maxCacheDuration", "1h"], {"Cache_Control": "max-age=100000", "Age": "7200"}, TWICE),
    (["-maxCacheDuration", "1h"], {"Cache_Control": "max-age=100000", "Age": "1000"}, ONCE),
    (["-forceCache"], {"Cache_Control": "max-age=1000, private"}, ONCE),
    (["-forceCache"], {"Cache_Control": "max-age=1000, no-store"}, ONCE),
]


@pytest.mark.parametrize("flags, fields, count", REUSED)
def test_an_answer_is_reused_for_as_long_as_it_may_be(start, origin, flags, fields, count):
    front = start(*MEMORY, *flags)
    now = {name: http_date(value) if isinstance(value, int) else value for name, value in fields.items()}
    url = serve(origin, **now)
    first = front.get(f"/100x/{url}")
    assert first.status == 200 and front.get(f"/100x/{url}").body == first.body
    assert origin.count() == count


def test_errors_are_remembered_briefly(start, origin):
    origin.serve("/a.jpg", lambda _: answer(b"gone", 404, "text/plain", {"Cache-Control": "max-age=1000"}))
    for flags, count in ([], ONCE), (["-negativeCacheDuration", "0"], TWICE):
        before, front = origin.count(), start(*MEMORY, *flags)
        for _ in range(2):
            assert front.get(f"/100x/{origin.url('/a.jpg')}").status == 404
        assert origin.count() - before == count, flags
    # However long it says, and whoever asks for it: its picture is there again when the time is over.
    front = start(*MEMORY, "-negativeCacheDuration", "1s")
    assert front.get(f"/100x/{origin.url('/a.jpg')}").status == 404
    serve(origin)
    processes.wait_until(lambda: front.get(f"/100x/{origin.url('/a.jpg')}").status == 200, what="the picture")


def test_a_part_is_no_answer_and_is_never_kept(start, origin):
    part = {"Content-Range": f"bytes 0-9/{len(BODY)}", "Cache-Control": "max-age=1000"}
    url = origin.serve("/a.jpg", lambda _: answer(BODY[:10], 206, "image/jpeg", part))
    front = start(*MEMORY)
    for _ in range(2):
        assert front.get(f"/100x/{url}", headers={"Range": "bytes=0-9"}).status == 502
    assert origin.count() == 2
    serve(origin, Cache_Control="max-age=1000")
    assert front.picture(f"/100x/{url}").size == (100, 50)


def test_a_variant_is_refreshed_by_its_originals_304_and_by_the_same_bytes(start, origin):
    """Both levels are fresh again, and no worker has anything to do."""
    front = start(*MEMORY)
    for path, again in (("/304.jpg", NOT_MODIFIED), ("/same.jpg", None)):
        stale = {"Cache-Control": "max-age=1000", "Etag": '"v1"', "Age": "2000"}
        fresh = {"Cache-Control": "max-age=1000", "Etag": '"v1"', "X-Round": "2"}

        def handler(request, again=again, stale=stale, fresh=fresh):
            if "if-none-match" not in request.headers:
                return answer(BODY, content_type="image/jpeg", headers=stale)
            assert request.headers["if-none-match"] == '"v1"'
            status, body = (304, b"") if again else (200, BODY)
            return answer(body, status, "image/jpeg", fresh, length=None if body else False)

        url = origin.serve(path, handler)
        first = front.get(f"/100x/{url}").body
        assert made(front) == 1 and origin.count(path) == 1
        # Asked about once, and from then on fresh.
        for _ in range(3):
            assert front.get(f"/100x/{url}").body == first
        assert front.get(f"/{url}").body == BODY
        assert made(front) == 1 and origin.count(path) == 2
        assert front.picture(f"/50x/{url}").size == (50, 25)
        assert made(front) == 2 and origin.count(path) == 2
        # Counted anew for the next path.
        front = start(*MEMORY)


def test_what_may_be_stale_meanwhile_is_served_at_once(start, origin):
    """The origin does not answer until the stale picture has come."""
    has_come = threading.Event()
    stale = {"Cache-Control": "max-age=1000, stale-while-revalidate=5000", "Age": "2000"}

    def handler(request):
        if origin.count() == 1:
            return answer(BODY, content_type="image/jpeg", headers=stale)
        assert has_come.wait(30)
        return answer(OTHER, content_type="image/jpeg", headers={"Cache-Control": "max-age=1000"})

    url = origin.serve("/a.jpg", handler)
    front = start(*MEMORY)
    first = front.get(f"/100x/{url}").body
    for _ in range(3):
        assert front.get(f"/100x/{url}").body == first
    processes.wait_until(lambda: origin.count() == 2, what="a question to the origin")
    has_come.set()
    processes.wait_until(lambda: front.picture(f"/100x/{url}").size == (100, 25), what="the new picture")
    assert origin.count() == 2 and made(front) == 2


@pytest.mark.parametrize("control, failure, is_served", [
    ("max-age=1000, stale-if-error=5000", 500, True),
    ("max-age=1000, stale-if-error=5000", 503, True),
    ("max-age=1000, stale-if-error=500", 500, False),
    ("max-age=1000, stale-if-error=5000, must-revalidate", 500, False),
    ("max-age=1000", 500, False),
    # Who cannot be asked has not said that it is wrong, unless that had to be asked.
    ("max-age=1000", None, True),
    ("max-age=1000, must-revalidate", None, False),
    ("s-maxage=1000", None, False),
])
def test_something_stale_stands_in_for_an_origin_that_fails_where_it_may(start, origin, control, failure, is_served):
    def handler(request):
        if origin.count() == 1:
            fields = {"Cache-Control": control, "Age": "2000", "Etag": '"v"'}
            return answer(BODY, content_type="image/jpeg", headers=fields)
        if failure is None:
            raise ConnectionAbortedError
        return answer(b"", failure)

    url = origin.serve("/a.jpg", handler)
    front = start(*MEMORY)
    first = front.get(f"/100x/{url}")
    assert first.status == 200
    second = front.get(f"/100x/{url}")
    if is_served:
        assert second.status == 200 and second.body == first.body and int(second["Age"]) >= 2000
    else:
        assert second.status >= 400
    assert made(front) == 1


def test_answers_that_vary_are_kept_side_by_side(start, origin):
    def handler(request):
        body = BODY if request.headers.get("accept-language") == "de" else OTHER
        return answer(body, content_type="image/jpeg",
                      headers={"Vary": "Accept-Language, X-Unseen", "Cache-Control": "max-age=1000"})

    url = origin.serve("/a.jpg", handler)
    front = start(*MEMORY, "-passRequestHeaders", "Accept-Language")
    heights = {"de": 50, "en": 25, None: 25}
    for _ in range(3):
        for language, height in heights.items():
            fields = {"Accept-Language": language} if language else {}
            got = front.get(f"/100x/{url}", headers=fields)
            assert pictures.decoded(got.body).size == (100, height) and got["Vary"] == "Accept-Language"
    assert origin.count() == 3 and made(front) == 3
    # A field that does not reach the origin makes no difference.
    front.get(f"/100x/{url}", headers={"Accept-Language": "de", "X-Unseen": "x"})
    assert origin.count() == 3


@pytest.mark.parametrize("control, count", [
    ("max-age=1000", 4), ("max-age=1000, public", 1), ("s-maxage=1000", 1), ("max-age=1000, must-revalidate", 1),
])
def test_an_answer_to_credentials_is_for_all_only_where_its_origin_says_so(start, origin, control, count):
    owners = {"alice": BODY, "bob": OTHER}

    def handler(request):
        body = owners[request.headers["authorization"]]
        return answer(body, content_type="image/jpeg", headers={"Cache-Control": control})

    url = origin.serve("/a.jpg", handler)
    front = start(*MEMORY, "-passRequestHeaders", "Authorization")
    for owner in ("alice", "bob", "alice", "bob"):
        got = pictures.decoded(front.get(f"/100x/{url}", headers={"Authorization": owner}).body)
        assert count == 1 or got.size == (100, 50 if owner == "alice" else 25)
    assert origin.count() == count


def test_a_passed_field_that_selects_the_answer_keeps_each_to_their_own(start, origin):
    owners = {"alice": BODY, "bob": OTHER}

    def handler(request):
        return answer(owners[request.headers["authorization"]], content_type="image/jpeg",
                      headers={"Cache-Control": "max-age=1000, public", "Vary": "Authorization"})

    url = origin.serve("/a.jpg", handler)
    front = start(*MEMORY, "-passRequestHeaders", "Authorization")
    for _ in range(3):
        for owner, height in (("alice", 50), ("bob", 25)):
            got = front.get(f"/100x/{url}", headers={"Authorization": owner})
            assert pictures.decoded(got.body).size == (100, height)
    assert origin.count() == 2 and made(front) == 2


def test_without_a_date_of_change_nothing_is_known_to_be_unchanged(start, origin):
    """As in the original."""
    url = serve(origin, Cache_Control="max-age=1000", Date=http_date(-500))
    front = start(*MEMORY)
    for asked in (f"/{url}", f"/100x/{url}"):
        assert front.get(asked).status == 200
        for since in (http_date(-600), http_date(-400), http_date(), "yesterday"):
            assert front.get(asked, headers={"If-Modified-Since": since}).status == 200, since


def test_places_are_written_through_and_filled_upwards(start, origin, redis, tmp_path):
    def files(name):
        return {file.name for file in (tmp_path / name).rglob("*") if file.is_file() and len(file.name) == 32}

    def begin(*places):
        flags = [flag for place in places for flag in ("-cache", place)]
        return start(*LOCAL, "-workers", "1", *flags)

    url = serve(origin, Cache_Control="max-age=1000")
    first = begin("memory", str(tmp_path / "one"), redis.url)
    body = first.get(f"/100x/{url}").body
    # Written through.
    processes.wait_until(lambda: len(files("one")) == 2, what="two files")
    keys = [f"rediscache:{url}", f"rediscache:{url}#100x0"]
    processes.wait_until(lambda: redis.keys("rediscache:*") == keys, what="both in Redis")
    # Found in the last place, and from then on in those before it.
    second = begin("memory", str(tmp_path / "two"), redis.url)
    assert second.get(f"/100x/{url}").body == body
    processes.wait_until(lambda: len(files("two")) == 1, what="a file")
    assert files("two") < files("one")
    redis.cli("FLUSHALL")
    assert second.get(f"/100x/{url}").body == body and made(second) == 0
    third = begin(str(tmp_path / "two"))
    assert third.get(f"/100x/{url}").body == body and made(third) == 0
    assert origin.count() == 1


#: What clients and proxies send, and what has told answers apart elsewhere without being part of a cache's key.
UNKEYED = [
    "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Base-Url", "CF-Connecting-IP",
    "Cache-Control", "Client-IP", "Cookie", "DNT", "Destination", "Forwarded", "Front-End-Https", "From", "Origin",
    "Pragma", "Profile", "Proxy-Authorization", "Referer", "Save-Data", "Sec-CH-UA", "Sec-Fetch-Dest",
    "Surrogate-Capability", "TE", "True-Client-IP", "Upgrade-Insecure-Requests", "User-Agent", "Via", "Viewport-Width",
    "Width", "DPR", "X-Api-Version", "X-Client-IP", "X-Cluster-Client-IP", "X-Forwarded-By", "X-Forwarded-For",
    "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-Scheme",
    "X-Forwarded-Server", "X-HTTP-Method-Override", "X-Host", "X-Original-URL", "X-Real-IP", "X-Requested-With",
    "X-Rewrite-URL", "X-Wap-Profile",
]


def test_what_is_no_part_of_the_key_changes_nothing(start, origin):
    """Whoever comes first, with whatever fields: who comes after gets what they would have got anyway."""
    def handler(request):
        fields = sorted(name for name in request.headers if name.title() in {name.title() for name in UNKEYED})
        said = " ".join(f"{name}:{request.headers[name]}" for name in fields)
        return answer(BODY + said.encode(), content_type="image/jpeg", headers={"Cache-Control": "max-age=1000"})

    url = origin.serve("/a.jpg", handler)
    front = start(*MEMORY)
    originals = {front.get(f"/{url}?{number}").body for number in range(2)}
    right, = originals
    assert len(UNKEYED) == 50
    for name in UNKEYED:
        for number, value in enumerate(["/evil", "1, no-cache; q=0.5"]):
            asked = f"/{url}?{name}{number}"
            first, second = (front.get(asked, headers=fields) for fields in ({name: value}, {}))
            assert first.status == second.status == 200 and first.body == second.body == right, (name, value)
            assert first["Vary"] is second["Vary"] is None
    assert origin.count() == 2 + 2 * len(UNKEYED)


def test_what_breaks_off_is_never_kept(start, origin, tmp_path):
    whole = answer(BODY, content_type="image/jpeg", headers={"Cache-Control": "max-age=1000"})
    steps = 200
    front = start(*LOCAL, "-workers", "1", "-cache", "memory", "-cache", str(tmp_path / "cache"))
    for step in range(steps):
        end = step * (len(whole) - 1) // (steps - 1)
        path = f"/{step}.jpg"
        origin.serve(path, lambda _, end=end: iter([whole[:end]]))
        assert front.get(f"/100x/{origin.url(path)}").status == 502, end
        assert front.get(f"/{origin.url(path)}").status == 502, end
        origin.serve(path, lambda _: whole)
        assert front.get(f"/{origin.url(path)}").body == BODY, end
        assert origin.count(path) >= 3
    stored = processes.wait_until(
        lambda: len(files := [one for one in (tmp_path / "cache").rglob("*") if one.is_file()]) == steps and files,
        what="whatever was whole")
    assert all(file.read_bytes().endswith(BODY) for file in stored)
