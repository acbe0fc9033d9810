"""Find decisions by what they say, or by the override or line that moved them, with the index on their lines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Func, JSONField, Q, QuerySet

from overrides.models import Line, Override
from telemetry.core.vocabulary import ActionCategory
from telemetry.foundation.admin.part_search import said, terms
from telemetry.models import Decision
from telemetry.models.decision_constants import keys_of_line, keys_of_override

# Decisions with a trace are found by the keys of their movers, older ones by the lines in their documents.
MOVED_LINES = "jsonb_path_query_array(contributions, '$[*].line')"  # must match the expression of the index
SELDOM = 2_000  # a line that moved more decisions than this is found quickly by scanning its pattern

# Materialized: otherwise PostgreSQL expects the LIMIT to stop it early, and scans the whole table.
FOUND = f"""
WITH found AS MATERIALIZED (
    SELECT decision_id FROM telemetry_decision WHERE movers && %s::bigint[]
    UNION ALL
    SELECT decision_id FROM telemetry_decision WHERE {MOVED_LINES} @> to_jsonb(ARRAY[%s::text])
)
SELECT decision_id FROM found LIMIT %s
"""


# Every pattern that was asked for: the smallest one after the last, each by the index of patterns.
PATTERNS = """
WITH RECURSIVE known(pattern_key) AS (
    (SELECT pattern_key FROM telemetry_decision ORDER BY pattern_key USING ~<~ LIMIT 1)
    UNION ALL
    SELECT (
        SELECT later.pattern_key FROM telemetry_decision later WHERE later.pattern_key ~>~ known.pattern_key
        ORDER BY later.pattern_key USING ~<~ LIMIT 1
    )
    FROM known WHERE known.pattern_key IS NOT NULL
)
SELECT pattern_key FROM known WHERE pattern_key IS NOT NULL
"""
NEWEST = 50_000  # decisions in whose scopes words are looked for


class Lines(Func):
    """SQL function: the lines that moved a decision."""

    template = MOVED_LINES.replace("contributions", "%(expressions)s")
    output_field = JSONField()


def found_decisions(rows: QuerySet[Decision], term: str) -> QuerySet[Decision]:
    """Return the decisions with this id, or those that say all words: in their pattern, action or scope.

    Scopes are looked at only of the newest decisions, and only for words that no pattern holds.
    """
    words = terms(term)
    if not words:
        return rows
    try:
        return rows.filter(decision_id=UUID(term.strip()))
    except ValueError:
        pass
    patterns = known_patterns()
    for word in words:
        holding = [pattern for pattern in patterns if word in pattern.upper()]
        action = next((each for each in ActionCategory if each.value.upper() == word), None)
        if action is not None:
            rows = rows.filter(action_category=action)
        elif holding:
            rows = rows.filter(pattern_key__in=holding)
        else:
            rows = _newest(rows).alias(said=said("scope")).filter(said__contains=word)
    return rows


def known_patterns() -> list[str]:
    """Return every pattern that was asked for."""
    with connection.cursor() as cursor:
        cursor.execute(PATTERNS)
        return [pattern for (pattern,) in cursor.fetchall()]


def _newest(rows: QuerySet[Decision]) -> QuerySet[Decision]:
    """Leave out all but the newest decisions."""
    newest = Decision.objects.order_by("-decision_id").values_list("decision_id", flat=True)
    oldest = next(iter(newest[NEWEST : NEWEST + 1]), None)
    return rows if oldest is None else rows.filter(decision_id__gt=oldest)


def moved_by_line(rows: QuerySet[Decision], line: Line) -> QuerySet[Decision]:
    """Return the decisions among `rows` that the line moved."""
    constants = keys_of_line(line.pk)
    keys = _seldom(line, constants)
    if keys is not None:
        return rows.filter(pk__in=keys)
    moved: Any = [line.pk]
    near = _of_its_pattern(rows, line).alias(lines=Lines("contributions"))
    return near.filter(Q(movers__overlap=constants) | Q(lines__contains=moved))


def moved_by_override(
    rows: QuerySet[Decision], override: Override, constants: list[int] | None = None
) -> QuerySet[Decision]:
    """Return the decisions among `rows` that this override moved; `constants` are its keys, if read already."""
    own = keys_of_override(override.line_id, override.pk) if constants is None else constants
    keys = _seldom(override.line, own)
    near = _of_its_pattern(rows, override.line) if keys is None else rows.filter(pk__in=keys)
    return near.filter(Q(movers__overlap=own) | Q(contributions__contains=[{"id": override.pk}]))


def moved_by(rows: QuerySet[Decision], identity: str) -> QuerySet[Decision]:
    """Return the decisions among `rows` moved by the override or line with this id; none for an unknown id."""
    override = Override.objects.select_related("line").filter(pk=identity).first()
    if override is not None:
        return moved_by_override(rows, override)
    line = Line.objects.filter(pk=identity).first()
    return rows.none() if line is None else moved_by_line(rows, line)


def _seldom(line: Line, constants: list[int]) -> list[UUID] | None:
    """Return the ids of the decisions that the line moved; None if there are more than SELDOM.

    Of the decisions with a trace only those that name one of `constants`, which are keys of the line's overrides.
    """
    with connection.cursor() as cursor:
        cursor.execute(FOUND, [constants, line.pk, SELDOM + 1])
        keys = [key for (key,) in cursor.fetchall()]
    return keys if len(keys) <= SELDOM else None


def _of_its_pattern(rows: QuerySet[Decision], line: Line) -> QuerySet[Decision]:
    """Return the decisions that the line can have moved, by the index on patterns, in the order of the list."""
    return rows.filter(pattern_key=line.pattern_key, action_category=line.action_category)
