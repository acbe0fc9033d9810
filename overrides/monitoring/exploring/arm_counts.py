"""Count the answers that could have been explored and were not, because nothing named their position or admitted it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import SERVED

DAYS = 30
MOST_ANSWERS = 20_000  # newest answers of the module that are looked through
COUNTS = """
WITH newest AS (
    SELECT request FROM telemetry_decision
    WHERE module = %s AND mode = 'on' AND reason = ANY(%s) AND action_category = ANY(%s) AND at > %s AND at <= %s
    ORDER BY decision_id DESC LIMIT %s
)
SELECT count(*), count(*) FILTER (WHERE NOT request ? 'position_key'),
    count(*) FILTER (WHERE EXISTS (
        SELECT FROM jsonb_each(coalesce(request -> 'arms', '{}')) AS each WHERE each.value ->> 'spent' IS NULL
        AND (each.value ->> 'share_draw')::float8 < (each.value ->> 'share_percent')::float8
    ))
FROM newest
"""


@dataclass(frozen=True)
class ArmCounts:
    """Served answers of the actions of some levers in the last days.

    `keyless` of them named no position; for `unasked` the database could not be asked, keeps another draw, or knows
    that the position has closed.
    """

    answers: int
    keyless: int
    unasked: int
    days: int = DAYS

    @property
    def is_cut(self) -> bool:
        """Whether there were more answers than were looked through."""
        return self.answers == MOST_ANSWERS


def arm_counts(module: str, levers: Collection[str], at: datetime) -> ArmCounts:
    """Return the counts of a module's newest answers to actions that have one of these levers, in one query."""
    categories = sorted({category for lever in levers for category in LEVERS[lever].categories})
    served = [reason.value for reason in SERVED]
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [module, served, categories, at - timedelta(days=DAYS), at, MOST_ANSWERS])
        return ArmCounts(*cursor.fetchone())
