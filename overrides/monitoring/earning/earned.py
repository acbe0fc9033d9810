"""Read what levers earned as a whole by exact replay of the size of every position, per module and book.

The sums of each day are kept by `refresh_earned`. Books of backtests are not in them: their answers came from the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from overrides.core.monitoring.days.day_sequence import Interval
from overrides.core.monitoring.earning.earned import Day, Verdict, Whole, merged, whole
from overrides.models import EarnedDay
from overrides.models.earned import WHOLE

LEFT_OUT: Mapping[str, str] = {
    "superseded": "a trade of another book tells the same position and counts instead",
    "without_rr": "no outcome in R: their unit of risk is not known",
    "waiting": "not attributed yet",
    "opened_before": "opened before the module was first switched on",
}
# What a position lacks by which an action of it would have moved its size.
UNMOVED: Mapping[str, str] = {
    "without_leg": "an add whose fraction or outcome is not known",
    "unknown_decision": "an allocation, entry or add whose decision is not stored",
    "unfit_decision": "an allocation, entry or add whose decision was not made for it, or counts for another trade",
}


@dataclass(frozen=True)
class Earned:
    """What the levers of a module (None: all) earned in a book (None: all that are not backtests).

    `first` and `last` are the first and last UTC day with closed positions, None without any. `left_out` counts closed
    trades by the reason for which they are not among the positions, `unmoved` positions by what they lack, so that the
    size of an action counts as unmoved.
    """

    module: str | None
    book: str | None
    found: Whole
    first: date | None
    last: date | None
    left_out: Mapping[str, int]
    unmoved: Mapping[str, int]
    computed_at: datetime | None

    @property
    def interval(self) -> Interval | None:
        """The mean in R per position with its always-valid interval; None with too few days."""
        return self.found.replayed.interval()

    @property
    def exposure_neutral(self) -> Interval | None:
        """The same for sizing differently from the mean exposure of earlier days; None with too few days."""
        return self.found.neutral.interval()

    @property
    def total(self) -> float:
        """What was earned, in R per unit of size, over all positions."""
        return self.found.replayed.total

    @property
    def days(self) -> int:
        """The days with closed positions."""
        return self.found.replayed.days

    @property
    def trades(self) -> int:
        """The closed positions, moved or not."""
        return self.found.replayed.trades

    @property
    def moved(self) -> int:
        """The positions of which a size was moved."""
        return self.found.moved

    @property
    def verdict(self) -> Verdict:
        """What the interval shows."""
        return self.found.verdict

    @property
    def further_days(self) -> int | None:
        """How many further days with trades would show a mean of this size; None where that is not to be told."""
        return self.found.further_days


def earned(
    module: str | None = None, book: str | None = None, since: date | None = None, until: date | None = None
) -> Earned:
    """Return what was earned by positions that closed on the UTC days of [since, until)."""
    rows = EarnedDay.objects.filter(module=WHOLE if module is None else module)
    if book is not None:
        rows = rows.filter(book=book)
    if until is not None:
        rows = rows.filter(day__lt=until)
    return _earned(module, book, list(rows), since)


def earned_by_book() -> list[Earned]:
    """Return what was earned by every module in every book, all modules and all books first, in one query."""
    rows = list(EarnedDay.objects.order_by("module", "book"))
    found = []
    for module in sorted({row.module for row in rows}):
        own = [row for row in rows if row.module == module]
        books = sorted({row.book for row in own})
        found.append(_earned(module or None, None, own, None))
        found += [_earned(module or None, book, [r for r in own if r.book == book], None) for book in books]
    return found


def _earned(module: str | None, book: str | None, rows: Iterable[EarnedDay], since: date | None) -> Earned:
    rows = list(rows)
    start = None if since is None else since.toordinal()
    found = whole(merged(_day(row) for row in rows if row.positions), start)
    inside = [row for row in rows if since is None or row.day >= since]
    days = [row.day for row in inside if row.positions]
    return Earned(
        module,
        book,
        found,
        min(days, default=None),
        max(days, default=None),
        {name: sum(getattr(row, name) for row in inside) for name in LEFT_OUT},
        {name: sum(getattr(row, name) for row in inside) for name in UNMOVED},
        max((row.computed_at for row in rows), default=None),
    )


def _day(row: EarnedDay) -> Day:
    return Day(row.day.toordinal(), row.positions, row.moved, row.replayed, row.exposure, row.rr)
