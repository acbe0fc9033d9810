"""What the levers earned as a whole, by exact replay of the size of every position (docs/method.md 13.4).

A position of size M that would have had the size M0 without the overrides earned (M - M0) * rr through them, exactly,
if its outcome per unit of size does not depend on the size. Positions that were answered neutral or not at all earned
zero and count as well: leaving them out would select. Whole UTC days are the units (`day_sequence`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, DaySums, Interval
from overrides.core.monitoring.days.days_needed import days_needed


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day (its proleptic ordinal) of closed positions, as sums over them.

    `replayed` is the sum of (M - M0) * rr in R, `exposure` that of M - M0, `rr` that of the outcomes in R. `moved` of
    the positions had a size that differs from M0.
    """

    day: int
    positions: int
    moved: int
    replayed: float
    exposure: float
    rr: float


class Verdict(StrEnum):
    """What the interval shows about the mean per trade."""

    EARNS = "earns"
    LOSES = "loses"
    NOT_SHOWN = "not shown"
    TOO_FEW_DAYS = "too few days"


@dataclass(frozen=True, slots=True)
class Look:
    """The sum in R up to and including a day, with the ends of its interval; None below `FEWEST_DAYS` days."""

    day: int
    total: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """What one day added, in R: as replayed, and at equal exposure (None on the first day of all)."""

    day: int
    positions: int
    replayed: float
    neutral: float | None


@dataclass(frozen=True, slots=True)
class Whole:
    """What was earned over days: as replayed, and by sizing differently from the mean exposure of earlier days."""

    replayed: DaySums
    neutral: DaySums
    moved: int
    steps: Sequence[Step]

    @property
    def verdict(self) -> Verdict:
        """What the replayed size shows."""
        return verdict(self.replayed)

    @property
    def further_days(self) -> int | None:
        """How many further days of trading would show the present mean (`further_days`)."""
        return further_days(self.replayed)

    def looks(self) -> list[Look]:
        """Return the sum and its interval after every day."""
        return _looks((step.day, step.replayed, step.positions) for step in self.steps)

    def neutral_looks(self) -> list[Look]:
        """Return the sum at equal exposure and its interval after every day but the first."""
        return _looks((step.day, step.neutral, step.positions) for step in self.steps if step.neutral is not None)


def whole(days: Iterable[Day], since: int | None = None) -> Whole:
    """Return what days in order of time earned; those before the ordinal `since` only set the mean exposure.

    Raises ValueError if a day does not come after the one before. Worked by hand: a first day at an exposure of .1 for
    2 positions, then one that earned .1 * 3 - .1 * 1 = .2 with exposures of .1 and -.1 at rr 3 and 1. The mean exposure
    before the second day is .1, and .1 * (3 + 1) = .4 would have been earned by it, so .2 - .4 = -.2 by the difference.

    >>> found = whole([Day(1, 2, 2, 0.1, 0.2, 1.0), Day(2, 2, 2, 0.2, 0.0, 4.0)])
    >>> round(found.replayed.total, 9), round(found.neutral.total, 9), found.neutral.days
    (0.3, -0.2, 1)
    """
    replayed, neutral, moved = DaySums(), DaySums(), 0
    steps = []
    for day, mean_exposure in _with_mean_exposure(days):
        if since is not None and day.day < since:
            continue
        replayed, moved = replayed.plus(day.replayed, day.positions), moved + day.moved
        step = Step(
            day.day,
            day.positions,
            day.replayed,
            None if mean_exposure is None else day.replayed - mean_exposure * day.rr,
        )
        if step.neutral is not None:
            neutral = neutral.plus(step.neutral, step.positions)
        steps.append(step)
    return Whole(replayed, neutral, moved, tuple(steps))


def merged(days: Iterable[Day]) -> list[Day]:
    """Return the days in order, those with the same ordinal (of several books) as one.

    >>> [(each.day, each.positions, each.rr) for each in merged([Day(2, 1, 0, 0, 0, 1), Day(2, 1, 0, 0, 0, 2)])]
    [(2, 2, 3)]
    """
    found: dict[int, Day] = {}
    for each in days:
        same = found.get(each.day)
        found[each.day] = each if same is None else _together(same, each)
    return [found[day] for day in sorted(found)]


def verdict(sums: DaySums) -> Verdict:
    """Return what the interval of these sums shows.

    >>> verdict(DaySums())
    <Verdict.TOO_FEW_DAYS: 'too few days'>
    """
    interval = sums.interval()
    if interval is None:
        return Verdict.TOO_FEW_DAYS
    if interval.is_above_zero:
        return Verdict.EARNS
    return Verdict.LOSES if interval.is_below_zero else Verdict.NOT_SHOWN


def further_days(sums: DaySums) -> int | None:
    """Return how many further days with trades would show a mean of the present size, at the present rate.

    Below `FEWEST_DAYS` days these are the days that are missing until there is an interval. None if the mean is zero,
    if that would take over a hundred years, or if the interval excludes zero already.
    """
    found = verdict(sums)
    if found is Verdict.TOO_FEW_DAYS:
        return FEWEST_DAYS - sums.days
    if found is not Verdict.NOT_SHOWN or sums.mean is None:
        return None
    needed = days_needed(sums, sums.mean)
    return None if needed is None else max(1, needed - sums.days)


def in_total(interval: Interval) -> tuple[float, float, float]:
    """Return the mean and the ends of an interval per trade as sums over its trades, in R.

    >>> in_total(Interval(0.5, 0.25, 0.75, 30, 100))
    (50.0, 25.0, 75.0)
    """
    return interval.mean * interval.trades, interval.low * interval.trades, interval.high * interval.trades


def _with_mean_exposure(days: Iterable[Day]) -> Iterator[tuple[Day, float | None]]:
    """Yield each day with the mean exposure per position of all earlier days, None for the first.

    It has to be known before the day: were the day's own exposures or later ones in it, the day's value would depend on
    what came after, and the interval would not be valid at every look.
    """
    exposure, positions, last = 0.0, 0, None
    for day in days:
        if last is not None and day.day <= last:
            raise ValueError(f"day {day.day} does not come after day {last}; merge and sort the days")
        yield day, exposure / positions if positions else None
        exposure, positions, last = exposure + day.exposure, positions + day.positions, day.day


def _together(one: Day, other: Day) -> Day:
    return Day(
        one.day,
        one.positions + other.positions,
        one.moved + other.moved,
        one.replayed + other.replayed,
        one.exposure + other.exposure,
        one.rr + other.rr,
    )


def _looks(days: Iterable[tuple[int, float, int]]) -> list[Look]:
    """Return the looks after each of several (day, sum in R, positions)."""
    sums, found = DaySums(), []
    for day, total, positions in days:
        sums = sums.plus(total, positions)
        interval = sums.interval()
        low, high = (None, None) if interval is None else in_total(interval)[1:]
        found.append(Look(day, sums.total, low, high))
    return found
