"""The contrast of served and held-back positions: an estimate that needs none of the replay's assumptions.

A draw that knows nothing of a position leaves a share of all positions at neutral. The difference between the two
groups therefore contains what the replay of sizes cannot see: fills and exits that depend on the size, levers that do
not scale the outcome, positions that would not have been opened. It varies as much as the outcomes themselves, so it
takes far longer than the replay; it checks the replay and does not replace it (docs/method.md 13.4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from overrides.core.monitoring.days.day_bootstrap import Floats, Ints
from overrides.core.monitoring.days.day_sequence import DaySums
from overrides.core.monitoring.days.days_needed import DAYS_A_MONTH, days_needed
from overrides.core.monitoring.earning.earned import Verdict, verdict

FEWEST_HELD_BACK = 100  # with fewer, one of them decides, and nothing is concluded
PRIOR_POSITIONS = 3.0  # of outcome 0, beside the day's other positions: a day with few has a small control


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Closed positions for which the draw was made; columns are `(n,)`.

    day         UTC day number of the close
    rr          outcome in R per unit of size, as it came out
    replayed    (M - 1) * rr with M the size as served, in R; 0 where neutral was served
    draw        the draw of the position, uniform over 0 to 100 before anything else is known
    least, most the smallest and the largest share in percent that the modules held back, each between 0 and 100

    A draw below `least` leaves the position to neutral in every module, one of at least `most` leaves it to the levers
    in every module; positions between the two, of which only some modules held back, are on neither side.
    """

    day: Ints
    rr: Floats
    replayed: Floats
    draw: Floats
    least: Floats
    most: Floats

    def __post_init__(self) -> None:
        columns = (self.day, self.rr, self.replayed, self.draw, self.least, self.most)
        if len({len(column) for column in columns}) > 1:
            raise ValueError("columns: every position needs a value in each")
        if not ((self.least > 0) & (self.least <= self.most) & (self.most < 100)).all():
            raise ValueError("least, most: every position needs a chance of either answer")

    @property
    def is_served(self) -> NDArray[np.bool_]:
        """Whether every module that was asked answered with its levers."""
        return self.draw >= self.most

    @property
    def is_held_back(self) -> NDArray[np.bool_]:
        """Whether every module that was asked answered neutral."""
        return self.draw < self.least

    @property
    def weight(self) -> Floats:
        """One over the chance of being served, minus one over that of being held back, 0 between; its mean is 0."""
        served, held_back = self.is_served / (1.0 - self.most / 100.0), self.is_held_back / (self.least / 100.0)
        weight: Floats = served - held_back
        return weight


@dataclass(frozen=True, slots=True)
class ContrastDay:
    """One UTC day of closed positions for which the draw was made, as weighted sums over them (`contrast_days`)."""

    day: int
    positions: int
    served: int
    held_back: int
    expected_held_back: float
    replayed: float
    unseen: float


class Check(StrEnum):
    """What the contrast shows about the assumptions of the replay."""

    NO_DIFFERENCE = "no difference is shown"
    DIFFERENCE = "a difference is shown"
    TOO_FEW_DAYS = "too few days"


@dataclass(frozen=True, slots=True)
class HoldbackEffect:
    """Sums over days of the contrast and of its two parts, whole = replayed + unseen, in R.

    `whole` is what serving earned, M * rr against 1 * rr; `replayed` the part that the replay of sizes states;
    `unseen` the difference between the outcomes per unit of size, which the replay takes to be none. `calendar_days`
    are those from the first close to the last, with trades or without.
    """

    whole: DaySums
    replayed: DaySums
    unseen: DaySums
    served: int
    held_back: int
    expected_held_back: float
    calendar_days: int

    @property
    def is_enough(self) -> bool:
        """Whether there are enough days and held-back positions to conclude anything."""
        return self.whole.interval() is not None and self.held_back >= FEWEST_HELD_BACK

    @property
    def verdict(self) -> Verdict:
        """What the contrast by itself shows about what serving earns."""
        return verdict(self.whole) if self.is_enough else Verdict.TOO_FEW_DAYS

    @property
    def check(self) -> Check:
        """Whether the outcomes per unit of size differ between the groups."""
        interval = self.unseen.interval()
        if interval is None or not self.is_enough:
            return Check.TOO_FEW_DAYS
        return Check.DIFFERENCE if interval.is_above_zero or interval.is_below_zero else Check.NO_DIFFERENCE

    def months_needed(self, effect: float) -> float | None:
        """Return how many further months the contrast needs to show an effect of this size (R per trade).

        Zero once half its interval is narrower than the effect. None if there are too few days to tell, or if it would
        take over a hundred years. A month counts as the days with trades that it has had so far.
        """
        if not self.is_enough:
            return None
        days = days_needed(self.whole, effect)
        if days is None:
            return None
        return max(0.0, (days - self.whole.days) * self.calendar_days / self.whole.days / DAYS_A_MONTH)


def contrast_days(drawn: Drawn) -> list[ContrastDay]:
    """Return the sums of each day, weighted by the inverse of the chance of the answer that each position got.

    With A = 1 for a served position and e its chance, w = A / e - (1 - A) / (1 - e) has the mean zero whatever the
    position is like, and the mean of w * Y is the mean outcome of serving less that of holding back. From Y the mean
    outcome of the day's other positions is taken, which does not depend on the position's own draw: the mean stays what
    it is, and what the whole market did on the day is no longer noise. Worked by hand: two positions of one day at 50
    percent, one served 1.1 at rr 1 and one held back at rr 0; the controls are 0 / 4 and 1 / 4.

    >>> half = np.full(2, 50.0)
    >>> day, draw = np.array([1, 1]), np.array([70.0, 20.0])
    >>> [found] = contrast_days(Drawn(day, np.array([1.0, 0.0]), np.array([0.1, 0.0]), draw, half, half))
    >>> found.replayed, found.unseen, found.served, found.held_back, found.expected_held_back
    (0.2, 2.5, 1, 1, 1.0)
    """
    days, at = np.unique(drawn.day, return_inverse=True)
    weight = drawn.weight
    columns = (
        np.ones(len(at)), drawn.is_served, drawn.is_held_back, drawn.least / 100.0,
        weight * drawn.replayed, weight * (drawn.rr - _others(at, drawn.rr)),
    )  # fmt: skip
    sums = [np.bincount(at, column, len(days)).tolist() for column in columns]
    return [
        ContrastDay(day, int(n), int(served), int(held), expected, replayed, unseen)
        for day, n, served, held, expected, replayed, unseen in zip(days.tolist(), *sums, strict=True)
    ]


def holdback_effect(days: Iterable[ContrastDay]) -> HoldbackEffect:
    """Return the contrast over days, those with the same number (of several books) as one.

    >>> found = holdback_effect([ContrastDay(1, 2, 1, 1, 1.0, 0.25, 2.5), ContrastDay(1, 1, 1, 0, 0.5, 0.25, -1.0)])
    >>> found.whole.total, found.whole.days, found.whole.trades, found.calendar_days
    (2.0, 1, 3, 1)
    """
    every = list(days)
    together: dict[int, tuple[int, float, float]] = {}
    for each in every:
        n, replayed, unseen = together.get(each.day, (0, 0.0, 0.0))
        together[each.day] = n + each.positions, replayed + each.replayed, unseen + each.unseen
    whole, by_replay, by_rest = DaySums(), DaySums(), DaySums()
    for n, replayed, unseen in together.values():
        whole = whole.plus(replayed + unseen, n)
        by_replay, by_rest = by_replay.plus(replayed, n), by_rest.plus(unseen, n)
    return HoldbackEffect(
        whole,
        by_replay,
        by_rest,
        served=sum(each.served for each in every),
        held_back=sum(each.held_back for each in every),
        expected_held_back=sum(each.expected_held_back for each in every),
        calendar_days=max(together) - min(together) + 1 if together else 0,
    )


def _others(at: Ints, rr: Floats) -> Floats:
    """Return (n,): the mean rr of the other positions of the same day, drawn towards zero where they are few."""
    sums, counts = np.bincount(at, rr), np.bincount(at)
    others: Floats = (sums[at] - rr) / (counts[at] - 1 + PRIOR_POSITIONS)
    return others
