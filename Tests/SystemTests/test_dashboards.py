# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules speak of nothing but what a front tells."""

import json
import re
from pathlib import Path

import pytest

import client
import pictures
import processes
from front import LOCAL
from origin import picture

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus/alerts.yml"

#: Prometheus' own, which every series it reads has, and what it says about reading.
EVERYWHERE = {"job", "instance"}
OF_PROMETHEUS = {"up": [{}]}

GROUPING = re.compile(r"\b(by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"(?<![\w$\"])([a-z_][a-z0-9_]*)\s*(\{[^}]*\})?(?!\s*\(|[\w{])")
MATCHER = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
WORDS = {"and", "or", "unless", "bool", "offset"}


def dashboard():
    """Title, expression and legend of every query."""
    board = json.loads((DEPLOY / "grafana/imageproxy.json").read_text())
    for panel in board["panels"]:
        for query in panel.get("targets", []):
            yield f"dashboard, {panel['title']}", query["expr"], re.findall(r"\{\{(\w+)\}\}", query["legendFormat"])


def rules():
    """The same of the alerts. Only what this file is written in is read, which is less than YAML."""
    for rule in re.split(r"\n      - alert: ", RULES.read_text())[1:]:
        expression = re.search(r"\n        expr: (?:>\n((?:          .*\n)+)|(.*)\n)", rule)
        yield (f"alert, {rule.splitlines()[0]}", " ".join((expression[1] or expression[2]).split()),
               re.findall(r"\$labels\.(\w+)", rule))


def series(page):
    """Label sets by metric."""
    found = {}
    for line in page.splitlines():
        if not line.startswith("#"):
            name, labels = re.fullmatch(r"(\w+)(?:\{(.*)\})? \S+", line).groups()
            found.setdefault(name, []).append(dict(re.findall(r'(\w+)="([^"]*)"', labels or "")))
    return found


def selectors(expression):
    """Metrics with what is asked of their labels, and the labels that are grouped by."""
    grouped = {label.strip() for _, labels in GROUPING.findall(expression) for label in labels.split(",") if label.strip()}
    bare = re.sub(r"\[[^\]]*\]", "", GROUPING.sub(" ", expression))
    strings = [match.span() for match in re.finditer(r"\{[^}]*\}", bare)]
    chosen = []
    for match in SELECTOR.finditer(bare):
        if match[1] not in WORDS and not any(begin < match.start() < end for begin, end in strings):
            chosen.append((match[1], MATCHER.findall(match[2] or "")))
    return chosen, grouped


def faults(expression, shown, existing):
    """What is wrong with an expression; `shown` are the labels that a legend or a message uses."""
    chosen, grouped = selectors(expression)
    if not chosen:
        yield "no metric in it"
    labels = set(EVERYWHERE)
    for name, matchers in chosen:
        if name not in existing:
            yield f"no metric {name}"
            continue
        own = set().union(*existing[name])
        labels |= own
        for label, kind, value in matchers:
            if label in EVERYWHERE:
                continue
            if label not in own:
                yield f"{name} has no label {label}"
                continue
            values = {one.get(label, "") for one in existing[name]}
            for part in value.split("|") if kind in ("=~", "!~") else [re.escape(value)]:
                if not any(re.fullmatch(part, one) for one in values):
                    yield f"{name} has no {label} like {part}, but {sorted(values)}"
    for label in grouped - labels:
        yield f"grouped by {label}, which none of its metrics has"
    aggregates = re.search(r"\b(sum|min|max|count|avg)\b", expression)
    for label in set(shown) - (grouped if aggregates else labels):
        yield f"shows {label}, which is not there"


@pytest.fixture
def existing(start, origin, redis, tmp_path):
    """What a front tells that has had work of every kind."""
    admin = f"{tmp_path}/admin.sock"
    front = start(*LOCAL, "-workers", "1", "-cache", "memory", "-cache", redis.url, "-adminAddr", f"unix:{admin}")
    url = origin.serve("/a.jpg", picture(pictures.jpeg(100, 100), Cache_Control="max-age=1000"))
    assert front.get(f"/10x/{url}").status == front.get(f"/10x/{url}").status == 200

    def refuses(request):
        raise ConnectionAbortedError

    assert front.get(f"/10x/{origin.serve('/broken.jpg', refuses)}").status == 502
    page = {}

    def is_complete():
        # The worker's sandbox is known once it has said hello, and Redis once it answers.
        page.update(series(front.get("/metrics").text))
        return "imageproxy_sandbox_layer" in page and "imageproxy_cache_available" in page

    processes.wait_until(is_complete, what="all metrics")
    with client.Connection(admin) as connection:
        assert series(connection.request("/metrics").text).keys() == page.keys()
    return page | OF_PROMETHEUS


def test_dashboard_and_alerts_use_what_there_is(existing):
    queries = [*dashboard(), *rules()]
    assert len(queries) > 60
    wrong = [f"{name}: {fault}\n  {expression}"
             for name, expression, shown in queries for fault in faults(expression, shown, existing)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("expression, shown, fault", [
    ("rate(imageproxy_request_total[5m])", [], "no metric imageproxy_request_total"),
    ('sum(imageproxy_ready{status="200"})', [], "no label status"),
    ('imageproxy_errors_total{reason="overload"}', [], "no reason like overload"),
    ('imageproxy_errors_total{reason=~"overloaded|lazy"}', [], "no reason like lazy"),
    ("sum by (format) (imageproxy_ready)", [], "grouped by format"),
    ("sum by (outcome) (imageproxy_requests_total)", ["status"], "shows status"),
    ("sum(imageproxy_ready) / on () group_left () sum(imageproxy_raedy)", [], "no metric imageproxy_raedy"),
])
def test_mistakes_would_be_found(existing, expression, shown, fault):
    assert any(fault in one for one in faults(expression, shown, existing))
