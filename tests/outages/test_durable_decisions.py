"""Decisions while PostgreSQL hangs: a durable one is waited for half a second, and none is lost when a process ends."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.builders import wait_until
from tests.outages.callers import Bot
from tests.outages.deployment import Deployment

WAITS, AT_ONCE = 30, 4
LONGEST = 1.0  # seconds: half a second, and as much again for a busy machine


def test_a_durable_wait_ends_in_time(deployment: Deployment, bot: Bot) -> None:
    def waited(_: int) -> tuple[float, bool]:
        started = time.monotonic()
        answer = bot.ask(durable=True)
        return time.monotonic() - started, answer["durable"]

    with deployment.frozen("postgresql"), ThreadPoolExecutor(AT_ONCE) as callers:
        found = list(callers.map(waited, range(WAITS)))

    assert {is_durable for _, is_durable in found} == {False}
    assert max(seconds for seconds, _ in found) < LONGEST
    wait_until(lambda: _stored(deployment) >= set(bot.decisions), "every decision to be written")


def test_a_process_that_is_told_to_end_leaves_its_decisions_to_the_next(deployment: Deployment, bot: Bot) -> None:
    with deployment.frozen("postgresql"):
        for _ in range(20):
            bot.ask()
        deployment.stop("web")

    deployment.start("web")

    wait_until(lambda: _stored(deployment) >= set(bot.decisions), "every decision to be written", seconds=60)


def _stored(deployment: Deployment) -> set[str]:
    return {row[0] for row in deployment.query("SELECT decision_id::text FROM telemetry_decision")}
