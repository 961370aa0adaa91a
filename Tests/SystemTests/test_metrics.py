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

import pictures
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
    assert front.get(f"/{url}").status == 200
    broken = origin.serve("/b.jpg", picture(pictures.jpeg(300, 200)[:2000]))
    assert front.get(f"/100x/{broken}").status == 200
    missing = origin.url("/nothing.jpg")
    assert front.get(f"/100x/{missing}").status == 404
    found = values(front.get("/metrics").text)
    requests = {key: value for key, value in found.items() if key.startswith("imageproxy_requests_total")}
    assert requests == {
        'imageproxy_requests_total{outcome="miss",status="200"}': 1,
        'imageproxy_requests_total{outcome="hit",status="200"}': 3,
        'imageproxy_requests_total{outcome="passed_through",status="200"}': 1,
        'imageproxy_requests_total{outcome="substituted",status="200"}': 1,
        'imageproxy_requests_total{outcome="error",status="404"}': 1,
    }
    assert found["imageproxy_requests_served_from_cache_total"] == 3 and found["http_requests_in_flight"] == 0
    assert found["http_request_duration_seconds_count"] == 7
    assert found['imageproxy_fetches_total{outcome="ok"}'] == 3
    assert found['imageproxy_transformations_total{source="jpeg",result="jpeg",end="ok"}'] == 1
    assert found['imageproxy_transformations_total{source="jpeg",result="",end="corrupt-source"}'] == 1
    assert found["imageproxy_transformation_duration_seconds_count"] == 2


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
