# SPDX-License-Identifier: Apache-2.0
"""The same request again and again: what is answered the short way is what the long way would answer."""

import signal
import threading
import time

import numpy
import pytest
from PIL import Image

import pictures
import processes
from client import Connection
from front import LOCAL
from origin import http_date, picture

MEMORY = [*LOCAL, "-workers", "1", "-cache", "memory"]
#: Made, found, found again by what was asked: from the third on it is the short way.
TIMES = 4


def repeated(front, target, headers=(), times=TIMES):
    """The answers on one connection."""
    with Connection(front.endpoint) as connection:
        return [connection.request(target, headers=headers) for _ in range(times)]


def fields(answer, but=("age", "date", "x-cache")):
    return sorted((name.lower(), value) for name, value in answer.fields if name.lower() not in but)


def served(origin, path="/a.jpg", **headers):
    return origin.serve(path, picture(pictures.flat(200, 100), **{"Cache_Control": "max-age=1000", **headers}))


def test_every_answer_is_like_the_first(start, origin):
    front = start(*MEMORY)
    url = served(origin, Etag='"a"', Last_Modified=http_date(-1000), Date=http_date(-1))
    answers = repeated(front, f"/100x/{url}")
    for one in answers[1:]:
        assert one.status == 200 and one.body == answers[0].body and fields(one) == fields(answers[0])
        assert one["Date"] == answers[0]["Date"]
    assert origin.count() == 1
    metrics = front.get("/metrics").text
    assert f'imageproxy_requests_total{{outcome="hit",status="200"}} {TIMES - 1}' in metrics
    assert f'imageproxy_cache_lookups_total{{tier="memory",result="hit"}} {TIMES - 1}' in metrics


def test_the_age_grows(start, origin):
    front = start(*MEMORY)
    url = served(origin, Age="100", Date=http_date(-1))
    ages = []
    with Connection(front.endpoint) as connection:
        for _ in range(4):
            ages.append(int(connection.request(f"/100x/{url}")["Age"]))
            time.sleep(1.1)
    assert ages == sorted(set(ages)) and 100 <= ages[0] < ages[-1]


def test_what_has_become_stale_is_asked_about(start, origin):
    front = start(*MEMORY)
    url = origin.serve("/a.jpg", picture(pictures.flat(200, 100), Cache_Control="max-age=2"))
    with Connection(front.endpoint) as connection:
        end = time.monotonic() + 30
        while origin.count() < 3:
            assert connection.request(f"/100x/{url}").status == 200 and time.monotonic() < end
            time.sleep(0.05)


def test_conditions_parts_and_heads_are_never_answered_with_the_whole(start, origin):
    front = start(*MEMORY)
    url = served(origin, Last_Modified=http_date(-1000))
    target = f"/100x/{url}"
    whole = repeated(front, target)[-1]
    for headers, status in [
        ([("If-None-Match", whole["Etag"])], 304),
        ([("if-none-match", "*")], 304),
        ([("If-Modified-Since", http_date())], 304),
        ([("Range", "bytes=0-9")], 206),
        ([("range", "bytes=9999999-")], 416),
        ([("If-Range", whole["Etag"]), ("Range", "bytes=0-9")], 206),
        ([("If-Range", '"other"'), ("Range", "bytes=0-9")], 200),
    ]:
        for one in repeated(front, target, headers):
            assert one.status == status, headers
    with Connection(front.endpoint) as connection:
        for _ in range(3):
            head = connection.request(target, method="HEAD")
            assert head.status == 200 and head.body == b"" and fields(head) == fields(whole)
            assert connection.request(target).body == whole.body


def test_a_signature_that_ends_ends(start, origin):
    front = start(*MEMORY)
    url = served(origin)
    until = int(time.time()) + 3
    with Connection(front.endpoint) as connection:
        statuses = []
        while time.time() < until + 1.5:
            statuses.append(connection.request(f"/100x,vu{until}/{url}").status)
            time.sleep(0.05)
    assert statuses[:TIMES] == [200] * TIMES and statuses[-1] == 403
    assert statuses == sorted(statuses)


def test_who_asks_counts_each_time(start, origin):
    front = start(*MEMORY, "-referrers", "good.test")
    target = f"/100x/{served(origin)}"
    good, bad = [("Referer", "http://good.test/page")], [("Referer", "http://bad.test/")]
    for _ in range(2):
        assert {one.status for one in repeated(front, target, good)} == {200}
        assert {one.status for one in repeated(front, target, bad)} == {403}
        assert {one.status for one in repeated(front, target)} == {403}


def test_what_selects_the_answer_counts_each_time(start, origin):
    def answer(request):
        body = pictures.flat(40, 20, seed=ord(request.headers["x-kind"]))
        return picture(body, Cache_Control="max-age=1000", Vary="X-Kind")(request)

    front = start(*MEMORY, "-passRequestHeaders", "X-Kind")
    url = origin.serve("/a.jpg", answer)
    bodies = {}
    for _ in range(2):
        for kind in "ab":
            answers = repeated(front, f"/20x/{url}", [("X-Kind", kind)])
            bodies.setdefault(kind, answers[0].body)
            assert {one.body for one in answers} == {bodies[kind]}
            assert all("X-Kind" in one["Vary"] for one in answers)
    assert bodies["a"] != bodies["b"] and origin.count() == 2


def test_what_the_client_can_show_counts_each_time(start, origin):
    front = start(*MEMORY, "-autoFormat", "webp")
    target = f"/100x/{served(origin)}"
    for _ in range(2):
        for accept, kind in [("image/webp,*/*", "image/webp"), ("image/jpeg", "image/jpeg")]:
            for one in repeated(front, target, [("Accept", accept)]):
                assert one["Content-Type"] == kind and one["Vary"] == "Accept"


def test_what_the_client_wishes_of_the_cache_counts_each_time(start, origin):
    front = start(*MEMORY, "-passRequestHeaders", "Cache-Control")
    target = f"/100x/{served(origin, Date=http_date())}"
    repeated(front, target)
    assert origin.count() == 1
    repeated(front, target, [("Cache-Control", "no-cache")])
    assert origin.count() == 1 + TIMES
    # An age that is right now is not right for ever.
    wish = [("Cache-Control", "max-age=2")]
    with Connection(front.endpoint) as connection:
        end = time.monotonic() + 30
        while origin.count() < 3 + TIMES:
            assert connection.request(target, headers=wish).status == 200 and time.monotonic() < end
            time.sleep(0.05)


def test_a_purge_counts_at_once(start, origin, tmp_path):
    socket = str(tmp_path / "admin.sock")
    front = start(*MEMORY, "-adminAddr", f"unix:{socket}")
    url = served(origin)
    target = f"/100x/{url}"
    with Connection(front.endpoint) as connection, Connection(socket) as admin:
        for round in range(1, 4):
            for _ in range(TIMES):
                assert connection.request(target).status == 200
            assert origin.count() == round
            assert admin.request(f"/{url}", method="PURGE").status == 200


def test_other_settings_count_at_once(start, origin, tmp_path):
    settings = tmp_path / "imageproxy.conf"
    settings.write_text("")
    front = start(*MEMORY, "-config", str(settings))
    target = f"/100x/{served(origin)}"

    def reload(text, times):
        settings.write_text(text)
        front.process.send_signal(signal.SIGHUP)
        processes.wait_until(lambda: front.errors.count("settings read anew") == times)

    with Connection(front.endpoint) as connection:
        for times, (text, status) in enumerate(
                [("", 200), ("denyHosts 127.0.0.1\n", 403), ("", 200), ("diagnosticHeaders request\n", 200)], start=1):
            reload(text, times)
            answers = [connection.request(target) for _ in range(TIMES)]
            assert {one.status for one in answers} == {status}
    assert len({one["X-Request-Id"] for one in answers}) == TIMES


def test_what_is_said_about_the_answer_is_said_each_time(start, origin):
    front = start(*MEMORY, "-diagnosticHeaders", "cache", "-accessLog")
    target = f"/100x/{served(origin)}"
    assert [one["X-Cache"] for one in repeated(front, target)] == ["miss"] + ["hit"] * (TIMES - 1)
    lines = processes.wait_until(
        lambda: (found := [line for line in front.errors.splitlines() if " access " in line])[TIMES - 1:] and found)
    assert len(lines) == TIMES and sum("outcome=hit" in line for line in lines) == TIMES - 1
    assert len({line.rpartition(" request=")[2] for line in lines}) == TIMES


def noise(width, height):
    """A picture that does not get smaller."""
    pixels = numpy.random.default_rng(1).integers(0, 256, (height, width, 3), numpy.uint8)
    return picture(pictures.encoded(Image.fromarray(pixels), "PNG"), "image/png", Cache_Control="max-age=1000")


def test_what_a_full_memory_has_dropped_is_made_again(start, origin):
    front = start(*LOCAL, "-workers", "1", "-cache", "memory:1")
    url = origin.serve("/noise.png", noise(500, 400))
    target = f"/x400,png/{url}"
    first = repeated(front, target)[0]
    for width in range(300, 330):
        for _ in range(3):
            assert front.get(f"/{width}x,png/{url}").status == 200
    again = repeated(front, target)
    assert {one.body for one in again} == {first.body}


@pytest.mark.parametrize("count", [3, 40, 400])
def test_requests_that_are_sent_without_waiting_are_all_answered(start, origin, count):
    front = start(*MEMORY)
    url = served(origin)
    small, large = f"/10x/{url}", f"/100x/{url}"
    expected = {target: repeated(front, target)[0].body for target in (small, large)}
    order = [(small, large)[number % 3 == 0] for number in range(count)]
    with Connection(front.endpoint) as connection:
        requests = "".join(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n" for target in order).encode()
        # The last one comes in two pieces.

        def send():
            connection.send(requests[:-7])
            time.sleep(0.2)
            connection.send(requests[-7:])

        sender = threading.Thread(target=send)
        sender.start()
        assert [connection.read().body for _ in order] == [expected[target] for target in order]
        sender.join()


def test_a_client_that_does_not_read_gets_everything_in_the_end(start, origin):
    front = start(*MEMORY)
    url = origin.serve("/noise.png", noise(1200, 900))
    target = f"/1100x,png/{url}"
    body = repeated(front, target)[0].body
    assert len(body) > 1 << 20
    with Connection(front.endpoint) as connection:
        count = 12
        connection.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * count)
        time.sleep(0.5)
        assert repeated(front, f"/10x/{url}")[0].status == 200
        assert all(connection.read().body == body for _ in range(count))
