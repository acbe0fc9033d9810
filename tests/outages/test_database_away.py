"""PostgreSQL unreachable: levers continue, then turn neutral; all else reports it, and everything recovers."""

from __future__ import annotations

import os
import signal
import time
from itertools import groupby
from typing import Any

import pytest

from tests.builders import wait_until
from tests.outages.callers import STEP, Bot, Reviewer, answers_of_all, closed_trade
from tests.outages.deployment import MAX_STALE_SECONDS, PROCESSES, Deployment

SOON = 5.0  # seconds within which a bot gets its levers, whatever hangs
SERVED = (STEP, "SINGLE", False)
FLAGGED = (STEP, "SINGLE", True)
NEUTRAL = (1.0, "STALE", True)

Phase = tuple[float, str, bool]


def test_levers_go_on_flagged_then_neutral_and_return_by_themselves(
    deployment: Deployment, bot: Bot, reader: Bot, reviewer: Reviewer
) -> None:
    pids = {name: deployment.children[name].pid for name in PROCESSES}
    web = deployment.web_processes()
    assert reader.call("GET", "/api/v1/trades/").status == 200

    deployment.stop("postgresql")
    phases = _phases(bot, until_seen=NEUTRAL)
    _everything_else_says_so(bot, reader, reviewer)
    deployment.start("postgresql")
    phases += _phases(bot, until_seen=SERVED)

    assert [phase for phase, _ in groupby(phases)] == [SERVED, FLAGGED, NEUTRAL, SERVED]
    wait_until(lambda: bot.call("GET", "/readyz").status == 200, "PostgreSQL to be seen again")
    assert reader.call("GET", "/api/v1/trades/").status == 200
    assert reviewer.open_page("/admin/").status == 200
    _every_decision_is_written_once(deployment, bot)
    assert {name: deployment.children[name].pid for name in PROCESSES} == pids
    assert deployment.web_processes() == web


def test_what_was_answered_for_survives_a_crash(deployment: Deployment, bot: Bot) -> None:
    promised = [bot.ask(durable=True)["decision_id"] for _ in range(5)]
    traded = closed_trade()
    assert bot.record(traded).status == 200

    deployment.kill("postgresql")
    assert bot.ask(timeout=SOON)["levers"]["size_mult"] == STEP
    assert bot.ask(timeout=SOON, durable=True)["durable"] is False
    deployment.start("postgresql")

    assert _stored(deployment) >= set(promised)
    wait_until(lambda: bot.record(traded).status == 200, "trades to be taken again")
    assert bot.record(traded).body["results"][0]["status"] == "unchanged"
    _every_decision_is_written_once(deployment, bot)
    wait_until(
        lambda: deployment.query("SELECT 1 FROM telemetry_dirtygroup") == [], "the worker to work on", seconds=90
    )


def test_a_database_that_hangs_holds_up_no_levers(deployment: Deployment, bot: Bot) -> None:
    bot.ask()

    with deployment.frozen("postgresql"):
        phases = _phases(bot, until_seen=NEUTRAL)
        healthy, ready = bot.call("GET", "/healthz", timeout=SOON), bot.call("GET", "/readyz", timeout=SOON)
    phases += _phases(bot, until_seen=SERVED)

    assert [phase for phase, _ in groupby(phases)] == [SERVED, FLAGGED, NEUTRAL, SERVED]
    assert (healthy.status, ready.status, ready.body["postgresql"]) == (200, 503, "down")
    _every_decision_is_written_once(deployment, bot)


def test_a_process_that_starts_without_it_leaves_the_answers_to_the_other(deployment: Deployment, bot: Bot) -> None:
    def starts_in_vain() -> int:
        return sum(line["event"].startswith("engines wait for the database") for line in deployment.log("web"))

    before = starts_in_vain()
    deployment.stop("postgresql")
    os.kill(min(deployment.web_processes()), signal.SIGKILL)
    deadline, left = time.monotonic() + 60, 20
    while left:
        assert time.monotonic() < deadline, "the killed process was not replaced"
        bot.ask(timeout=SOON)  # anything but 200 fails
        left -= starts_in_vain() > before
        time.sleep(0.1)
    deployment.start("postgresql")

    wait_until(lambda: len(answers_of_all(deployment, bot)) == 2, "the new process to answer", seconds=60)


@pytest.fixture(autouse=True)
def all_is_fresh(deployment: Deployment, bot: Bot) -> None:
    """Each of the web processes serves the version."""
    wait_until(
        lambda: {_phase(answer) for answer in answers_of_all(deployment, bot)} == {SERVED},
        "every process to serve the version",
    )


def _phases(bot: Bot, *, until_seen: Phase) -> list[Phase]:
    """Return the sequence of answers, asked ten times a second, until both processes give the last one.

    The processes polled PostgreSQL at different times, so for a moment their answers alternate: only the first
    occurrence of an answer is recorded.
    """
    order = [SERVED, FLAGGED, NEUTRAL]
    observed: list[Phase] = []
    deadline = time.monotonic() + MAX_STALE_SECONDS + 30
    last = 0
    while last < 8:
        assert time.monotonic() < deadline, f"{until_seen} was not seen: {list(groupby(observed))}"
        phase = _phase(bot.ask(timeout=SOON))
        is_new = not observed or (
            order.index(phase) > order.index(observed[-1]) if until_seen == NEUTRAL else phase == until_seen
        )
        observed.append(phase if is_new else observed[-1])
        last = last + 1 if phase == until_seen else 0
        time.sleep(0.1)
    return observed


def _phase(answer: dict[str, Any]) -> Phase:
    return answer["levers"]["size_mult"], answer["reason"], "STALE_VERSION" in answer["flags"]


def _everything_else_says_so(bot: Bot, reader: Bot, reviewer: Reviewer) -> None:
    for reply in (reader.call("GET", "/api/v1/trades/"), bot.record(closed_trade()), bot.call("GET", "/api/v1/modes/")):
        assert (reply.status, reply.headers["Content-Type"]) == (503, "application/problem+json"), reply.text
        assert (reply.headers["Retry-After"], "database is away" in reply.body["detail"]) == ("5", True)
    page = reviewer.open_page("/admin/")
    assert (page.status, page.headers["Retry-After"], "Back in a moment" in page.text) == (503, "5", True)
    report = bot.call("GET", "/readyz")
    assert (report.status, report.body["status"], report.body["postgresql"]) == (503, "down", "down")
    assert report.body["engines"]["pm"]["status"] == "expired"
    assert report.body["decisions_waiting"] > 0
    assert bot.call("GET", "/healthz").body == {"status": "ok"}


def _stored(deployment: Deployment) -> set[str]:
    return {row[0] for row in deployment.query("SELECT decision_id::text FROM telemetry_decision")}


def _every_decision_is_written_once(deployment: Deployment, bot: Bot) -> None:
    """The decision's id is the key of its row, so that a second one cannot be."""
    wait_until(lambda: _stored(deployment) >= set(bot.decisions), "every decision to be written")
    assert len(set(bot.decisions)) == len(bot.decisions)
