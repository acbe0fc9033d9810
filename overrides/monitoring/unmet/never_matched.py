"""Lines in force, and values that they name, that no request has met for 30 days; and lines that met some in vain."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from overrides.models import UseCounted
from overrides.monitoring.unmet.line_use import WINDOW
from overrides.monitoring.unmet.value_use import NAMED


class Use(StrEnum):
    """Why a line is listed."""

    NOT_ASKED = "not asked"
    NEVER_MATCHED = "never matched"
    LEFT_OUT = "left out"
    CUT = "always cut"
    ONE_SIDED = "one side only"


IDLE = (Use.NOT_ASKED, Use.NEVER_MATCHED, Use.LEFT_OUT)  # the line took part in no answer; the others acted

MEANINGS: Mapping[Use, str] = {
    Use.NOT_ASKED: "no request asked for its pattern and action, so nothing is known about its scope",
    Use.NEVER_MATCHED: "requests asked for its pattern and action, and none had its scope",
    Use.LEFT_OUT: "requests had its scope, and it was left out of every answer: too light or stale",
    Use.CUT: "it took part in answers, and the step limit or a bound cut every lever that it moves each time",
    Use.ONE_SIDED: "all closed trades that it moved were of one side, and trades of its pattern closed on both sides",
}

# The version that brought a line into force without a break since: the newest that continues none before it.
_BEGUN = """(
    SELECT max(b.from_version) FROM overrides_membership AS b WHERE b.line_id = line AND NOT EXISTS (
        SELECT FROM overrides_membership AS p WHERE p.line_id = b.line_id AND p.to_version = b.from_version
    )
)"""
_OLDEST = "SELECT max(number) FROM learning_configs WHERE module = %(module)s AND published_at <= %(since)s"
# A line is in force since the version of its revision or longer; earlier revisions are read only where that is young.
_LISTED_LINES = f"""
WITH asked AS (
    SELECT pattern_key, action_category, sum(decisions)::bigint AS decisions, sum(longs) AS longs, sum(shorts) AS shorts
    FROM overrides_keyuse WHERE module = %(module)s AND day >= %(since)s::date GROUP BY 1, 2
), judged AS (
    SELECT l.id AS line, l.pattern_key, l.action_category, h.override_id AS override, h.from_version,
        use.last_matched, use.last_acted, coalesce(asked.decisions, 0) AS asked,
        CASE
            WHEN use.last_matched >= %(since)s THEN CASE
                WHEN use.last_acted IS NULL OR use.last_acted < %(since)s THEN 'left out'
                WHEN use.last_uncut IS NULL OR use.last_uncut < %(since)s THEN 'always cut'
                WHEN asked.longs > 0 AND asked.shorts > 0
                    AND (coalesce(use.last_long >= %(since)s, false) <> coalesce(use.last_short >= %(since)s, false))
                    THEN 'one side only'
            END
            WHEN asked.decisions > 0 THEN 'never matched'
            ELSE 'not asked'
        END AS use
    FROM overrides_membership AS h
    JOIN overrides_line AS l ON l.id = h.line_id
    LEFT JOIN overrides_lineuse AS use ON use.line_id = l.id
    LEFT JOIN asked ON asked.pattern_key = l.pattern_key AND asked.action_category = l.action_category
    WHERE h.module = %(module)s AND h.to_version IS NULL AND l.created_at <= %(since)s
), listed AS (
    SELECT * FROM judged WHERE use = ANY(%(uses)s::text[])
        AND (from_version <= ({_OLDEST}) OR {_BEGUN} <= ({_OLDEST}))
)
"""
_LISTED = f"""
{_LISTED_LINES}, shown AS (
    SELECT * FROM listed ORDER BY last_matched NULLS FIRST, pattern_key, action_category, line LIMIT %(most)s
)
SELECT line, override, shown.pattern_key, shown.action_category, scope::text, channel, use, last_matched, last_acted,
    asked, (SELECT published_at FROM learning_configs WHERE module = %(module)s AND number = {_BEGUN})
FROM shown JOIN overrides_line ON id = line
ORDER BY last_matched NULLS FIRST, shown.pattern_key, shown.action_category, line
"""
_COUNTED = f"{_LISTED_LINES} SELECT use, count(*) FROM listed GROUP BY use"
_VALUES = f"""
WITH named AS ({NAMED})
SELECT named.module, named.dimension, named.value, named.n_lines, named.is_allowed, held.last_sent, any_value.last_sent
FROM named
JOIN overrides_valueuse AS held ON held.module = named.module AND held.dimension = named.dimension
    AND held.value = named.value AND held.counted_since <= %(since)s
JOIN overrides_valueuse AS any_value ON any_value.module = named.module AND any_value.dimension = named.dimension
    AND any_value.value = ''
WHERE named.module = %(module)s AND (held.last_sent IS NULL OR held.last_sent < %(since)s)
ORDER BY named.dimension, named.value LIMIT %(most)s
"""


@dataclass(frozen=True)
class Unused:
    """A line in force that is listed, with the decisions of its pattern and action in the last 30 days (`asked`)."""

    line: str
    override: str
    pattern_key: str
    action_category: str
    scope: Mapping[str, str]
    channel: str
    use: Use
    last_matched: datetime | None
    last_acted: datetime | None
    asked: int
    in_force_since: datetime


@dataclass(frozen=True)
class UnsentValue:
    """A value that lines in force or the allow-list name, and that no request has carried.

    `dimension_sent` is when a request last carried any value of its dimension; None stands for never since it is
    counted.
    """

    module: str
    dimension: str
    value: str
    n_lines: int
    is_allowed: bool
    last_sent: datetime | None
    dimension_sent: datetime | None


@dataclass(frozen=True)
class Counted:
    """What the lists of a module rest on: the part of the log that was counted, and the decisions in the window.

    `is_enough` is whether it reaches back as far as the lists do and holds a request of the module: without one,
    nothing follows about any line.
    """

    since: datetime | None
    until: datetime | None
    decisions: int
    is_enough: bool


def counted(module: str) -> Counted:
    """Return what the lists of a module rest on; two queries."""
    row = UseCounted.objects.first()
    if row is None:
        return Counted(None, None, 0, False)
    begin = row.until - WINDOW
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(decisions), 0)::bigint FROM overrides_keyuse WHERE module = %s AND day >= %s",
            [module, begin.date()],
        )
        decisions = cursor.fetchone()[0]
    return Counted(row.since, row.until, decisions, decisions > 0 and row.since <= begin)


def counts_by_use(module: str, until: datetime) -> dict[Use, int]:
    """Return how many lines of a module are listed for each reason, as of `until`; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, {"module": module, "since": until - WINDOW, "uses": list(Use)})
        found = {Use(use): count for use, count in cursor.fetchall()}
    return {use: found.get(use, 0) for use in Use}


def unused_lines(module: str, until: datetime, uses: Sequence[Use] = IDLE, most: int | None = None) -> list[Unused]:
    """Return lines in force of a module that are listed for one of these reasons, the longest unmet first; one query.

    A line is judged once it has been in force for the 30 days before `until`, under whichever revisions.
    """
    values: dict[str, Any] = {"module": module, "since": until - WINDOW, "uses": list(uses), "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_LISTED, values)
        return [_unused(*row) for row in cursor.fetchall()]


def unsent_values(module: str, until: datetime, most: int | None = None) -> list[UnsentValue]:
    """Return the values in force of a module that no request carried in the 30 days before `until`; one query.

    A value that was named only lately is listed once requests were looked at for 30 days.
    """
    with connection.cursor() as cursor:
        cursor.execute(_VALUES, {"module": module, "since": until - WINDOW, "most": most})
        return [UnsentValue(*row) for row in cursor.fetchall()]


def _unused(
    line: str, override: str, pattern_key: str, category: str, scope: str, channel: str, use: str, *rest: Any
) -> Unused:
    return Unused(line, override, pattern_key, category, json.loads(scope), channel, Use(use), *rest)
