"""Alert rules and dashboard: their own tools accept them, and they read only what `/metrics` answers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from prometheus_client import Metric

from config.operations import database_metrics
from overrides.api.ofrep_urls import urlpatterns as ofrep_patterns
from overrides.api.urls import urlpatterns as api_patterns
from overrides.core.engine.definitions.vocabulary import Reason
from overrides.serving.answer_metrics import DRY, RESOLVE
from telemetry.decisions.decision_queue import OUTCOMES
from telemetry.foundation.metrics import REGISTRY

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
RULES, TESTS = DEPLOY / "prometheus" / "alerts.yml", DEPLOY / "prometheus" / "alerts_test.yml"
DASHBOARD = DEPLOY / "grafana" / "counterweight.json"
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
OF_PROMETHEUS = {"instance", "job", "pid", "le"}  # labels that a scrape, several processes or a histogram add


@pytest.fixture(scope="module")
def answered(django_db_setup: None, django_db_blocker: Any) -> list[Metric]:
    """Every family that /metrics can answer."""
    with django_db_blocker.unblock(), patch.object(connection, "close"):
        read = [*database_metrics._read_postgresql(), *database_metrics._read_queues()]
    up = [database_metrics._gauge(name, "", {(): 1.0}) for name in ("database_up", "queue_up")]
    return [*REGISTRY.collect(), *read, *up]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    """Yield the expressions of the dashboard, and the text of the rules."""
    yield from (target["expr"] for panel in panels() for target in panel["targets"])
    yield RULES.read_text()


def test_every_metric_that_they_read_is_answered(answered: list[Metric]) -> None:
    known = {family.name + suffix for family in answered for suffix in SUFFIXES[family.type]}

    read = {name for text in expressions() for name in re.findall(r"\bcounterweight_[a-z_]+", text)}

    assert len(read) > 15
    assert read <= known


def test_every_label_that_they_read_is_answered() -> None:
    labels = {
        label for metric in REGISTRY._names_to_collectors.values() for label in getattr(metric, "_labelnames", ())
    }
    labels |= {"name", "check", "queue", "kind"} | OF_PROMETHEUS
    read: set[str] = set()
    for text in expressions():
        read |= {each.strip() for group in re.findall(r"by \(([^)]*)\)", text) for each in group.split(",")}
        read |= set(re.findall(r"[{,]\s*([a-z]+)(?:!=|=~?)\"", text))

    assert read <= labels


def test_every_value_of_a_label_that_they_name_is_one_that_it_takes() -> None:
    routes = {each.name for each in api_patterns + ofrep_patterns} | {RESOLVE, DRY}
    taken: dict[str, set[Any]] = {"route": routes, "reason": set(Reason), "outcome": set(OUTCOMES)}
    matcher = re.compile(r'\b(route|reason|outcome)(?:!=|=~?)"([^"]+)"')
    named = [each for text in expressions() for each in matcher.findall(text)]

    assert {label for label, _ in named} == set(taken)
    for label, values in named:
        for value in values.split("|"):
            assert any(re.fullmatch(value, str(each)) for each in taken[label]), f"{label} {value}"


def test_the_exposure_of_an_answer_is_divided_by_answers_that_serve_some() -> None:
    (served,) = [each for each in expressions() if "exposure_raised" in each]

    assert '/ sum by (module) (rate(counterweight_answers_total{route!="dry"}[1h]))' in served


def test_alert_rules_pass_the_tests_that_lie_beside_them() -> None:
    if not (promtool := shutil.which("promtool")):
        pytest.skip("promtool is not installed; it comes with Debian's package prometheus")

    for arguments in (["check", "rules", RULES.name], ["test", "rules", TESTS.name]):
        done = subprocess.run([promtool, *arguments], cwd=RULES.parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    if not (promtool := shutil.which("promtool")):
        pytest.skip("promtool is not installed; it comes with Debian's package prometheus")
    targets = [target["expr"] for panel in panels() for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(targets)]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_have_what_grafana_asks_of_them() -> None:
    document = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in document["panels"]]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in document["panels"]]

    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(document)
    assert len(set(ids)) == len(ids)
    assert len(set(places)) == len(places)
    for panel in panels():
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]


def test_every_alert_says_what_it_means_and_what_to_look_at() -> None:
    """Read as text, because nothing in the product needs YAML."""
    rules = re.split(r"\n\s+- alert: ", RULES.read_text())[1:]

    assert len(rules) > 10
    for rule in rules:
        for part in (r'summary: ".+\."', r'description: ".+\."', "severity: (critical|warning)"):
            assert re.search(part, rule), rule.splitlines()[0]
