"""Count the positions that a holdback held back and served, those that were traded, and what it cannot compare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from overrides.core.engine.definitions.vocabulary import Reason
from overrides.core.monitoring.uneven_draw import is_uneven

DAYS = 30
MOST_ANSWERS = 20_000  # newest answers of the module that are looked through
COMPARED = (Reason.HOLDBACK, Reason.SINGLE, Reason.COMBINED, Reason.NO_MATCH, Reason.ALL_EXCLUDED)
COUNTS = """
WITH newest AS (
    SELECT decision_id, reason, request ->> 'position_key' AS position,
        (request -> 'holdback' ->> 'percent')::float8 AS percent
    FROM telemetry_decision
    WHERE module = %s AND mode = 'on' AND reason = ANY(%s) AND at > %s AND at <= %s
    ORDER BY decision_id DESC LIMIT %s
), named AS (
    SELECT n.position, o.trade_id FROM newest AS n JOIN telemetry_decisionoutcome AS o USING (decision_id)
    WHERE n.percent IS NOT NULL
), positions AS (
    SELECT position, avg(percent) AS percent, bool_or(reason = 'HOLDBACK') AS held,
        position IN (SELECT position FROM named) AS traded
    FROM newest WHERE percent IS NOT NULL GROUP BY position
)
SELECT
    (SELECT count(*) FROM newest), (SELECT count(*) FROM newest WHERE position IS NULL),
    (SELECT count(*) FROM (SELECT FROM named GROUP BY trade_id HAVING count(DISTINCT position) > 1) AS several),
    count(*), count(*) FILTER (WHERE held), avg(percent),
    count(*) FILTER (WHERE traded), count(*) FILTER (WHERE traded AND held), avg(percent) FILTER (WHERE traded)
FROM positions
"""


@dataclass(frozen=True)
class Drawn:
    """Positions that took part in a holdback, and those of them that were held back; `expected` is in percent."""

    what: str
    positions: int
    held: int
    expected: float | None

    @property
    def share(self) -> float | None:
        """The share that was held back, in percent; None without a position."""
        return 100 * self.held / self.positions if self.positions else None


@dataclass(frozen=True)
class HoldbackCounts:
    """What a module answered in the last days: `keyless` answers named no position, `mixed` trades several."""

    answers: int
    keyless: int
    mixed: int
    rows: tuple[Drawn, Drawn]
    days: int = DAYS

    @property
    def is_cut(self) -> bool:
        """Whether there were more answers than were looked through."""
        return self.answers == MOST_ANSWERS

    @property
    def is_uneven(self) -> bool:
        """Whether traded positions were held back more or less often than the draw explains."""
        _, traded = self.rows
        return traded.expected is not None and is_uneven(traded.held, traded.positions, traded.expected)


def holdback_counts(module: str, at: datetime) -> HoldbackCounts:
    """Return the counts of a module's newest answers in the days before `at`, in one query."""
    reasons = [reason.value for reason in COMPARED]
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [module, reasons, at - timedelta(days=DAYS), at, MOST_ANSWERS])
        answers, keyless, mixed, positions, held, expected, traded, traded_held, traded_expected = cursor.fetchone()
    rows = (
        Drawn("asked about", positions, held, expected),
        Drawn("named by a closed trade", traded, traded_held, traded_expected),
    )
    return HoldbackCounts(answers, keyless, mixed, rows)
