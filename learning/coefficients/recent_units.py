"""The newest outcomes behind the values of a coefficient, and the effective days that they fill."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from django.db import connection
from psycopg import sql

from learning.coefficients.coefficient_memory import DAY, MICROSECONDS
from learning.core.cells.rows import Floats, Ints
from learning.core.coefficient_evidence import RECENT_DAYS, days_by_value
from learning.readers.group_columns import EPOCH
from learning.readers.one_universe import OF_UNIVERSE, label_parameter
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.core.engine.definitions.learned_from import LearnedFrom

UNITS = """
SELECT scope ->> {dimension} AS value, avg(rr), (extract(epoch FROM max(closed_at)) * 1000000)::bigint
FROM telemetry_outcome AS outcome
WHERE module = 'dm' AND action_category = 'allocation' AND book = ANY(%s) AND scope ->> {dimension} IS NOT NULL
    AND closed_at > %s AND known_at <= %s AND {of_universe}
GROUP BY 1, coalesce('c' || nullif(cluster_id, ''), trade_id::text)
"""


def recent_units(dimension: str, learned: LearnedFrom, as_of: float) -> tuple[list[str], Floats, Floats, Ints]:
    """Return the values of a dimension, and the outcome, close day and value number of each unit."""
    since, until = (EPOCH + DAY * moment for moment in (as_of - RECENT_DAYS, as_of))
    with connection.cursor() as cursor:
        query = (
            sql.SQL(UNITS)
            .format(dimension=sql.Literal(dimension), of_universe=sql.SQL(OF_UNIVERSE))
            .as_string(cursor.connection)
        )
        cursor.execute(query, [list(learned.books), since, until, label_parameter(learned)])
        fetched = cursor.fetchall()
    values = sorted({row[0] for row in fetched})
    number = {value: code for code, value in enumerate(values)}
    return (
        values,
        np.array([row[1] for row in fetched], dtype=np.float64),
        np.array([row[2] for row in fetched], dtype=np.float64) / MICROSECONDS,
        np.array([number[row[0]] for row in fetched], dtype=np.int64),
    )


def days_behind(names: Collection[str], learned: LearnedFrom, as_of: float) -> dict[str, float]:
    """Return the effective days behind each weight, by name (`lever=value`); 0 where no recent trade is."""
    found = dict.fromkeys(names, 0.0)
    for lever in sorted({name.partition("=")[0] for name in names}):
        values, _, day, code = recent_units(LEVER_DIMENSIONS[lever], learned, as_of)
        days = {f"{lever}={values[at]}": each for at, each in days_by_value(day, code, as_of).items()}
        found |= {name: each for name, each in days.items() if name in found}
    return found
