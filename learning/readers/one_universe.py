"""Outcomes of one universe: the condition that every reader of outcomes applies, and the count of what it leaves out.

A scope that was computed over a named universe carries its label. An outcome counts if its scope carries the label of
the module's universe, or none; outcomes of two universes are never read together.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from overrides.core.engine.definitions.learned_from import LearnedFrom

# One parameter, `label_parameter`. Written so that a scope is looked into once, and that PostgreSQL expects many rows
# to pass: a bare equality would lead it to expect few, and to join them one by one.
OF_UNIVERSE = "coalesce(outcome.scope ->> 'universe' = %s, TRUE)"

LEFT_OUT = f"""
SELECT count(*) FROM telemetry_outcome AS outcome
WHERE module = %s AND book = ANY(%s) AND known_at <= %s AND NOT ({OF_UNIVERSE})
"""


def label_parameter(learned: LearnedFrom) -> str:
    """Return the label that a scope may carry, as the parameter of the condition; one without a label always counts.

    It is empty without a universe, which no scope carries: empty values of scopes are dropped where they are read.

    >>> label_parameter(LearnedFrom(("paper",), ())), label_parameter(LearnedFrom(("paper",), (), {}, "majors@e0d6"))
    ('', 'majors@e0d6')
    """
    return learned.universe or ""


def count_left_out(module: str, learned: LearnedFrom, now: datetime) -> int:
    """Return how many outcomes, known by `now` and of learned books, are left out for their universe."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_OUT, [module, list(learned.books), now, label_parameter(learned)])
        found: int = cursor.fetchone()[0]
    return found
