"""Read the contrast of served and held-back positions while a holdback ran."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from django.db import connection

from overrides.core.monitoring.holdback_effect import Drawn, HoldbackEffect, holdback_effect
from telemetry.core.decision_fit import BACKTEST

# The first closed position of every key, with its draw and the shares that its decisions name. An answer that names no
# share was given while no holdback ran, or without a key.
DRAWN = """
WITH began AS (SELECT min(at) AS at FROM telemetry_decision WHERE reason = 'HOLDBACK'),
position AS (
    SELECT trade.id, trade.closed_at, trade.rr, min(decision.request ->> 'position_key') AS key,
        min((decision.request #>> '{holdback,draw}')::float8) AS draw,
        min((decision.request #>> '{holdback,percent}')::float8) AS least,
        max((decision.request #>> '{holdback,percent}')::float8) AS most
    FROM telemetry_trade AS trade
    JOIN telemetry_decisionoutcome AS outcome ON outcome.trade_id = trade.id AND outcome.misfit = ''
    JOIN telemetry_decision AS decision ON decision.decision_id = outcome.decision_id
    WHERE trade.is_current AND trade.superseded_by = '' AND trade.rr IS NOT NULL AND trade.book <> %(hindsight)s
    AND (%(book)s::text IS NULL OR trade.book = %(book)s)
    AND trade.closed_at >= (SELECT at FROM began) AND trade.closed_at < %(until)s
    AND decision.request ? 'holdback' AND decision.request ? 'position_key'
    GROUP BY trade.id
),
first AS (SELECT DISTINCT ON (key) * FROM position ORDER BY key, closed_at, id)
SELECT (closed_at AT TIME ZONE 'UTC')::date - DATE '0001-01-01' + 1, first.rr,
    coalesce(attribution.total - attribution.residual, 0), draw, least, most
FROM first LEFT JOIN telemetry_attribution AS attribution ON attribution.trade_id = first.id
WHERE least > 0 AND most < 100 ORDER BY 1
"""


def holdback_contrast(*, now: datetime, book: str | None = None) -> HoldbackEffect | None:
    """Return the contrast over the positions of a book (None: all but backtests) that closed before today.

    None if no position with a key has closed since the first answer that a holdback left at neutral.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(DRAWN, {"hindsight": BACKTEST, "book": book, "until": midnight})
        rows = cursor.fetchall()
    if not rows:
        return None
    day, *columns = zip(*rows, strict=True)
    return holdback_effect(Drawn(np.array(day, np.int64), *(np.array(each, np.float64) for each in columns)))
