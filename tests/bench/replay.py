"""How fast logged decisions replay, from rows in the database to differences: an eventful time of nine periods."""

from __future__ import annotations

import sys
from datetime import timedelta

from overrides.core.monitoring.replaying.json_diff import Difference
from overrides.monitoring.replaying.replay import Choice, replay
from telemetry.models import Decision
from tests.bench.report import figure, scratch_database, timed
from tests.builders import NOW
from tests.overrides.eventful import run_periods

DECISIONS = 10_000
OVERRIDES = 60


def run(decisions: int = DECISIONS, overrides: int = OVERRIDES) -> None:
    stored = run_periods(decisions, overrides)
    found: list[Difference] = []
    taken = timed(lambda: replay(Choice(), now=NOW + timedelta(days=90), on_difference=found.append))

    versions = Decision.objects.values("module", "version").distinct().count()
    of = {"decisions": stored, "versions": versions, "differences": len(found)}
    figure("replay", "rate_wall", stored / taken.wall, "decisions/s", **of)
    figure("replay", "rate_cpu", stored / taken.cpu, "decisions/s", **of)
    if found:
        raise AssertionError(f"{len(found)} differences: {'; '.join(map(str, found[:3]))}")


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
