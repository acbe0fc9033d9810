"""How often bots send which dimension of a scope: its share of recent actions and decisions, and its values.

Only the newest rows are read, so that the time does not grow with the tables; the numbers of rows are part of the
result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

DAYS = timedelta(days=90)
WINDOW = 25_000  # newest actions, and newest decisions, of a module
LOOKED_THROUGH = 200_000  # newest rows of all modules that are searched
MOST_ROWS = 200  # dimensions listed, those sent most often
SHOWN_VALUES = 5

# The newest rows of each module in a table, by the key whose order is that of time.
_NEWEST = """
FROM unnest(%(modules)s::text[]) AS listed (module), LATERAL (
    SELECT scope, at
    FROM (SELECT module, scope, at FROM {table} ORDER BY {key} DESC LIMIT %(looked_through)s) AS newest
    WHERE newest.module = listed.module AND newest.at >= %(since)s AND newest.at <= %(until)s LIMIT %(window)s
) AS row
"""
_TABLES = {"actions": ("telemetry_action", "id"), "decisions": ("telemetry_decision", "decision_id")}
_TOTALS = "SELECT '{name}', listed.module, count(*) {newest} GROUP BY listed.module"
_VALUES = """
SELECT '{name}' AS source, listed.module, entry.key AS dimension, entry.value, count(*) AS n, min(at) AS first,
    max(at) AS last
{newest}, jsonb_each_text(row.scope) AS entry
WHERE NOT entry.key = ANY(CASE listed.module WHEN 'pm' THEN %(pm)s::text[] ELSE %(dm)s::text[] END)
GROUP BY listed.module, entry.key, entry.value
"""
_DIMENSIONS = """
WITH sent AS ({values}), each_value AS (
    SELECT module, dimension, value, sum(n) AS n FROM sent GROUP BY module, dimension, value
), most AS (
    SELECT module, dimension, count(*) AS n_values,
        (array_agg(value ORDER BY n DESC, value))[1:%(shown)s] AS most_frequent,
        (array_agg(n::bigint ORDER BY n DESC, value))[1:%(shown)s] AS counts
    FROM each_value GROUP BY module, dimension
), used AS (
    SELECT module, dimension, sum(n) FILTER (WHERE source = 'actions') AS actions,
        sum(n) FILTER (WHERE source = 'decisions') AS decisions, min(first) AS first, max(last) AS last
    FROM sent GROUP BY module, dimension
)
SELECT module, dimension, coalesce(actions, 0)::bigint, coalesce(decisions, 0)::bigint, n_values, most_frequent, counts,
    first, last
FROM used JOIN most USING (module, dimension)
ORDER BY module, coalesce(actions, 0) + coalesce(decisions, 0) DESC, dimension LIMIT %(most_rows)s
"""


@dataclass(frozen=True)
class Sent:
    """How often a dimension of a module was sent.

    `actions` of `n_actions` and `decisions` of `n_decisions` carried it. `most_frequent` pairs the most frequent values
    with their numbers of rows; there were `n_values` in all.
    """

    module: str
    dimension: str
    actions: int
    n_actions: int
    decisions: int
    n_decisions: int
    n_values: int
    most_frequent: tuple[tuple[str, int], ...]
    first: datetime
    last: datetime

    @property
    def share_of_actions(self) -> float:
        """The share of actions that carried it, 0 to 1; 0 without any action."""
        return self.actions / self.n_actions if self.n_actions else 0.0

    @property
    def share_of_decisions(self) -> float:
        """The share of decisions that carried it, 0 to 1; 0 without any decision."""
        return self.decisions / self.n_decisions if self.n_decisions else 0.0


def unknown_dimensions(
    known: Mapping[str, Sequence[str]], now: datetime, *, window: int = WINDOW, looked_through: int = LOOKED_THROUGH
) -> list[Sent]:
    """Return the dimensions that bots sent in the last 90 days and that are not among those `known`, by module.

    Those sent most often come first.
    """
    values: dict[str, Any] = {
        "modules": list(known),
        **{module: list(names) for module, names in known.items()},
        "since": now - DAYS,
        "until": now,
        "window": window,
        "looked_through": looked_through,
        "shown": SHOWN_VALUES,
        "most_rows": MOST_ROWS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_of_both(_TOTALS), values)
        totals = {(source, module): count for source, module, count in cursor.fetchall()}
        cursor.execute(_DIMENSIONS.replace("{values}", _of_both(_VALUES)), values)
        return [
            Sent(
                module,
                dimension,
                actions,
                totals.get(("actions", module), 0),
                decisions,
                totals.get(("decisions", module), 0),
                n_values,
                tuple(zip(most_frequent, counts, strict=True)),
                first,
                last,
            )
            for module, dimension, actions, decisions, n_values, most_frequent, counts, first, last in cursor.fetchall()
        ]


def _of_both(statement: str) -> str:
    """Return a statement over actions and over decisions."""
    return " UNION ALL ".join(
        statement.format(name=name, newest=_NEWEST.format(table=table, key=key))
        for name, (table, key) in _TABLES.items()
    )
