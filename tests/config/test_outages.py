"""PostgreSQL and the queue stop, die and come back under a deployment that goes on answering."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any

import pytest

from telemetry.core.canonical import utc_text
from tests.builders import KEY, SCOPE, trade_payload, until
from tests.config.deployment import MAX_STALE_SECONDS, Deployment, Reply, deployed

QUESTION = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
ONE_STEP, NEUTRAL = 1.02, 1.0
AT_ONCE = 5.0  # seconds, for what must not wait for a server that is away; generous to a busy machine


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed() as deployment:
        until(lambda: is_whole(deployment), "the deployment to come up", seconds=60)
        yield deployment


def is_whole(deployment: Deployment) -> bool:
    """Levers are fresh, both servers are seen, the worker works off what the beat sends."""
    try:
        health = deployment.ask("GET", "/readyz").json
        answer = resolve(deployment)
    except (OSError, HTTPException):
        return False
    is_working = any(line.get("task") for line in deployment.log("worker"))
    return (health["postgresql"], health["queue"], answer["flags"], is_working) == ("ok", "ok", ["STEP_LIMITED"], True)


def resolve(deployment: Deployment) -> dict[str, Any]:
    reply = deployment.ask("POST", "/api/v1/levers/resolve/", QUESTION)
    assert (reply.status, reply.seconds < AT_ONCE) == (200, True), (reply.body, reply.seconds)
    answer: dict[str, Any] = reply.json
    return answer


def record(deployment: Deployment, name: str, **headers: str) -> Reply:
    """Record a trade that closed now, and names a decision nobody has made."""
    now = utc_text(datetime.now(UTC) - timedelta(minutes=1))
    trade = trade_payload(name, opened_at=now, closed_at=now)
    trade["actions"][0] |= {"at": now}
    return deployment.ask("POST", "/api/v1/trades/", trade, **headers)


def resolve_until(
    deployment: Deployment, holds: Callable[[dict[str, Any]], bool], seconds: float
) -> list[dict[str, Any]]:
    """Keep asking for levers, each time answered 200 and at once, until the answer is as wanted; all answers."""
    answers: list[dict[str, Any]] = []
    deadline = time.monotonic() + seconds
    while not answers or not holds(answers[-1]):
        assert time.monotonic() < deadline, answers[-1]
        answers.append(resolve(deployment))
        time.sleep(0.1)
    return answers


def is_flagged(answer: dict[str, Any]) -> bool:
    return "STALE_VERSION" in answer["flags"]


def is_neutral(answer: dict[str, Any]) -> bool:
    return bool(answer["reason"] == "STALE")


def size(answer: dict[str, Any]) -> float:
    value: float = answer["levers"]["size_mult"]
    return value


def stored(deployment: Deployment) -> set[str]:
    return {str(row[0]) for row in deployment.rows("SELECT decision_id FROM telemetry_decision")}


class TestWhole:
    def test_is_well(self, deployment: Deployment) -> None:
        health = deployment.ask("GET", "/readyz")

        assert (health.status, health.json["migrations_unapplied"]) == (200, 0)
        assert {name: engine["status"] for name, engine in health.json["engines"].items()} == {"dm": "ok", "pm": "ok"}
        assert health.json["engines"]["pm"]["version"] == 1

    def test_works_on_new_trades_within_seconds(self, deployment: Deployment) -> None:
        assert record(deployment, "first", **{"X-Request-ID": "outage-first"}).json["results"][0]["status"] == "new"

        until(lambda: not deployment.rows("SELECT FROM telemetry_dirtygroup"), "the trade to be aggregated", seconds=30)
        done = [line for line in deployment.log("worker") if line.get("task") == "learning.aggregate_soon"]
        assert {line["request_id"] for line in done} == {"outage-first"}


class TestQueueAway:
    def test_loses_nothing_and_stops_nobody(self, deployment: Deployment) -> None:
        deployment.kill("valkey")

        assert record(deployment, "during", **{"X-Request-ID": "outage-during"}).json["results"][0]["status"] == "new"
        again = record(deployment, "during too")
        assert (again.json["results"][0]["status"], again.seconds < AT_ONCE) == ("new", True)
        assert size(resolve(deployment)) == ONE_STEP
        assert deployment.ask("GET", "/admin/").status == 200
        health = deployment.ask("GET", "/readyz")
        assert (health.status, health.json["status"], health.json["queue"]) == (200, "degraded", "down")
        assert health.seconds < AT_ONCE
        waiting = "SELECT task, attempts, request_id FROM telemetry_outboxmessage WHERE sent_at IS NULL ORDER BY id"
        assert deployment.rows(waiting) == [
            ("learning.aggregate_soon", 1, "outage-during"),  # tried once: then the queue is known to be away
            ("learning.aggregate_soon", 0, "outage-during"),
            ("telemetry.attribute_soon", 0, "outage-during"),
        ]

        deployment.start("valkey")
        deployment.deliver("telemetry.send_outbox", now=(datetime.now(UTC) + timedelta(minutes=2)).isoformat())

        until(lambda: not deployment.rows(waiting), "the outbox to be sent", seconds=40)
        until(lambda: not deployment.rows("SELECT FROM telemetry_dirtygroup"), "the work to be caught up", seconds=40)
        done = [
            line["request_id"] for line in deployment.log("worker") if line.get("task") == "learning.aggregate_soon"
        ]
        assert done[-1] == "outage-during"

    def test_leaves_the_beat_ticking(self, deployment: Deployment) -> None:
        since = utc_text(datetime.now(UTC))

        def ticks() -> bool:
            lines = deployment.log("worker")
            return any(each.get("task") == "overrides.publish_due" and each["timestamp"] > since for each in lines)

        until(ticks, "the beat to send and the worker to take", seconds=40)


class TestDatabaseAway:
    def test_is_bridged_from_memory_then_neutral_then_as_before(self, deployment: Deployment) -> None:
        deployment.stop("postgresql")
        answers = resolve_until(deployment, is_flagged, seconds=8)
        assert {(size(each), each["version"], each["reason"]) for each in answers} == {(ONE_STEP, 1, "SINGLE")}

        self.refuses_calmly(deployment)

        answers += resolve_until(deployment, is_neutral, seconds=MAX_STALE_SECONDS + 3)
        assert size(answers[-1]) == NEUTRAL
        health = deployment.ask("GET", "/readyz")
        assert (health.status, health.json["status"], health.json["postgresql"]) == (503, "down", "down")
        assert health.json["engines"]["pm"]["status"] == "expired"
        assert health.json["decisions_waiting"] == len(answers)

        deployment.start("postgresql")
        answers += resolve_until(deployment, lambda each: not is_flagged(each), seconds=10)
        assert size(answers[-1]) == ONE_STEP
        until(lambda: {each["decision_id"] for each in answers} <= stored(deployment), "every decision to be written")
        assert record(deployment, "after").json["results"][0]["status"] == "new"
        assert deployment.ask("GET", "/admin/").status == 200
        until(lambda: is_whole(deployment), "the deployment to be whole")

    @staticmethod
    def refuses_calmly(deployment: Deployment) -> None:
        """What needs the database says so at once, and when to come again."""
        trade = record(deployment, "refused")
        assert (trade.status, trade.headers["content-type"]) == (503, "application/problem+json")
        assert (trade.headers["retry-after"], "away" in trade.json["detail"]) == ("5", True)
        page = deployment.ask("GET", "/admin/")
        assert (page.status, page.headers["retry-after"]) == (503, "5")
        assert b"Back in a moment" in page.body
        assert b"Traceback" not in page.body
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert (deployment.ask("GET", "/healthz").status, deployment.ask("GET", "/readyz").status) == (200, 503)
        assert max(trade.seconds, page.seconds, deployment.ask("GET", "/readyz").seconds) < AT_ONCE

    def test_is_no_matter_when_it_is_killed_and_back_soon(self, deployment: Deployment) -> None:
        """A restart nobody notices: stale connections are dropped before they are used."""
        before = resolve(deployment)
        deployment.kill("postgresql")
        during = resolve(deployment)
        deployment.start("postgresql")

        assert (size(before), size(during)) == (ONE_STEP, ONE_STEP)
        assert [record(deployment, f"killed {n}").status for n in range(4)] == [200] * 4
        assert [deployment.ask("GET", "/admin/").status for _ in range(4)] == [200] * 4
        decisions = {before["decision_id"], during["decision_id"]}
        until(lambda: decisions <= stored(deployment), "both decisions to be written")
        until(lambda: is_whole(deployment), "the deployment to be whole")


class TestLogs:
    def test_have_a_line_for_each_request(self, deployment: Deployment) -> None:
        reply = deployment.ask("GET", "/healthz", **{"X-Request-ID": "outage-log"})

        assert reply.headers["x-request-id"] == "outage-log"
        until(lambda: any(line.get("request_id") == "outage-log" for line in deployment.log("web")), "the line")
        (line,) = [line for line in deployment.log("web") if line.get("request_id") == "outage-log"]
        assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "GET", "/healthz", 200)

    def test_name_the_key_but_never_tell_it(self, deployment: Deployment) -> None:
        prefix = deployment.key.split("_")[1]
        everything = "".join((deployment.home / f"{name}.out").read_text() for name in ("web", "worker", "beat"))

        assert any(line.get("who") == f"key:{prefix}" for line in deployment.log("web"))
        for secret in (deployment.key, deployment.session, *deployment.passwords.values()):
            assert secret not in everything

    def test_of_an_outage_hold_no_traceback(self, deployment: Deployment) -> None:
        """The web process knew all along what had happened."""
        assert [json.dumps(line)[:300] for line in deployment.log("web") if "exception" in line] == []
