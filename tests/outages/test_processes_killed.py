"""A killed web process: what it had confirmed as durable is written; at most one second of other decisions is lost."""

from __future__ import annotations

import os
import signal
import time

from tests.builders import wait_until
from tests.outages.callers import Bot
from tests.outages.deployment import Deployment, is_alive

FLUSHED_AFTER = 1.0  # seconds that a decision waits in the queue
SLACK = 1.0  # tolerance for a busy machine


def test_loses_no_durable_decision(deployment: Deployment, bot: Bot) -> None:
    for _ in range(20):
        assert bot.ask(durable=True)["durable"] is True

    _kill_web_processes(deployment)

    assert _stored(deployment) >= set(bot.decisions)


def test_loses_no_more_than_waited_for_the_next_flush(deployment: Deployment, bot: Bot) -> None:
    asked_at: dict[str, float] = {}
    deadline = time.monotonic() + 4 * FLUSHED_AFTER
    while time.monotonic() < deadline:
        asked_at[bot.ask()["decision_id"]] = time.monotonic()

    _kill_web_processes(deployment)
    killed_at = time.monotonic()

    lost = asked_at.keys() - _stored(deployment)
    assert all(killed_at - asked_at[decision] < FLUSHED_AFTER + SLACK for decision in lost)
    assert len(lost) < len(asked_at)


def test_loses_nothing_when_told_to_end(deployment: Deployment, bot: Bot) -> None:
    for _ in range(50):
        bot.ask()

    deployment.stop("web")

    assert _stored(deployment) >= set(bot.decisions)


def _kill_web_processes(deployment: Deployment) -> None:
    """Kill the processes that answer, but not the one that restarts them."""
    processes = deployment.web_processes()
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in processes), "the processes to be gone")


def _stored(deployment: Deployment) -> set[str]:
    return {row[0] for row in deployment.query("SELECT decision_id::text FROM telemetry_decision")}
