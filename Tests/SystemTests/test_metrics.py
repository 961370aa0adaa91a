# SPDX-License-Identifier: Apache-2.0
"""What an operator sees: metrics, state and readiness."""

import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import client
import pictures
import processes
from front import LOCAL
from origin import picture

ROOT = Path(__file__).resolve().parents[2]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def values(text):
    """Every line of the page, by name and labels."""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}


def test_outcomes_are_counted(start, origin):
    front = start(*LOCAL, "-workers", "1", "-cache", "memory", "-negativeCacheDuration", "0s")
    url = origin.serve("/a.jpg", picture(pictures.jpeg(300, 200), Cache_Control="max-age=1000"))
    assert front.get(f"/100x/{url}").status == 200
    for _ in range(3):
        assert front.get(f"/100x/{url}").status == 200
    # The original is cached by now, and answers as it is; another variant of it is made, without a fetch.
    assert front.get(f"/{url}").status == 200
    assert front.get(f"/50x/{url}").status == 200
    plain = origin.serve("/plain.jpg", picture(pictures.jpeg(300, 200)))
    assert front.get(f"/{plain}").status == 200
    broken = origin.serve("/b.jpg", picture(pictures.jpeg(300, 200)[:2000]))
    assert front.get(f"/100x/{broken}").status == 200
    missing = origin.url("/nothing.jpg")
    assert front.get(f"/100x/{missing}").status == 404
    found = values(front.get("/metrics").text)
    requests = {key: value for key, value in found.items() if key.startswith("imageproxy_requests_total") and value}
    assert requests == {
        'imageproxy_requests_total{outcome="miss",status="200"}': 2,
        'imageproxy_requests_total{outcome="hit",status="200"}': 4,
        'imageproxy_requests_total{outcome="passed_through",status="200"}': 1,
        'imageproxy_requests_total{outcome="substituted",status="200"}': 1,
        'imageproxy_requests_total{outcome="error",status="404"}': 1,
    }
    assert found['imageproxy_request_duration_seconds_count{outcome="hit",tier="memory"}'] == 4
    # The original program counts the picture that was made from a cached source as well.
    assert found["imageproxy_requests_served_from_cache_total"] == 5 and found["http_requests_in_flight"] == 0
    assert found["http_request_duration_seconds_count"] == 9
    assert found['imageproxy_fetches_total{outcome="ok"}'] == 4
    assert found['imageproxy_transformations_total{source="jpeg",result="jpeg",end="ok"}'] == 2
    assert found['imageproxy_transformations_total{source="jpeg",result="",end="corrupt-source"}'] == 1
    assert found["imageproxy_transformation_duration_seconds_count"] == 3


def test_hits_are_told_apart_by_the_cache_that_had_them(start, origin, redis, tmp_path):
    url = origin.serve("/a.jpg", picture(pictures.jpeg(300, 200), Cache_Control="max-age=1000"))
    for tier, place in (("redis", redis.url), ("disk", str(tmp_path / "cache"))):
        admin = f"{tmp_path}/{tier}.sock"
        first = start(*LOCAL, "-workers", "1", "-cache", "memory", "-cache", place)
        processes.wait_until(
            lambda: values(first.get("/metrics").text)[f'imageproxy_cache_available{{tier="{tier}",use="writing"}}'] == 1,
            what="the cache")
        assert first.get(f"/100x/{url}").status == 200
        # Both the original and the variant are written, behind the answer.
        stored = f'imageproxy_cache_stores_total{{tier="{tier}",result="stored"}}'
        processes.wait_until(lambda: values(first.get("/metrics").text).get(stored) == 2, what="two entries written")
        second = start(*LOCAL, "-workers", "1", "-cache", "memory", "-cache", place, "-adminAddr", f"unix:{admin}")
        processes.wait_until(
            lambda: values(second.get("/metrics").text)[f'imageproxy_cache_available{{tier="{tier}",use="reading"}}'] == 1,
            what="the cache")
        for _ in range(3):
            assert second.get(f"/100x/{url}").status == 200
        found = values(second.get("/metrics").text)
        assert found[f'imageproxy_request_duration_seconds_count{{outcome="hit",tier="{tier}"}}'] == 1
        assert found['imageproxy_request_duration_seconds_count{outcome="hit",tier="memory"}'] == 2
        assert found[f'imageproxy_cache_lookup_duration_seconds_count{{tier="{tier}"}}'] == 1
        assert found["imageproxy_requests_served_from_cache_total"] == 3
        with client.Connection(admin) as connection:
            assert connection.request(f"/{url}", "PURGE").status == 200
        reach = "all" if tier == "redis" else "this_front"
        assert values(second.get("/metrics").text)[f'imageproxy_purges_total{{reach="{reach}"}}'] == 1


def test_a_cache_that_is_left_alone_is_seen(start, redis, tmp_path):
    admin = f"unix:{tmp_path}/admin.sock"
    front = start(*LOCAL, "-workers", "1", "-cache", redis.url, "-adminAddr", admin)

    def is_available():
        found = values(front.get("/metrics").text)
        use = {found[f'imageproxy_cache_available{{tier="redis",use="{use}"}}'] for use in ("reading", "writing")}
        return use.pop() if len(use) == 1 else None

    processes.wait_until(lambda: is_available() == 1, what="Redis is used")
    redis.kill()
    processes.wait_until(lambda: is_available() == 0, what="Redis is left alone")
    redis.start()
    processes.wait_until(lambda: is_available() == 1, what="Redis is used again")


def test_the_page_is_what_prometheus_reads(start):
    page = start(*LOCAL, "-workers", "1").get("/metrics")
    assert page["Content-Type"].startswith("text/plain; version=0.0.4")
    known = set(re.findall(r'= "([a-z_]+)"', (ROOT / "Sources/Shared/Telemetry/MetricName.swift").read_text()))
    seen, current = set(), None
    for line in page.text.splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            assert current in known and current not in seen, f"{current} stands in two places"
            seen.add(current)
        elif line.startswith("# TYPE "):
            assert line.split()[2] == current and line.split()[3] in ("counter", "gauge", "summary", "histogram")
        else:
            assert re.fullmatch(current + r"(_sum|_count|_bucket)?(\{[^}]*\})? [-+0-9.eInf]+", line), line
    for name in re.findall(r"imageproxy_[a-z_]+", (ROOT / "docs/operations.md").read_text()):
        assert re.sub(r"_(sum|count|bucket)$", "", name) in known, f"docs/operations.md names {name}"


def test_metrics_can_be_kept_from_clients(start):
    assert start(*LOCAL, "-workers", "1", "-publicMetrics=false").get("/metrics").status == 400


def test_the_operators_listener_tells_state_and_readiness(start):
    port = free_port()
    front = start(*LOCAL, "-workers", "2", "-adminAddr", f"127.0.0.1:{port}")

    def admin(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    state = json.loads(admin("/status")[1])
    assert state["workers"]["wanted"] == 2 and state["workers"]["running"] == 2 and state["pid"] == front.pid
    assert state["ready"] is True and admin("/ready") == (200, "OK")
    assert "imageproxy_workers_running 2" in admin("/metrics")[1] and admin("/other")[0] == 404
    # The listener for clients tells none of it.
    assert front.get("/status").status == 400


def test_a_front_without_workers_says_that_it_is_not_ready(start, tmp_path):
    port = free_port()
    photo = tmp_path / "a.jpg"
    photo.write_bytes(pictures.jpeg(64, 64))
    front = start(*LOCAL, "-jobsSocket", str(tmp_path / "nobody.sock"), "-adminAddr", f"127.0.0.1:{port}",
                  "-samplePhoto", str(photo))
    threading.Thread(target=lambda: front.get("/10x/http://imageproxy.invalid/sample.jpg"), daemon=True).start()
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ready").read()
        except urllib.error.HTTPError as error:
            assert error.code == 503 and "workers" in error.read().decode()
            return
        time.sleep(0.05)
    raise AssertionError("it went on saying that it was ready")
