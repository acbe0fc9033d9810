"""The outcomes of a whole action category as columns: the database joins each column into one value of bytes.

They are read at each build of the plan method, so no object is made for each of them.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from learning.core.cells.rows import Ints, Rows
from learning.readers.one_universe import OF_UNIVERSE, label_parameter
from overrides.core.engine.definitions.learned_from import LearnedFrom

# A cluster stands for its trades; without one, a trade stands for itself. 16 bytes name either of them: two names of
# clusters share them with odds of 2^-128.
CATEGORY = f"""
SELECT string_agg(uuid_send(trade_id), ''), string_agg(unit, ''), string_agg(float8send(rr), ''),
    string_agg(int8send(closed), '')
FROM (
    SELECT trade_id, rr, (extract(epoch FROM closed_at) * 1000000)::bigint AS closed,
        CASE cluster_id WHEN '' THEN uuid_send(trade_id) ELSE decode(md5(cluster_id), 'hex') END AS unit
    FROM telemetry_outcome AS outcome
    WHERE module = %s AND action_category = %s AND book = ANY(%s) AND known_at <= %s AND {OF_UNIVERSE}
    ORDER BY closed_at, trade_id, action_index
) AS outcomes
"""


def load_category(module: str, category: str, learned: LearnedFrom, now: datetime) -> Rows:
    """Return the outcomes of a (module, action_category) known by `now`, without scopes: the input of a baseline."""
    with connection.cursor() as cursor:
        cursor.execute(CATEGORY, [module, category, list(learned.books), now, label_parameter(learned)])
        trades, units, outcomes, closes = (bytes(column or b"") for column in cursor.fetchone())
    closed_at = np.frombuffer(closes, ">i8").astype(np.int64)
    return Rows(
        codes=np.empty((len(closed_at), 0), dtype=np.int32),
        outcomes=np.frombuffer(outcomes, ">f8").astype(np.float64),
        trade=numbers_of(np.frombuffer(trades, np.uint64).reshape(-1, 2)),
        cluster=numbers_of(np.frombuffer(units, np.uint64).reshape(-1, 2)),
        closed_at=closed_at,
    )


def numbers_of(names: NDArray[np.uint64]) -> Ints:
    """Return the number of each name `(rows, 2)`, counted in order of first use.

    >>> numbers_of(np.array([[7, 1], [3, 1], [7, 1], [3, 2]], dtype=np.uint64)).tolist()
    [0, 1, 0, 2]
    """
    order = np.lexsort((names[:, 1], names[:, 0]))  # stable: each run begins with the first use of its name
    begins = np.ones(len(names), dtype=np.bool_)
    begins[1:] = (names[order[1:]] != names[order[:-1]]).any(axis=1)
    number = np.empty(int(begins.sum()), dtype=np.int64)
    number[np.argsort(order[begins])] = np.arange(len(number))
    numbers = np.empty(len(names), dtype=np.int64)
    numbers[order] = number[np.cumsum(begins) - 1]
    return numbers
