# SPDX-License-Identifier: Apache-2.0
"""What an operator is promised to see is there, and right: a script of requests, and what each has to have counted."""

import os
import re
import signal
import threading
from pathlib import Path

import pictures
import processes
from front import LOCAL
from origin import answer, http_date, picture
from test_metrics import values

JPEG, PNG = pictures.jpeg(300, 200), pictures.png(120, 80)


class Counted:
    """What has been added to the metrics since the last look."""

    def __init__(self, front):
        self.front, self.before = front, {}
        self.changes()

    def changes(self):
        now = values(self.front.get("/metrics").text)
        added = {name: value - self.before.get(name, 0) for name, value in now.items()
                 if value != self.before.get(name, 0)}
        self.before = now
        return added


def outcomes(added):
    """Requests by outcome, without a zero."""
    return {name.split('"')[1]: int(value) for name, value in added.items() if name.startswith("imageproxy_requests_total")}


def test_every_kind_of_answer_is_counted_once(start, origin):
    front = start(*LOCAL, "-workers", "1", "-cache", "memory", "-negativeCacheDuration", "0s", "-fetchTimeout", "2s")
    counted = Counted(front)
    lasting = origin.serve("/a.jpg", picture(JPEG, Cache_Control="max-age=1000"))

    made = front.get(f"/100x/{lasting}")
    added = counted.changes()
    assert outcomes(added) == {"miss": 1}
    # Each stage once, and the whole longer than its parts.
    stages = ("fetch", "queue", "header", "decode", "resize", "encode", "transform", "total")
    name = "imageproxy_stage_duration_seconds"
    assert [added[f'{name}_count{{stage="{stage}"}}'] for stage in stages] == [1] * len(stages)
    parts = sum(added.get(f'{name}_sum{{stage="{stage}"}}', 0) for stage in stages[2:6])
    assert 0 < parts <= added[f'{name}_sum{{stage="transform"}}'] <= added[f'{name}_sum{{stage="total"}}']
    assert added['imageproxy_format_duration_seconds_count{source="jpeg"}'] == 1
    assert added['imageproxy_transformations_total{source="jpeg",result="jpeg",end="ok"}'] == 1
    # What is saved: the one less the other. And what came in and went out.
    assert added['imageproxy_transformed_bytes_total{of="sources"}'] == added["imageproxy_origin_bytes_total"] == len(JPEG)
    assert added['imageproxy_transformed_bytes_total{of="results"}'] == len(made.body)
    assert added["imageproxy_client_bytes_total"] == len(made.body)
    assert added['imageproxy_fetches_total{outcome="ok"}'] == 1
    assert added['imageproxy_cache_entries{cache="memory"}'] == 2
    assert added['imageproxy_cache_bytes{cache="memory"}'] >= len(JPEG) + len(made.body)

    front.get(f"/100x/{lasting}")
    added = counted.changes()
    assert outcomes(added) == {"hit": 1}
    assert added['imageproxy_request_duration_seconds_count{outcome="hit",tier="memory"}'] == 1
    assert f'{name}_count{{stage="total"}}' not in added, "a hit has no stages"

    png = origin.serve("/a.png", picture(PNG, "image/png", Cache_Control="max-age=1000"))
    front.get(f"/50x,webp/{png}")
    added = counted.changes()
    assert added['imageproxy_transformations_total{source="png",result="webp",end="ok"}'] == 1
    assert added['imageproxy_format_duration_seconds_count{source="png"}'] == 1

    front.get(f"/{origin.serve('/plain.jpg', picture(JPEG))}")
    assert outcomes(counted.changes()) == {"passed_through": 1}

    def validated(request):
        if request.headers.get("if-none-match"):
            return answer(status=304, headers={"Etag": '"a"', "Cache-Control": "max-age=0"})
        return answer(JPEG, content_type="image/jpeg", headers={"Etag": '"a"', "Cache-Control": "max-age=0"})

    url = origin.serve("/validated.jpg", validated)
    front.get(f"/100x/{url}")
    counted.changes()
    front.get(f"/100x/{url}")
    added = counted.changes()
    assert outcomes(added) == {"revalidated": 1} and added['imageproxy_fetches_total{outcome="not_modified"}'] == 1

    # An origin that fails, and a copy that may be shown all the same.
    old = {"Cache-Control": "max-age=0, stale-if-error=1000", "Last-Modified": http_date(-1000)}
    url = origin.serve("/stale.jpg", lambda request: answer(JPEG, content_type="image/jpeg", headers=old))
    front.get(f"/100x/{url}")
    counted.changes()
    origin.serve("/stale.jpg", lambda request: answer(b"", 500))
    assert front.get(f"/100x/{url}").status == 200
    assert outcomes(counted.changes()) == {"stale": 1}

    front.get(f"/100x/{origin.serve('/broken.jpg', picture(JPEG[:2000]))}")
    added = counted.changes()
    assert outcomes(added) == {"substituted": 1}
    assert added['imageproxy_transformations_total{source="jpeg",result="",end="corrupt-source"}'] == 1

    def refuse(request):
        raise ConnectionAbortedError

    for target, status, reason in ((f"/10x/{origin.url('/no.jpg')}", 404, "not_found"), ("/10x/nothing", 400, "malformed_url"),
                                   (f"/10x/{origin.serve('/gone.jpg', refuse)}", 502, "fetch_failed")):
        assert front.get(target).status == status
        added = counted.changes()
        assert outcomes(added) == {"error": 1} and added[f'imageproxy_errors_total{{reason="{reason}"}}'] == 1, target


def test_who_waits_for_the_same_picture_is_counted_as_coalesced(start, origin):
    front = start(*LOCAL, "-workers", "1", "-cache", "memory")
    gate = threading.Event()

    def slow(request):
        gate.wait(30)
        return answer(JPEG, content_type="image/jpeg", headers={"Cache-Control": "max-age=1000"})

    url, counted = origin.serve("/slow.jpg", slow), Counted(front)
    clients = [threading.Thread(target=front.get, args=(f"/100x/{url}",), daemon=True) for _ in range(5)]
    for one in clients:
        one.start()
    processes.wait_until(lambda: values(front.get("/metrics").text)["http_requests_in_flight"] == 5, what="five that wait")
    gate.set()
    for one in clients:
        one.join(30)
    assert outcomes(counted.changes()) == {"miss": 1, "coalesced": 4} and origin.count("/slow.jpg") == 1


def test_queue_and_workers_are_counted(start, origin, slow_picture, tmp_path):
    admin = f"{tmp_path}/admin.sock"
    front = start(*LOCAL, "-workers", "1", "-maxQueue", "2", "-cache", "memory:500", "-adminAddr", f"unix:{admin}")
    front.wait_for_workers(1)
    url = origin.serve("/slow.png", picture(slow_picture, "image/png", Cache_Control="max-age=1000"))
    front.get(f"/{url}")

    def now():
        return values(front.get("/metrics").text)

    found = now()
    assert found["imageproxy_workers_wanted"] == found["imageproxy_workers_running"] == 1
    assert found["imageproxy_jobs_queue_limit"] == 2 and found["imageproxy_ready"] == 1
    clients = [threading.Thread(target=front.get, args=(f"/{2000 + number}x,avif,q90/{url}",), daemon=True)
               for number in range(3)]
    clients[0].start()
    processes.wait_until(lambda: now()["imageproxy_jobs_running"] == 1, what="one at work")
    for one in clients[1:]:
        one.start()
    # While two wait and one is at work; and who comes then is told, by reason.
    processes.wait_until(lambda: now()["imageproxy_jobs_queued"] == 2 and now()["imageproxy_jobs_running"] == 1,
                         what="a full queue")
    assert front.get(f"/800x/{url}").status == 503
    for one in clients:
        one.join(60)
    found = now()
    assert found['imageproxy_refusals_total{reason="queue"}'] == found['imageproxy_errors_total{reason="overloaded"}'] == 1
    assert found['imageproxy_stage_duration_seconds_sum{stage="queue"}'] > 0 and found["imageproxy_workers_busy"] > 0
    assert found["imageproxy_workers_advised"] >= 1
    assert found['imageproxy_sandbox_layer{layer="seccomp"}'] == 1
    assert {name for name in found if name.startswith("imageproxy_sandbox_layer")} == {
        f'imageproxy_sandbox_layer{{layer="{layer}"}}'
        for layer in ("limits", "namespaces", "empty-root", "landlock", "no-privileges", "seccomp")}
    # One that is killed is replaced, which is counted; and so is a child that is killed at work.
    os.kill(processes.launchers(front.pid)[0].pid, signal.SIGKILL)
    processes.wait_until(lambda: now()["imageproxy_worker_restarts_total"] == 1, what="a worker replaced")
    front.wait_for_workers(1)
    client_ = threading.Thread(target=front.get, args=(f"/700x/{url}",), daemon=True)
    client_.start()
    processes.wait_until(lambda: now()["imageproxy_jobs_running"] == 1, interval=0.001, what="one at work")
    victim = processes.wait_until(lambda: processes.children(front.pid), interval=0.001, what="a child")[0]
    os.kill(victim.pid, signal.SIGKILL)
    client_.join(60)
    assert now()['imageproxy_worker_deaths_total{cause="outside"}'] == 1
    assert now()['imageproxy_worker_deaths_total{cause="picture"}'] == 0


def test_every_metric_is_told_and_documented(start, tmp_path):
    root = Path(__file__).resolve().parents[2]
    known = set(re.findall(r'= "([a-z_]+)"', (root / "Sources/Shared/Telemetry/MetricName.swift").read_text()))
    documented = (root / "docs/operations.md").read_text()
    # The original's own are described by the original, and those of a process by everybody.
    own = {name for name in known if name.startswith("imageproxy_")} - {
        "imageproxy_requests_served_from_cache_total", "imageproxy_transformation_duration_seconds",
        "imageproxy_remote_fetch_errors_total"}
    assert len(own) > 30 and not {name for name in own if f"`{name}`" not in documented}
    # A cache beyond memory, and a worker that has said what its sandbox is: without them there is nothing to tell.
    front = start(*LOCAL, "-workers", "1", "-cache", "memory", "-cache", str(tmp_path / "cache"), "-samplePhoto",
                  write(tmp_path / "a.jpg", JPEG))
    assert front.get("/10x/http://imageproxy.invalid/sample.jpg").status == 200
    told = set(re.findall(r"^# TYPE (\w+) ", front.get("/metrics").text, re.M))
    assert told == known


def write(path, data):
    path.write_bytes(data)
    return str(path)
