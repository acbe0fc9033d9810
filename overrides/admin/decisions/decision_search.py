"""Decisions by the override or line that moved them, from the index on their lines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Func, JSONField, QuerySet

from overrides.models import Line, Override
from telemetry.models import Decision

MOVED_LINES = "jsonb_path_query_array(contributions, '$[*].line')"  # as the index spells it
SELDOM = 2_000  # decisions that are found one by one; a line that moved more is found soon wherever one looks

# Materialized, so that PostgreSQL does not reckon with stopping early and read the whole table in the hope of it.
FOUND = f"""
WITH found AS MATERIALIZED (SELECT decision_id FROM telemetry_decision WHERE {MOVED_LINES} @> to_jsonb(ARRAY[%s::text]))
SELECT decision_id FROM found LIMIT %s
"""


class Lines(Func):
    """The lines that moved a decision."""

    template = MOVED_LINES.replace("contributions", "%(expressions)s")
    output_field = JSONField()


def moved_by_line(rows: QuerySet[Decision], line: Line) -> QuerySet[Decision]:
    """Those of `rows` that the line moved."""
    keys = _seldom(line)
    if keys is not None:
        return rows.filter(pk__in=keys)
    moved: Any = [line.pk]
    return _of_its_pattern(rows, line).alias(lines=Lines("contributions")).filter(lines__contains=moved)


def moved_by_override(rows: QuerySet[Decision], override: Override) -> QuerySet[Decision]:
    """Those of `rows` that this revision of its line moved."""
    keys = _seldom(override.line)
    near = _of_its_pattern(rows, override.line) if keys is None else rows.filter(pk__in=keys)
    return near.filter(contributions__contains=[{"id": override.pk}])


def moved_by(rows: QuerySet[Decision], identity: str) -> QuerySet[Decision]:
    """Those of `rows` moved by the override or line of this id; none where there is neither."""
    override = Override.objects.select_related("line").filter(pk=identity).first()
    if override is not None:
        return moved_by_override(rows, override)
    line = Line.objects.filter(pk=identity).first()
    return rows.none() if line is None else moved_by_line(rows, line)


def _seldom(line: Line) -> list[UUID] | None:
    """The decisions the line moved; None if they are too many to name."""
    with connection.cursor() as cursor:
        cursor.execute(FOUND, [line.pk, SELDOM + 1])
        keys = [key for (key,) in cursor.fetchall()]
    return keys if len(keys) <= SELDOM else None


def _of_its_pattern(rows: QuerySet[Decision], line: Line) -> QuerySet[Decision]:
    """Where the line can have moved something: in the order of the list, by the index on patterns."""
    return rows.filter(pattern_key=line.pattern_key, action_category=line.action_category)
