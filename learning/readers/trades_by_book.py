"""Reader of how many recorded trades of each book and module can teach, and why the others cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from learning.core.first_look.teaching import TIMEFRAME, Obstacle
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.universe import UNIVERSE

NEWEST = 50_000  # current trades by close, of all books, which keeps the page fast
LONGEST = 200  # characters of a reason that are told apart
CAN_TEACH = ""
SUPERSEDED = "the same position is told by a better book, which counts in its place"

# While a first large import is recorded, the statistics may still be those of empty tables. The planner then expects
# one trade and loops over tens of thousands of them for each other, which takes minutes in place of a second.
_TRADES = """
SET LOCAL enable_nestloop = off;
WITH newest AS MATERIALIZED (
    SELECT id, book, cluster_id, excluded_reason, superseded_by, closed_at
    FROM telemetry_trade WHERE is_current ORDER BY closed_at DESC LIMIT %(newest)s
), acted AS (
    SELECT DISTINCT action.trade_id, action.module
    FROM telemetry_action action JOIN newest ON newest.id = action.trade_id WHERE action.module = %(module)s
), judged AS (
    SELECT outcome.trade_id,
           bool_or(coalesce(outcome.scope ->> %(label)s, %(universe)s) <> %(universe)s) AS is_elsewhere,
           bool_or(outcome.scope ?| %(dimensions)s) AS is_placed, bool_or(outcome.scope ? %(timeframe)s) AS is_timed
    FROM telemetry_outcome outcome JOIN newest ON newest.id = outcome.trade_id
    WHERE outcome.module = %(module)s GROUP BY outcome.trade_id
), told AS (
    SELECT newest.book, newest.closed_at, coalesce(nullif(newest.cluster_id, ''), newest.id::text) AS entry,
           CASE WHEN newest.excluded_reason <> '' THEN left(newest.excluded_reason, %(longest)s)
                WHEN newest.superseded_by <> '' THEN %(superseded)s
                WHEN judged.trade_id IS NULL THEN %(no_outcome)s
                WHEN judged.is_elsewhere THEN %(elsewhere)s
                WHEN judged.is_placed THEN ''
                WHEN judged.is_timed AND %(learns_timeframe)s THEN %(only_timeframe)s
                ELSE %(no_scope)s END AS reason
    FROM acted JOIN newest ON newest.id = acted.trade_id LEFT JOIN judged ON judged.trade_id = newest.id
)
SELECT book, reason, GROUPING(reason), count(*), count(DISTINCT entry), max(closed_at)
FROM told GROUP BY GROUPING SETS ((book, reason), (book)) ORDER BY book, 3 DESC, 4 DESC, reason;
SET LOCAL enable_nestloop = DEFAULT
"""


@dataclass(frozen=True)
class BookOfModule:
    """The trades of one book with an action of one module, among the newest trades of all books.

    `teaching` counts those that can teach, `reasons` the others by why not, the most frequent first. `is_learned` says
    whether the module learns from the book.
    """

    module: str
    book: str
    trades: int
    entries: int
    teaching: int
    reasons: tuple[tuple[str, int], ...]
    last_close: datetime
    is_learned: bool


def trades_by_book(parameters: ModuleParameters, universe: str = "", newest: int = NEWEST) -> list[BookOfModule]:
    """Return the books with trades of a module, by name, under the parameters it learns with.

    `universe` is the label that outcomes may name. At most `newest` trades are looked at.
    """
    module, learned = parameters.module, parameters.learned_dimensions
    values: dict[str, int | str | bool | list[str]] = {
        "newest": newest,
        "module": module,
        "label": UNIVERSE,
        "universe": universe,
        "dimensions": [name for name in learned if name != TIMEFRAME],
        "timeframe": TIMEFRAME,
        "learns_timeframe": TIMEFRAME in learned,
        "longest": LONGEST,
        "superseded": SUPERSEDED,
        "no_outcome": Obstacle.NO_OUTCOME.value,
        "elsewhere": (Obstacle.FOREIGN_UNIVERSE if universe else Obstacle.NO_UNIVERSE).value,
        "only_timeframe": Obstacle.ONLY_TIMEFRAME.value,
        "no_scope": Obstacle.NO_SCOPE.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TRADES, values)
        cursor.nextset()
        fetched = cursor.fetchall()
    return [
        _book(module, whole, [row for row in fetched if row[0] == whole[0] and not row[2]], parameters.lessons.books)
        for whole in fetched
        if whole[2]
    ]


def _book(
    module: str,
    whole: tuple[str, str, int, int, int, datetime],
    parts: Sequence[tuple[str, str, int, int, int, datetime]],
    learned: Sequence[str],
) -> BookOfModule:
    book, _, _, trades, entries, last_close = whole
    counts = {reason: count for _, reason, _, count, _, _ in parts}
    teaching = counts.pop(CAN_TEACH, 0)
    return BookOfModule(
        module, book, trades, entries, teaching, tuple(counts.items()), last_close, is_learned=book in learned
    )
