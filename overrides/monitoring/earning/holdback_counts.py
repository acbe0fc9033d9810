"""Count the positions that a holdback held back and served, those that were traded, and what it cannot compare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from overrides.core.engine.definitions.vocabulary import SERVED, Reason
from overrides.core.monitoring.days.uneven_draw import distance, is_more_often, is_uneven

DAYS = 30
AGAIN = timedelta(
    minutes=5
)  # within which the next of the same questions, by another key, may be about the same position
MOST_ANSWERS = 20_000  # newest answers of the module that are looked through
COMPARED = (Reason.HOLDBACK, *SERVED)
COUNTS = """
WITH newest AS (
    SELECT decision_id, reason, request ->> 'position_key' AS position,
        (request -> 'holdback' ->> 'percent')::float8 AS percent, pattern_key, action_category, scope, key, at
    FROM telemetry_decision
    WHERE module = %s AND mode = 'on' AND reason = ANY(%s) AND at > %s AND at <= %s
    ORDER BY decision_id DESC LIMIT %s
), followed AS (
    SELECT reason = 'HOLDBACK' AS held,
        coalesce(
            lead(position) OVER same <> position AND lead(at) OVER same <= at + make_interval(secs => %s), false
        ) AS is_again
    FROM newest WHERE percent IS NOT NULL
    WINDOW same AS (PARTITION BY key, pattern_key, action_category, scope ORDER BY at, decision_id)
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
    count(*) FILTER (WHERE traded), count(*) FILTER (WHERE traded AND held), avg(percent) FILTER (WHERE traded),
    (SELECT count(*) FROM followed WHERE held), (SELECT count(*) FROM followed WHERE held AND is_again),
    (SELECT count(*) FROM followed WHERE NOT held), (SELECT count(*) FROM followed WHERE NOT held AND is_again)
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
class AskedAgain:
    """Of `held` answers that were held back and of `served` ones, how many were followed by the same question (of the
    same API key, pattern, action and scope) about another position within `AGAIN`.

    The draw knows nothing of the question, so with honest bots both shares are the same on average.
    """

    held: int
    held_again: int
    served: int
    served_again: int

    @property
    def is_more_often(self) -> bool:
        """Whether it followed held-back answers more often, by more than four standard errors."""
        return is_more_often(self.held_again, self.held, self.served_again, self.served)


@dataclass(frozen=True)
class HoldbackCounts:
    """What a module answered in the last days: `keyless` answers named no position, `mixed` trades several."""

    answers: int
    keyless: int
    mixed: int
    rows: tuple[Drawn, Drawn]
    again: AskedAgain
    days: int = DAYS

    @property
    def is_cut(self) -> bool:
        """Whether there were more answers than were looked through."""
        return self.answers == MOST_ANSWERS

    @property
    def distance(self) -> float | None:
        """By how many standard errors traded positions were held back more often than drawn; None if they are few."""
        _, traded = self.rows
        return None if traded.expected is None else distance(traded.held, traded.positions, traded.expected)

    @property
    def is_uneven(self) -> bool:
        """Whether traded positions were held back more or less often than the draw explains."""
        _, traded = self.rows
        return traded.expected is not None and is_uneven(traded.held, traded.positions, traded.expected)


def holdback_counts(module: str, at: datetime) -> HoldbackCounts:
    """Return the counts of a module's newest answers in the days before `at`, in one query."""
    reasons = [reason.value for reason in COMPARED]
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [module, reasons, at - timedelta(days=DAYS), at, MOST_ANSWERS, AGAIN.total_seconds()])
        answers, keyless, mixed, *found = cursor.fetchone()
    positions, held, expected, traded, traded_held, traded_expected, *again = found
    rows = (
        Drawn("asked about", positions, held, expected),
        Drawn("named by a closed trade", traded, traded_held, traded_expected),
    )
    return HoldbackCounts(answers, keyless, mixed, rows, AskedAgain(*again))
