"""What is known of proposed weights: trades, effective days, interval, and how many weights move in noise."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from psycopg import sql

from learning.coefficients.coefficient_memory import DAY, MICROSECONDS, MODULE, day_of
from learning.coefficients.proposed_weights import weigh_all
from learning.core.cells.rows import Floats, Ints
from learning.core.coefficient_evidence import moved_in_noise, moved_weights, weight_evidence
from learning.core.significance.verdict import Voices, voices_document
from learning.readers.group_columns import EPOCH
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.versions.load_version import current_parameters

RECENT_DAYS = 280  # twenty time constants of the short mean: an older trade weighs less than 3e-9
SEEDS = (1, 2, 3, 4, 5)
UNITS = """
SELECT scope ->> {dimension} AS value, avg(rr), (extract(epoch FROM max(closed_at)) * 1000000)::bigint
FROM telemetry_outcome
WHERE module = 'dm' AND action_category = 'allocation' AND book = ANY(%s) AND scope ->> {dimension} IS NOT NULL
    AND closed_at > %s AND closed_at <= %s
GROUP BY 1, coalesce('c' || nullif(cluster_id, ''), trade_id::text)
"""


def coefficient_evidence(names: Collection[str], *, at: datetime) -> dict[str, dict[str, Any]]:
    """Return the evidence of weights by name, `dimension=value`; empty without trades.

    The entry "" holds the verdict on all weights together: how many moved, and how many move in permuted outcomes.
    """
    if not names:
        return {}
    overall, fresh = weigh_all(at=at)
    if overall is None:
        return {}
    as_of = max(day_of(at), overall.at)
    books = list(current_parameters(MODULE).lessons.books)
    loaded = {lever: _columns(dimension, books, as_of) for lever, dimension in LEVER_DIMENSIONS.items()}
    columns = {lever: (rr, day, code) for lever, (_, rr, day, code) in loaded.items() if len(rr)}
    as_of = max([as_of, *(float(day.max()) for _, day, _ in columns.values())])  # rounding of times
    found = sum(moved_weights(*each, overall, as_of) for each in columns.values())
    twins = tuple(moved_in_noise(columns, overall, as_of, seed) for seed in SEEDS) if columns else ()
    tested = sum(len(values) for values, *_ in loaded.values())
    voices = Voices(found, twins, None, tested, "moved weight", "tested value")
    evidence: dict[str, dict[str, Any]] = {"": voices_document(voices)}
    for name in sorted(set(names) & fresh.keys()):
        lever, _, value = name.partition("=")
        values, rr, day, code = loaded[lever]
        of_value = code == values.index(value) if value in values else np.zeros(len(rr), dtype=bool)
        known, found_for = fresh[name], weight_evidence(fresh[name].weight, rr[of_value], day[of_value], as_of)
        evidence[name] = {
            "n": known.n,
            "days": found_for.days,
            "low": found_for.low,
            "high": found_for.high,
            "short": known.short,
            "long": known.long,
        }
    return evidence


def _columns(dimension: str, books: list[str], as_of: float) -> tuple[list[str], Floats, Floats, Ints]:
    """Return the values of a dimension, and the outcome, close day and value number of each unit."""
    since, until = (EPOCH + DAY * moment for moment in (as_of - RECENT_DAYS, as_of))
    with connection.cursor() as cursor:
        query = sql.SQL(UNITS).format(dimension=sql.Literal(dimension)).as_string(cursor.connection)
        cursor.execute(query, [books, since, until])
        fetched = cursor.fetchall()
    values = sorted({row[0] for row in fetched})
    number = {value: code for code, value in enumerate(values)}
    return (
        values,
        np.array([row[1] for row in fetched], dtype=np.float64),
        np.array([row[2] for row in fetched], dtype=np.float64) / MICROSECONDS,
        np.array([number[row[0]] for row in fetched], dtype=np.int64),
    )
