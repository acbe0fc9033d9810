"""Find decisions by the override or line that moved them, with the index on their lines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Func, JSONField, QuerySet

from overrides.models import Line, Override
from telemetry.models import Decision

MOVED_LINES = "jsonb_path_query_array(contributions, '$[*].line')"  # must match the expression of the index
SELDOM = 2_000  # a line that moved more decisions than this is found quickly by scanning its pattern

# Materialized: otherwise PostgreSQL expects the LIMIT to stop it early, and scans the whole table.
FOUND = f"""
WITH found AS MATERIALIZED (SELECT decision_id FROM telemetry_decision WHERE {MOVED_LINES} @> to_jsonb(ARRAY[%s::text]))
SELECT decision_id FROM found LIMIT %s
"""


class Lines(Func):
    """SQL function: the lines that moved a decision."""

    template = MOVED_LINES.replace("contributions", "%(expressions)s")
    output_field = JSONField()


def moved_by_line(rows: QuerySet[Decision], line: Line) -> QuerySet[Decision]:
    """Return the decisions among `rows` that the line moved."""
    keys = _seldom(line)
    if keys is not None:
        return rows.filter(pk__in=keys)
    moved: Any = [line.pk]
    return _of_its_pattern(rows, line).alias(lines=Lines("contributions")).filter(lines__contains=moved)


def moved_by_override(rows: QuerySet[Decision], override: Override) -> QuerySet[Decision]:
    """Return the decisions among `rows` that this override moved."""
    keys = _seldom(override.line)
    near = _of_its_pattern(rows, override.line) if keys is None else rows.filter(pk__in=keys)
    return near.filter(contributions__contains=[{"id": override.pk}])


def moved_by(rows: QuerySet[Decision], identity: str) -> QuerySet[Decision]:
    """Return the decisions among `rows` moved by the override or line with this id; none for an unknown id."""
    override = Override.objects.select_related("line").filter(pk=identity).first()
    if override is not None:
        return moved_by_override(rows, override)
    line = Line.objects.filter(pk=identity).first()
    return rows.none() if line is None else moved_by_line(rows, line)


def _seldom(line: Line) -> list[UUID] | None:
    """Return the ids of the decisions that the line moved; None if there are more than SELDOM."""
    with connection.cursor() as cursor:
        cursor.execute(FOUND, [line.pk, SELDOM + 1])
        keys = [key for (key,) in cursor.fetchall()]
    return keys if len(keys) <= SELDOM else None


def _of_its_pattern(rows: QuerySet[Decision], line: Line) -> QuerySet[Decision]:
    """Return the decisions that the line can have moved, by the index on patterns, in the order of the list."""
    return rows.filter(pattern_key=line.pattern_key, action_category=line.action_category)
