"""Read what the explored levers of a module have shown so far, by lever and alternative."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Subquery
from django.db.models.functions import TruncDate

from overrides.core.engine.definitions.arms import Arm
from overrides.core.engine.definitions.serving_mode import Mode
from overrides.core.monitoring.exploring.arm_effect import Effect, Explored, effect_of
from overrides.models import ArmOutcome
from overrides.serving.mode import mode_of

Arms = dict[tuple[str, float], list[tuple[Any, ...]]]

COUNTS = """
SELECT lever, alternative, min(drawn_at), count(*), count(*) FILTER (WHERE NOT is_admitted),
    count(*) FILTER (WHERE is_admitted AND outcome.position_id IS NULL), max(week)
FROM overrides_armposition AS position LEFT JOIN overrides_armoutcome AS outcome ON outcome.position_id = position.id
WHERE module = %s GROUP BY lever, alternative ORDER BY lever, alternative
"""
SPENT = """
SELECT lever, max(week), (array_agg(spent ORDER BY week DESC))[1], max(spent) FROM (
    SELECT lever, week, arm_spent(%s, lever, week)::float8 AS spent
    FROM (SELECT DISTINCT lever, week FROM overrides_armposition WHERE module = %s) AS weeks
) AS each GROUP BY lever
"""


@dataclass(frozen=True)
class ArmEffect:
    """What one alternative of a lever has shown in a module.

    - `arm`: what is explored of it now; None if that has ended.
    - `is_on`: whether the module is on, without which nothing is drawn.
    - `since`: when the first position was drawn; None before.
    - `drawn`: positions of the explored share; `refused` of them found no room in the budget, and `open` were admitted
      and have not closed.
    - `week`, `spent`: the newest week in which a position of the lever was drawn, and what it spent of its budget, in
      R; None before the first. `most_spent` is that of the week that spent most: losses beyond what was reserved count
      from the close on, so it may be more than a budget.
    """

    module: str
    lever: str
    alternative: float
    arm: Arm | None
    is_on: bool
    effect: Effect
    since: datetime | None
    drawn: int
    refused: int
    open: int
    week: date | None
    spent: float | None
    most_spent: float | None

    @property
    def is_running(self) -> bool:
        """Whether positions are drawn."""
        return self.arm is not None and self.is_on

    def spent_in_week_of(self, at: datetime) -> float:
        """Return what the week of `at`, from Monday 00:00 UTC on, has spent of the budget of the lever, in R."""
        today = at.astimezone(UTC).date()
        is_newest = self.week == today - timedelta(days=today.weekday())
        return self.spent if is_newest and self.spent is not None else 0.0


def arm_effects(module: str, book: str | None = None) -> list[ArmEffect]:
    """Return the effect of every alternative that is or was explored in a module, by lever and alternative.

    Over the positions of a book; None: of all but backtests. Whole UTC days before the last refresh count.
    """
    mode = mode_of(module)
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [module])
        counts = {(lever, alternative): tuple(rest) for lever, alternative, *rest in cursor.fetchall()}
    spent = _spent(module)
    outcomes = _outcomes(module, book)
    running = {(lever, arm.alternative): arm for lever, arm in mode.arms.items()}
    found = []
    for lever, alternative in sorted(running.keys() | counts.keys()):
        since, drawn, refused, still_open, _ = counts.get((lever, alternative), (None, 0, 0, 0, None))
        week, used, most = spent.get(lever, (None, None, None))
        found.append(
            ArmEffect(
                module, lever, alternative, running.get((lever, alternative)), mode.mode is Mode.ON,
                effect_of(_explored(outcomes.get((lever, alternative), []))), since, drawn, refused, still_open, week,
                used, most,
            )
        )  # fmt: skip
    return found


def _spent(module: str) -> dict[str, tuple[date, float, float]]:
    """Return, by lever, the newest week with a position drawn, what it spent, and what the dearest week did, in R."""
    with connection.cursor() as cursor:
        cursor.execute(SPENT, [module, module])
        return {lever: (week, spent, most) for lever, week, spent, most in cursor.fetchall()}


def _outcomes(module: str, book: str | None) -> Arms:
    """Return the columns of `Explored` for each lever and alternative, of whole days."""
    last = Subquery(ArmOutcome.objects.order_by("-computed_at").values("computed_at")[:1])
    rows = ArmOutcome.objects.filter(position__module=module, day__lt=TruncDate(last, tzinfo=UTC))
    if book is not None:
        rows = rows.filter(book=book)
    found: Arms = {}
    for lever, alternative, day, *columns in rows.values_list(
        "position__lever", "position__alternative", "day", "rr", "position__is_alternative", "position__probability",
        "replay_alternative", "replay_served", "took_other",
    ):  # fmt: skip
        found.setdefault((lever, alternative), []).append((day.toordinal(), *columns))
    return found


def _explored(rows: list[tuple[Any, ...]]) -> Explored:
    day, rr, is_alternative, *floats, took_other = zip(*rows, strict=True) if rows else ((),) * 7
    probability, replay_alternative, replay_served = (
        np.array([np.nan if each is None else each for each in column], np.float64) for column in floats
    )
    return Explored(
        np.array(day, np.int64), np.array(rr, np.float64), np.array(is_alternative, bool), probability,
        replay_alternative, replay_served, np.array(took_other, bool),
    )  # fmt: skip
