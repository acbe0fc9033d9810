"""Redis unreachable: nothing that a bot or a person does fails or waits for it, and missed work is made up once."""

from __future__ import annotations

import time
from typing import Any

from tests.builders import wait_until
from tests.outages.callers import ALLOCATION, STEP, Bot, Reviewer, answers_of_all, closed_trade
from tests.outages.conftest import Installation
from tests.outages.deployment import PROCESSES, Deployment

SOON = 5.0  # seconds within which everything must be answered
PATTERN = "outage.long.queue"
TASKS = {("learning.aggregate_soon",), ("learning.coefficients_soon",), ("telemetry.attribute_soon",)}
CELL = """
SELECT n, mean FROM pattern_scope_stats c JOIN learning_cellgroup g ON g.id = c.group_id
WHERE g.pattern_key = %s AND n_dims = 2
"""
NEXT_BEAT = 90.0  # the outbox is sent once a minute


def test_what_it_missed_is_made_up_for_once(
    installation: Installation, deployment: Deployment, bot: Bot, reviewer: Reviewer
) -> None:
    """Redis is stopped in order, then killed; the worker and the beat survive both."""
    pids = {name: deployment.children[name].pid for name in PROCESSES}
    decision = bot.ask(durable=True)["decision_id"]
    entry = closed_trade(decision)["actions"]
    traded = [closed_trade(pattern_key=PATTERN) for _ in range(12)]
    traded[0]["actions"] += entry

    deployment.stop("valkey")
    assert [each["status"] for each in _recorded(bot, traded[:6])] == ["new"] * 6
    assert bot.ask(timeout=SOON)["levers"]["size_mult"] == STEP
    assert _approved_and_applied(deployment, reviewer, installation.waiting_request) == "applied"
    assert set(deployment.query("SELECT task FROM telemetry_outboxmessage WHERE sent_at IS NULL")) >= TASKS
    report = bot.call("GET", "/readyz")
    assert (report.status, report.body["status"], report.body["queue"]) == (200, "degraded", "down")
    assert bot.call("GET", "/healthz").status == 200

    deployment.start("valkey")
    wait_until(lambda: bot.call("GET", "/readyz").body["queue"] == "ok", "the queue to be seen again")
    deployment.kill("valkey")
    assert [each["status"] for each in _recorded(bot, traded)] == ["unchanged"] * 6 + ["new"] * 6

    deployment.start("valkey")
    wait_until(lambda: _dirty(deployment) == 0, "the trades to be aggregated", seconds=NEXT_BEAT)
    wait_until(lambda: _pending(deployment) == 0, "the trade to be attributed")
    wait_until(lambda: _unsent(deployment) == 0, "the outbox to be empty")

    assert deployment.query(CELL, PATTERN) == [(12, 1.0)]
    outcomes = "SELECT rr FROM telemetry_decisionoutcome WHERE decision_id = %s"
    assert deployment.query(outcomes, decision) == [(1.0,)]
    shares = "SELECT count(*) FROM telemetry_attributionshare WHERE decision_id = %s"
    assert deployment.query(shares, decision) == [(1,)]
    assert {name: deployment.children[name].pid for name in PROCESSES} == pids
    assert all(deployment.children[name].poll() is None for name in PROCESSES)


def test_a_queue_that_hangs_holds_nobody_up(deployment: Deployment, bot: Bot) -> None:
    with deployment.frozen("valkey"):
        began = time.monotonic()
        assert bot.record(closed_trade()).status == 200
        assert bot.record(closed_trade()).status == 200
        assert bot.call("GET", "/readyz").body["queue"] == "down"
        assert bot.ask()["levers"]["size_mult"] == STEP
        taken = time.monotonic() - began

    assert taken < 3 * SOON


def test_a_switch_reaches_every_web_process_all_the_same(deployment: Deployment, bot: Bot, reviewer: Reviewer) -> None:
    wait_until(lambda: _reasons(deployment, bot) == {"NO_MATCH"}, "every process to serve the module")

    deployment.stop("valkey")
    page = reviewer.send("/admin/overrides/modulemode/dm/lower/", to="off", reason="odd fills")

    assert page.status == 200
    assert deployment.query("SELECT mode FROM overrides_modulemode WHERE module = 'dm'") == [("off",)]
    wait_until(lambda: _reasons(deployment, bot) == {"MODULE_OFF"}, "the switch to reach every process", SOON)


def _recorded(bot: Bot, trades: list[dict[str, Any]]) -> list[dict[str, Any]]:
    reply = bot.record(*trades, timeout=SOON)
    assert reply.status == 200, reply.text
    results: list[dict[str, Any]] = reply.body["results"]
    return results


def _approved_and_applied(deployment: Deployment, reviewer: Reviewer, request: int) -> str:
    """Return the request after a person has opened, approved and applied it."""
    page = f"/admin/overrides/changerequest/{request}"
    assert reviewer.open_page(f"{page}/change/").status == 200
    seen = deployment.query("SELECT content_hash FROM overrides_changerequest WHERE id = %s", request)[0][0]
    assert [reviewer.send(f"{page}/{step}/", seen=seen).status for step in ("approve", "apply")] == [200, 200]
    state: str = deployment.query("SELECT state FROM overrides_changerequest WHERE id = %s", request)[0][0]
    return state


def _reasons(deployment: Deployment, bot: Bot) -> set[str]:
    return {answer["reason"] for answer in answers_of_all(deployment, bot, ALLOCATION)}


def _count(deployment: Deployment, table: str, where: str = "true") -> int:
    count: int = deployment.query(f"SELECT count(*) FROM {table} WHERE {where}")[0][0]
    return count


def _dirty(deployment: Deployment) -> int:
    return _count(deployment, "telemetry_dirtygroup")


def _pending(deployment: Deployment) -> int:
    return _count(deployment, "telemetry_pendingattribution")


def _unsent(deployment: Deployment) -> int:
    return _count(deployment, "telemetry_outboxmessage", "sent_at IS NULL")
