# SPDX-License-Identifier: Apache-2.0
"""The scripts that measure and plan: what they print follows from what they found, and from the model."""

import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

import pictures
from origin import picture

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import plan_capacity  # noqa: E402
import queueing  # noqa: E402
import tune_workers  # noqa: E402


def run(script, *words):
    return subprocess.run(["/usr/bin/python3", str(BENCHMARKS / script), *map(str, words)], capture_output=True, text=True,
                          timeout=120)


def test_workers_are_tried_and_one_number_is_recommended(bin, origin, tmp_path):
    lasting = picture(pictures.jpeg(160, 120), Cache_Control="max-age=1000")
    urls = tmp_path / "urls.txt"
    urls.write_text(f"# ours\n\n{origin.serve('/a.jpg', lasting)}\n  {origin.serve('/b.jpg', lasting)}  \n")
    svg, figures = tmp_path / "new" / "plot.svg", tmp_path / "figures.json"
    done = run("tune_workers.py", "--bin", bin, "--workers", 2, "--seconds", 0.5, "--urls", urls, "--svg", svg, "--json",
               figures)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert {seen.target for seen in origin.requests} == {"/a.jpg", "/b.jpg"}, "pictures of the list, and no others"

    table = re.findall(r"^ +(\d+) +([\d.]+) +([\d.]+) +([\d.]+)$", done.stdout.split("scv")[0].split("recommended")[0], re.M)
    rows = [row for row in table[:2]]
    assert [row[0] for row in rows] == ["1", "2"], done.stdout
    for row, figure in zip(rows, found["sweep"]):
        assert row[1:] == tuple(f"{figure[name]:.1f}" for name in ("throughput", "p50", "p99")), done.stdout
        assert figure["throughput"] > 0 and 0 < figure["p50"] <= figure["p99"] and figure["refused"] == 0
    best = max(row["throughput"] for row in found["sweep"])
    assert found["advised"] == min(row["workers"] for row in found["sweep"] if row["throughput"] >= 0.95 * best)
    assert f"-workers {found['advised']}: " in done.stdout
    # What the model foretells is printed beside what was measured, at four loads that become heavier.
    assert [row["load"] for row in found["model"]] == [0.3, 0.5, 0.7, 0.85]
    assert all(row["foretold"] > 0 and row["measured"] > 0 and row["service"] > 0 for row in found["model"])

    root = xml.fromstring(svg.read_text())
    bars = [one for one in root.iter("{http://www.w3.org/2000/svg}rect") if one.get("x")]
    dark = [index for index, bar in enumerate(bars, 1) if bar.get("fill") == "#4a7ab5"]
    assert len(bars) == 2 and dark == [found["advised"]]
    tallest = max(range(2), key=lambda index: float(bars[index].get("height")))
    assert found["sweep"][tallest]["throughput"] == best
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 2


def test_what_cannot_be_measured_is_said(bin, origin, tmp_path):
    urls = tmp_path / "urls.txt"
    for text, said in (("# nothing\n", "has no URL in it"), (origin.url("/missing.jpg"), "is answered 404")):
        urls.write_text(text)
        done = run("tune_workers.py", "--bin", bin, "--workers", 1, "--seconds", 0.1, "--urls", urls)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize("throughputs, workers", [
    ([10], 1), ([10, 19, 20, 20], 2), ([10, 18.9, 20, 20], 3), ([10, 10.5, 10.2], 1), ([10, 20, 30, 40], 4),
    ([40, 30, 20], 1),
])
def test_the_fewest_that_are_as_good_are_recommended(throughputs, workers):
    rows = [dict(workers=number, throughput=value) for number, value in enumerate(throughputs, 1)]
    assert tune_workers.fewest(rows) == workers


@pytest.mark.parametrize("servers, load, scv, wait", [
    # M/M/1 and M/D/1 (Pollaczek and Khinchine), M/M/2 and M/M/3 by Erlang's formula on paper.
    (1, 0.5, 1, 1), (1, 0.8, 1, 4), (1, 0.8, 0, 2), (2, 1, 1, 1 / 3), (3, 2, 1, 4 / 9), (2, 1, 3, 2 / 3),
])
def test_the_models_wait_is_that_of_the_books(servers, load, scv, wait):
    assert queueing.mean_wait(load / 0.02, servers, 0.02, scv) == pytest.approx(wait * 0.02)


def test_too_few_workers_wait_forever():
    assert queueing.mean_wait(100, 2, 0.02, 1) == math.inf
    # Hundreds of workers are no more than arithmetic.
    assert 0 < queueing.mean_wait(40_000, 1000, 0.02, 1) < 1e-3


COSTS = plan_capacity.Costs(front_hit=1e-4, front_miss=1e-3, redis_hit=2e-5, redis_miss=1e-4, redis_told=1e-6,
                            bytes_hit=2e4, bytes_miss=3e5, bytes_told=1e2, variant=2e4, original=3e5)


def planned(rate=1000, hits=0.9, machines=None, costs=COSTS, cores=8):
    return plan_capacity.plan(rate, hits, 0.02, 1, cores, costs, machines)


def test_a_plan_has_enough_of_everything():
    plan = planned()
    # 100 misses of 20 ms keep two workers busy, which is four fifths of two and a half.
    assert plan.machines == 1 and plan.workers == 3 and plan.workers_busy == pytest.approx(2)
    assert plan.wait <= 0.02
    assert plan.redis_load == pytest.approx(900 * 2e-5 + 100 * 1e-4) and plan.redis_servers == 1
    assert plan.redis_bytes == pytest.approx(900 * 2e4 + 100 * 3e5)
    # What does not fit into one machine is spread.
    many = planned(rate=10_000)
    assert many.machines > 2 and many.workers + many.fronts <= 8 + 1


def test_a_hundred_machines_hear_of_each_others_fills():
    alone, many = planned(rate=20_000, machines=1, cores=999), planned(rate=20_000, machines=100)
    assert many.redis_load - alone.redis_load == pytest.approx(2000 * 99 * 1e-6)
    # One Redis is full at four fifths of a core, or of its network.
    assert planned(rate=100_000, machines=100).redis_servers > 1


def test_a_plan_is_printed(tmp_path):
    costs = tmp_path / "costs.json"
    costs.write_text(json.dumps(vars(COSTS)))
    done = run("plan_capacity.py", "--rate", 1000, "--machines", 100, "--costs", costs)
    assert done.returncode == 0, done.stderr
    assert [row for row in re.findall(r"^ *(\d+) +\d+ +\d+%", done.stdout, re.M)] == ["1", "100"], done.stdout
    costs.write_text("{}")
    done = run("plan_capacity.py", "--rate", 1000, "--costs", costs)
    assert done.returncode == 1 and done.stderr.startswith("error: "), done.stderr
    assert run("plan_capacity.py", "--rate", 0).returncode == 2
    # The script does the same, and needs nothing but Python for it.
    script = subprocess.run([str(BENCHMARKS.parents[1] / "scripts/plan-capacity"), "--rate", "1000"], capture_output=True,
                            text=True, timeout=60)
    assert script.returncode == 0 and "mean wait" in script.stdout, script.stderr
