# SPDX-License-Identifier: Apache-2.0
"""Metrics, alerts and dashboard as Prometheus and Grafana themselves see them."""

import itertools
import json
import math
import subprocess
import threading
from pathlib import Path

import pytest

import pictures
import processes
from front import LOCAL
from object_peer import official_python
from origin import picture
from prometheus import Prometheus, promtool
from test_dashboards import RULES, dashboard, rules

BOARD = (Path(__file__).resolve().parents[2] / "deploy/grafana/imageproxy.json").read_text()

#: A front that is well, a value a minute for more than a day: how counters rise, and where gauges stand.
WELL = {
    'up{}': "1", 'imageproxy_ready{}': "1", 'imageproxy_build_info{version="1"}': "1",
    'imageproxy_requests_total{outcome="hit",status="200"}': "+600",
    'imageproxy_requests_total{outcome="miss",status="200"}': "+60",
    'imageproxy_requests_total{outcome="error",status="502"}': "+1",
    **{f'imageproxy_refusals_total{{reason="{reason}"}}': "0" for reason in ("queue", "wait", "worker", "origin")},
    'imageproxy_stage_duration_seconds_bucket{stage="queue",le="0.01"}': "+55",
    'imageproxy_stage_duration_seconds_bucket{stage="queue",le="1"}': "+60",
    'imageproxy_stage_duration_seconds_bucket{stage="queue",le="2.5"}': "+60",
    'imageproxy_stage_duration_seconds_bucket{stage="queue",le="+Inf"}': "+60",
    'imageproxy_workers_advised{}': "2", 'imageproxy_workers_wanted{}': "2", 'imageproxy_workers_running{}': "2",
    'imageproxy_worker_restarts_total{}': "0", 'imageproxy_worker_deaths_total{cause="picture"}': "0",
    'imageproxy_sandbox_layer{layer="seccomp"}': "1", 'imageproxy_cache_available{tier="redis",use="reading"}': "1",
    'imageproxy_cache_stores_total{tier="redis",result="dropped"}': "0",
    'imageproxy_fetches_total{outcome="ok"}': "+60", 'imageproxy_fetches_total{outcome="timeout"}': "+1",
    'imageproxy_reloads_total{result="refused"}': "0", 'imageproxy_purges_total{reach="this_front_for_now"}': "0",
    'process_open_fds{}': "50", 'process_max_fds{}': "1024", 'process_cpu_seconds_total{}': "+6",
}
#: What is different when it is not: alert → series. What stands behind a blank happens after 100 minutes.
ILL = {
    "ImageproxyDown": {'up{}': "0"},
    "ImageproxyNotReady": {'imageproxy_ready{}': "0"},
    "ImageproxyFails": {'imageproxy_requests_total{outcome="error",status="502"}': "+60"},
    "ImageproxyRefuses": {'imageproxy_refusals_total{reason="queue"}': "+60"},
    "ImageproxyOriginBusy": {'imageproxy_refusals_total{reason="origin"}': "+60"},
    "ImageproxyLongQueue": {'imageproxy_stage_duration_seconds_bucket{stage="queue",le="0.01"}': "0",
                            'imageproxy_stage_duration_seconds_bucket{stage="queue",le="1"}': "+10"},
    "ImageproxyTooFewWorkers": {'imageproxy_workers_advised{}': "3"},
    "ImageproxyWorkersMissing": {'imageproxy_workers_running{}': "1"},
    "ImageproxyWorkersRestart": {'imageproxy_worker_restarts_total{}': "+1"},
    "ImageproxyPicturesKillWorkers": {'imageproxy_worker_deaths_total{cause="picture"}': "+2"},
    "ImageproxySandboxOff": {'imageproxy_sandbox_layer{layer="seccomp"}': "0"},
    "ImageproxyCacheLeftAlone": {'imageproxy_cache_available{tier="redis",use="reading"}': "0"},
    "ImageproxyCacheTooSlow": {'imageproxy_cache_stores_total{tier="redis",result="dropped"}': "+1"},
    "ImageproxyHitRatioFell": {'imageproxy_requests_total{outcome="hit",status="200"}': "+600 +10"},
    "ImageproxyOriginsFail": {'imageproxy_fetches_total{outcome="timeout"}': "+30"},
    "ImageproxyDescriptorsRunOut": {'process_open_fds{}': "900"},
    "ImageproxyFrontBusy": {'process_cpu_seconds_total{}': "+55"},
    "ImageproxySettingsRefused": {'imageproxy_reloads_total{result="refused"}': "0 1"},
    "ImageproxyPurgeIncomplete": {'imageproxy_purges_total{reach="this_front_for_now"}': "0 1"},
    "ImageproxyVersionsDiffer": {'imageproxy_build_info{version="2",instance="b:8080"}': "1"},
}
#: Minutes: where what is to happen later does, and how long series are.
LATER, LONG = 100, 1600


def series(name, value):
    """As promtool takes it: `0+60x100` is 101 values, each 60 more than the one before."""
    labels = name.replace("{", '{job="imageproxy",').replace(",}", "}")
    if "instance=" not in labels:
        labels = labels.replace("{", '{instance="a:8080",')
    parts, at = [], 0.0
    for part, count in zip(value.split(), (LATER, LONG - LATER) if " " in value else (LONG, 0)):
        rises = part.startswith("+")
        begin, step = (at, float(part)) if rises else (float(part), 0)
        parts.append(f"{begin:g}+{step:g}x{count - 1}")
        at = begin + step * count
    return {"series": labels, "values": " ".join(parts)}


def check_alerts(tmp_path, changed, minutes, firing):
    """Whether exactly these alerts fire, by promtool."""
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing]
    case = {"interval": "1m", "input_series": [series(*one) for one in {**WELL, **changed}.items()],
            "promql_expr_test": [{"expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                                  "eval_time": f"{minutes}m", "exp_samples": samples}]}
    file = tmp_path / "test.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [case]}))
    return promtool("test", "rules", file)


def test_prometheus_takes_the_rules():
    status, said = promtool("check", "rules", RULES)
    assert status == 0 and f"{len(list(rules()))} rules found" in said, said


@pytest.mark.parametrize("minutes", [10, 120, LONG - 10])
def test_no_alert_while_all_is_well(tmp_path, minutes):
    status, said = check_alerts(tmp_path, {}, minutes, [])
    assert status == 0, said


@pytest.mark.parametrize("alert", ILL)
def test_each_alert_fires_for_what_it_is_about_and_no_other(tmp_path, alert):
    minutes = LATER + (90 if alert == "ImageproxyHitRatioFell" else 10)
    status, said = check_alerts(tmp_path, ILL[alert], minutes, [alert])
    assert status == 0, said


def test_every_alert_is_tried():
    assert {name.removeprefix("alert, ") for name, _, _ in rules()} == set(ILL)


def test_grafana_knows_every_part_of_the_dashboard():
    done = subprocess.run([official_python(), str(Path(__file__).with_name("grafana_model.py"))], input=BOARD, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    # A variable's query, once more in words: Grafana writes it, and its model leaves it out.
    unknown = [line for line in done.stdout.split() if not line.endswith("/definition")]
    assert not unknown, unknown


def test_panels_stand_side_by_side():
    panels, taken = json.loads(BOARD)["panels"], {}
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        at = panel["gridPos"]
        for x, y in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert x < 24 and (x, y) not in taken, f"{panel['title']} over {taken.get((x, y))}"
            taken[x, y] = panel["title"]
        targets = panel.get("targets", [])
        assert len({target["refId"] for target in targets}) == len(targets)
        assert all(target["datasource"]["uid"] == "${datasource}" for target in targets), panel["title"]


def test_prometheus_reads_a_front_and_every_panel_shows_something(start, origin, redis, tmp_path):
    front = start(*LOCAL, "-workers", "1", "-cache", "memory", "-cache", redis.url, "-negativeCacheDuration", "0s",
                  "-adminAddr", f"unix:{tmp_path}/admin.sock")
    status, said = promtool("check", "metrics", said=front.get("/metrics").text)
    # Lint has nothing to say but of names that are the original's.
    assert status == 0 or all("requests_in_flight" in line for line in said.splitlines()), said
    urls = [origin.serve("/a.jpg", picture(pictures.jpeg(120, 80), Cache_Control="max-age=1000")),
            origin.serve("/a.png", picture(pictures.png(120, 80), "image/png", Cache_Control="max-age=1000"))]
    done = threading.Event()

    def load():
        with front.connect() as connection:
            for number in itertools.count():
                for url in urls:
                    connection.request(f"/{10 + number % 300}x,q{50 + number // 300 % 50}/{url}")
                    connection.request(f"/10x,q50/{url}")
                connection.request(f"/10x/{origin.url('/missing.jpg')}")
                if done.wait(0.02):
                    return

    server, thread = Prometheus([front.address], RULES), threading.Thread(target=load, daemon=True)
    try:
        thread.start()
        empty = {}
        for name, expression, _ in dashboard():
            for variable, value in (("$job", ".*"), ("$instance", ".*"), ("$__rate_interval", "20s")):
                expression = expression.replace(variable, value)
            empty[name, expression] = None

        def are_shown():
            for name, expression in list(empty):
                if any(not math.isnan(value) for value in server.values(expression)):
                    del empty[name, expression]
            return not empty

        processes.wait_until(are_shown, timeout=60, interval=1, what=lambda: f"something to show: {list(empty)}")
        assert server.values('up{job="imageproxy"}') == [1]
        # What it counts is what the front says.
        asked = sum(server.values('imageproxy_requests_total{outcome!="error"}'))
        assert asked > 0 and server.values("imageproxy_workers_running") == [1]
        groups = server.ask("rules")["groups"]
        health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
        processes.wait_until(lambda: {rule["health"] for group in server.ask("rules")["groups"] for rule in group["rules"]}
                             == {"ok"}, timeout=30, what=f"rules evaluated: {health}")
    finally:
        done.set()
        thread.join(30)
        server.close()
