"""Keep and read the contrast of served and held-back positions while a holdback ran, as sums of UTC days."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from django.db import connection, transaction

from overrides.core.monitoring.earning.holdback_effect import (
    ContrastDay,
    Drawn,
    HoldbackEffect,
    contrast_days,
    holdback_effect,
)
from overrides.models import HoldbackDay
from telemetry.core.decision_fit import BACKTEST

BEGAN = "SELECT min(at) FROM telemetry_decision WHERE reason = 'HOLDBACK'"
# The first closed position of every key, with its draw and the shares that its decisions name. An answer that names no
# share was given while no holdback ran, or without a key.
DRAWN = """
WITH position AS (
    SELECT trade.id, trade.book, trade.closed_at, trade.rr, min(decision.request ->> 'position_key') AS key,
        min((decision.request #>> '{holdback,draw}')::float8) AS draw,
        min((decision.request #>> '{holdback,percent}')::float8) AS least,
        max((decision.request #>> '{holdback,percent}')::float8) AS most
    FROM telemetry_trade AS trade
    JOIN telemetry_decisionoutcome AS outcome ON outcome.trade_id = trade.id AND outcome.misfit = ''
    JOIN telemetry_decision AS decision ON decision.decision_id = outcome.decision_id
    WHERE trade.is_current AND trade.superseded_by = '' AND trade.rr IS NOT NULL AND trade.book <> %(hindsight)s
    AND trade.closed_at >= %(began)s AND trade.closed_at < %(until)s
    AND decision.request ? 'holdback' AND decision.request ? 'position_key'
    GROUP BY trade.id
),
first AS (SELECT DISTINCT ON (key) * FROM position ORDER BY key, closed_at, id)
SELECT book, (closed_at AT TIME ZONE 'UTC')::date - DATE '0001-01-01' + 1, first.rr,
    coalesce(attribution.total - attribution.residual, 0), draw, least, most
FROM first LEFT JOIN telemetry_attribution AS attribution ON attribution.trade_id = first.id
WHERE least > 0 AND most < 100 ORDER BY 1, 2
"""


def refresh_holdback(*, now: datetime) -> int:
    """Compute the sums of all days before today anew and return how many rows there are.

    No position with a key leaves none, and neither does a time without an answer that a holdback left at neutral.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(BEGAN)
            [began] = cursor.fetchone()  # a value, whose selectivity the planner can estimate
            cursor.execute(DRAWN, {"hindsight": BACKTEST, "until": midnight, "began": began})
            positions: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
            for book, *columns in cursor.fetchall():
                positions[book].append(tuple(columns))
        HoldbackDay.objects.all().delete()
        return len(
            HoldbackDay.objects.bulk_create(
                _row(book, each, now) for book, rows in positions.items() for each in contrast_days(_drawn(rows))
            )
        )


def holdback_contrast(book: str | None = None) -> HoldbackEffect | None:
    """Return the contrast over the positions of a book (None: all but backtests); None without any position."""
    rows = HoldbackDay.objects.order_by("day")
    if book is not None:
        rows = rows.filter(book=book)
    days = [
        ContrastDay(
            row.day.toordinal(), row.positions, row.served, row.held_back, row.expected_held_back, row.replayed,
            row.unseen,
        )
        for row in rows
    ]  # fmt: skip
    return holdback_effect(days) if days else None


def _drawn(rows: list[tuple[Any, ...]]) -> Drawn:
    day, *columns = zip(*rows, strict=True)
    return Drawn(np.array(day, np.int64), *(np.array(each, np.float64) for each in columns))


def _row(book: str, each: ContrastDay, now: datetime) -> HoldbackDay:
    return HoldbackDay(
        book=book,
        day=date.fromordinal(each.day),
        positions=each.positions,
        served=each.served,
        held_back=each.held_back,
        expected_held_back=each.expected_held_back,
        replayed=each.replayed,
        unseen=each.unseen,
        computed_at=now,
    )
