# SPDX-License-Identifier: Apache-2.0
"""Logs as text and JSON, and what follows a request from its client to its origin."""

import json
import re

import pytest

import pictures
import processes
from front import LOCAL, run_program
from origin import picture

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def lines(front, word):
    return processes.wait_until(lambda: [line for line in front.errors.splitlines() if word in line], what=word)


def test_access_log_as_text(start, origin):
    front = start(*LOCAL, "-workers", "1", "-cache", "memory", "-accessLog")
    url = origin.serve("/a.jpg", picture(pictures.jpeg(300, 200), Cache_Control="max-age=1000"))
    size = len(front.get(f"/100x/{url}", headers={"X-Request-Id": "abc-1"}).body)
    front.get(f"/100x/{url}", "HEAD")
    front.get(f"/10x/{origin.url('/nothing')}")
    front.get("/health-check")
    processes.wait_until(lambda: front.errors.count(" access ") == 3, what=front.errors)
    miss, hit, error = lines(front, " access ")
    assert re.search(
        rf"access method=GET target=/100x/{re.escape(url)} status=200 bytes={size} ms=[\d.]+ outcome=miss "
        r"fetch=[\d.]+ header=[\d.]+ decode=[\d.]+ resize=[\d.]+ encode=[\d.]+ transform=[\d.]+ request=abc-1$", miss), miss
    assert re.search(r"method=HEAD .* bytes=0 ms=[\d.]+ outcome=hit request=[0-9a-f]{16}$", hit), hit
    assert re.search(r"status=404 .* outcome=error reason=not_found fetch=", error), error


def test_log_as_json(start, origin):
    front = start(*LOCAL, "-workers", "1", "-accessLog", "-logFormat", "json")
    name = 'quoted"\\'
    front.get(f"/10x/{origin.url('/nothing')}?{name}", headers={"X-Request-Id": "abc-2"})
    processes.wait_until(lambda: '"access"' in front.errors, what=front.errors)
    entries = [json.loads(line) for line in front.errors.splitlines()]
    for entry in entries:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"])
    [access] = [entry for entry in entries if entry["message"] == "access"]
    assert access["status"] == 404 and access["outcome"] == "error" and access["ms"] >= access["fetch"] > 0
    assert access["target"].endswith(name)
    # What went wrong carries the same name.
    assert [entry["request"] for entry in entries if "404" in entry["message"]] == ["abc-2"]


def test_nothing_is_logged_unasked(start, origin):
    front = start(*LOCAL, "-workers", "1")
    url = origin.serve("/a.jpg", pictures.jpeg(300, 200))
    answer = front.get(f"/10x/{url}")
    assert "access" not in front.errors
    for name in ("X-Cache", "Server-Timing", "X-Request-Id"):
        assert answer[name] is None


def test_passwords_stay_out_of_the_access_log(start, origin):
    front = start(*LOCAL, "-workers", "1", "-accessLog")
    front.get("/10x/http://anna:hunter2@127.0.0.1:1/a.jpg")
    assert "127.0.0.1" in lines(front, " access ")[0] and "hunter2" not in front.errors


def test_diagnostic_headers(start, origin):
    front = start(
        *LOCAL, "-workers", "1", "-cache", "memory", "-diagnosticHeaders", "cache,timing,request",
        "-passResponseHeaders", "Cache-Control,X-Cache")
    url = origin.serve("/a.jpg", picture(pictures.jpeg(300, 200), Cache_Control="max-age=1000", X_Cache="HIT from me"))
    miss, hit = front.get(f"/10x/{url}"), front.get(f"/10x/{url}", headers={"X-Request-Id": "r/1"})
    assert (miss["X-Cache"], hit["X-Cache"]) == ("miss", "hit")
    stages = dict(re.findall(r"([a-z]+);dur=([\d.]+)", miss["Server-Timing"]))
    assert list(stages) == ["fetch", "header", "decode", "resize", "encode", "transform", "total"]
    assert float(stages["total"]) >= float(stages["fetch"]) > 0
    assert re.fullmatch(r"total;dur=[\d.e-]+", hit["Server-Timing"])
    assert re.fullmatch("[0-9a-f]{16}", miss["X-Request-Id"]) and hit["X-Request-Id"] == "r/1"
    assert front.get("/10x/nothing")["X-Cache"] == "error"
    # One of these at a time.
    one = start(*LOCAL, "-workers", "1", "-diagnosticHeaders", "cache").get(f"/{url}")
    assert one["X-Cache"] == "passed_through" and one["Server-Timing"] is None and one["X-Request-Id"] is None


def test_unknown_diagnostics_are_refused(bin):
    for flag, value in (("-diagnosticHeaders", "cache,everything"), ("-logFormat", "xml")):
        ended = run_program(bin, flag, value)
        assert ended.returncode == 2 and flag in ended.stderr and ended.stderr.count("\n") == 1


@pytest.mark.parametrize("given, passed", [
    ("abc-123_X.y:z", True), ("a" * 128, True), ("a" * 129, False), ("", False), ("two words", False),
    ("quote\"", False), ("é", False)])
def test_request_ids_are_taken_when_they_are_sane(start, origin, given, passed):
    front = start(*LOCAL, "-workers", "1", "-diagnosticHeaders", "request")
    url = origin.serve("/a.jpg", pictures.jpeg(300, 200))
    with front.connect() as connection:
        connection.send(f"GET /10x/{url} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {given}\r\n\r\n")
        answer = connection.read()
    assert answer.status == 200 and (answer["X-Request-Id"] == given) is passed
    assert (origin.seen("/a.jpg")[0].headers.get("x-request-id") == given) is passed


@pytest.mark.parametrize("parent, passed", [
    (PARENT, True), (PARENT.replace("00-", "01-", 1), True), (PARENT.replace("00-", "ff-", 1), False),
    (PARENT.upper(), False), (PARENT + "-x", False), (PARENT[:-1], False), ("", False),
    ("00-" + "0" * 32 + "-b7ad6b7169203331-01", False), ("00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01", False)])
def test_traces_go_on_to_the_origin(start, origin, parent, passed):
    front = start(*LOCAL, "-workers", "1")
    url = origin.serve("/a.jpg", pictures.jpeg(300, 200))
    assert front.get(f"/10x/{url}", headers={"traceparent": parent, "tracestate": "a=1,b=2"}).status == 200
    seen = origin.seen("/a.jpg")[0].headers
    assert (seen.get("traceparent") == parent) is passed and (seen.get("tracestate") == "a=1,b=2") is passed
    # Without one there is nothing to pass on, and nothing is made up.
    assert "x-request-id" not in seen


def test_traces_make_no_difference_to_what_is_cached(start, origin):
    front = start(*LOCAL, "-workers", "1", "-cache", "memory")
    url = origin.serve("/a.jpg", picture(pictures.jpeg(300, 200), Cache_Control="max-age=1000", Vary="traceparent"))
    for number in range(3):
        front.get(f"/10x/{url}", headers={"traceparent": PARENT[:-1] + str(number), "X-Request-Id": str(number)})
    assert origin.count("/a.jpg") == 1
