"""What an alternative of a lever changes of the outcome: doubly robust on the replays of both arms (docs/method.md 15).

A position of the explored share got the alternative (A = 1) with a known probability e, or the served value. The bot's
paper twin replays it under both: m1 and m0. With the outcome Y as it came out,

    psi = m1 - m0 + A (Y - m1) / e - (1 - A) (Y - m0) / (1 - e)

has the mean effect of the alternative as its mean whatever the replays are worth, because the draw knows nothing of the
position; good replays take most of the outcome's own spread out of it. Without both replays psi is inverse weighting,
A Y / e - (1 - A) Y / (1 - e), alone. UTC days are the units of the interval (`day_sequence`).

A position in which the bot took another value than the one drawn did not have its arm, and is left out. As the bot
chose those, the mean over the others is that of the alternative only if the choice had nothing to do with the outcome.
Therefore the mean over all of them, by what was drawn, is told as well: it is the effect of *serving* the alternative.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from overrides.core.monitoring.days.day_bootstrap import Floats, Ints
from overrides.core.monitoring.days.day_sequence import DaySums, Interval
from overrides.core.monitoring.days.days_needed import days_needed
from overrides.core.monitoring.days.uneven_draw import is_uneven
from overrides.core.monitoring.earning.earned import Verdict, further_days, verdict
from overrides.core.monitoring.scoring.calibration_bins import CalibrationBin, rows_by_bin

WORTH_KNOWING = 0.05  # R per trade: the page says how long an interval of half this width takes
NORMAL_95 = 1.96
SAME_VALUE = 5e-10  # levers are served to nine decimals


@dataclass(frozen=True, slots=True, eq=False)
class Explored:
    """Closed positions of the explored share that were admitted; columns are `(n,)`.

    day                 UTC day number of the close
    rr                  outcome in R per unit of size, as it came out
    is_alternative      whether the alternative was drawn
    probability         of the alternative, between 0 and 1
    replay_alternative  replayed outcome in R under the alternative; not a number where it is missing
    replay_served       the same under the served value
    took_other          whether the bot took another value than the one drawn
    """

    day: Ints
    rr: Floats
    is_alternative: NDArray[np.bool_]
    probability: Floats
    replay_alternative: Floats
    replay_served: Floats
    took_other: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if len({len(getattr(self, each.name)) for each in fields(self)}) > 1:
            raise ValueError("columns: every position needs a value in each")
        if not ((self.probability > 0) & (self.probability < 1)).all():
            raise ValueError("probability: every position needs a chance of either arm")
        if not np.isfinite(self.rr).all():
            raise ValueError("rr: every position needs an outcome")

    def of(self, chosen: NDArray[np.bool_] | Ints) -> Explored:
        """Return the chosen positions, by a mask `(n,)` or by row numbers."""
        return Explored(*(getattr(self, each.name)[chosen] for each in fields(self)))

    @property
    def has_replays(self) -> NDArray[np.bool_]:
        """Whether both arms were replayed."""
        return np.isfinite(self.replay_alternative) & np.isfinite(self.replay_served)

    @property
    def replay_taken(self) -> Floats:
        """The replay of the arm that was taken, in R; not a number where it is missing."""
        return np.where(self.is_alternative, self.replay_alternative, self.replay_served)


def inverse_weighting(rows: Explored) -> Floats:
    """Return A Y / e - (1 - A) Y / (1 - e) of each position, in R: its mean is the effect, its spread is large.

    >>> missing, arm = np.full(2, np.nan), np.array([True, False])
    >>> day, e = np.array([1, 1]), np.array([0.25, 0.25])
    >>> rr, no = np.array([1.0, 0.75]), np.zeros(2, bool)
    >>> inverse_weighting(Explored(day, rr, arm, e, missing, missing, no)).tolist()
    [4.0, -1.0]
    """
    e = rows.probability
    return np.where(rows.is_alternative, rows.rr / e, -rows.rr / (1 - e))


def doubly_robust(rows: Explored) -> Floats:
    """Return psi of each position, in R; without both replays that of inverse weighting.

    Worked by hand: at e = .25, a position with the alternative that came out at 1.0, replayed .9 and .5, has
    .9 - .5 + (1.0 - .9) / .25 = .8; one with the served value at .75, replayed .9 and .6, .3 - .15 / .75 = .1.

    >>> day, e, arm = np.array([1, 1]), np.array([0.25, 0.25]), np.array([True, False])
    >>> replays = np.array([0.9, 0.9]), np.array([0.5, 0.6])
    >>> rows = Explored(day, np.array([1.0, 0.75]), arm, e, *replays, np.zeros(2, bool))
    >>> doubly_robust(rows).round(9).tolist()
    [0.8, 0.1]
    """
    e = rows.probability
    off_by = rows.rr - rows.replay_taken
    corrected = np.where(rows.is_alternative, off_by / e, -off_by / (1 - e))
    psi = rows.replay_alternative - rows.replay_served + corrected
    return np.where(rows.has_replays, psi, inverse_weighting(rows))


@dataclass(frozen=True)
class Effect:
    """The effect of an alternative, as sums over days in R, and what there is beside it.

    `doubly_robust` is the estimate. `weighting` uses the draw alone, `replayed` the replays alone, which nothing
    vouches for. `positions` were admitted, closed and had their arm; `alternatives` of them had the alternative where
    `expected_alternatives` were expected, and `without_replays` lacked a replay. `calendar_days` are those from the
    first close to the last. `calibration_alternative` and `calibration_served` set the replay of the arm that was taken
    beside what came of it.

    `other_than_alternative` and `other_than_served` count the positions left out because the bot took another value
    than the one drawn; `as_drawn` is `doubly_robust` with those, each under the arm that it drew.
    """

    doubly_robust: DaySums
    weighting: DaySums
    replayed: DaySums
    positions: int
    alternatives: int
    expected_alternatives: float
    without_replays: int
    calendar_days: int
    calibration_alternative: tuple[CalibrationBin, ...]
    calibration_served: tuple[CalibrationBin, ...]
    as_drawn: DaySums
    other_than_alternative: int
    other_than_served: int

    @property
    def left_out(self) -> int:
        """How many closed positions were left out, because the bot took another value than the one drawn."""
        return self.other_than_alternative + self.other_than_served

    @property
    def closed(self) -> int:
        """How many admitted positions have closed, those that were left out too."""
        return self.positions + self.left_out

    @property
    def interval(self) -> Interval | None:
        """The interval of the mean per trade, in R; None before there are enough days."""
        return self.doubly_robust.interval()

    @property
    def verdict(self) -> Verdict:
        """What the interval shows of the alternative."""
        return verdict(self.doubly_robust)

    @property
    def further_days(self) -> int | None:
        """How many further days with closes would show a mean of the present size; None if it is shown, or never."""
        return further_days(self.doubly_robust)

    @property
    def is_uneven(self) -> bool:
        """Whether more or fewer of the positions compared had the alternative than its probability explains."""
        if not self.positions:
            return False
        return is_uneven(self.alternatives, self.positions, 100 * self.expected_alternatives / self.positions)

    def further_days_for(self, effect: float = WORTH_KNOWING) -> int | None:
        """Return how many further days with closes would make half the interval as narrow as `effect` (R per trade).

        0 if it is so already; None without any position, or if it would take over a hundred years.
        """
        needed = days_needed(self.doubly_robust, effect)
        return None if needed is None else max(0, needed - self.doubly_robust.days)


def effect_of(rows: Explored) -> Effect:
    """Return the effect over positions in any order.

    >>> one = np.array([1.0])
    >>> rows = Explored(np.array([3]), one, np.array([True]), one / 2, one, one - 0.25, np.array([False]))
    >>> found = effect_of(rows)
    >>> found.doubly_robust.mean, found.weighting.mean, found.positions, found.interval
    (0.25, 2.0, 1, None)
    """
    every, rows = rows, rows.of(~rows.took_other)
    known = rows.has_replays
    difference = (rows.replay_alternative - rows.replay_served)[known]
    return Effect(
        DaySums.over(rows.day, doubly_robust(rows)),
        DaySums.over(rows.day, inverse_weighting(rows)),
        DaySums.over(rows.day[known], difference),
        positions=len(rows.rr),
        alternatives=int(rows.is_alternative.sum()),
        expected_alternatives=math.fsum(rows.probability),
        without_replays=int((~known).sum()),
        calendar_days=int(np.ptp(rows.day)) + 1 if len(rows.day) else 0,
        calibration_alternative=_calibration(rows, rows.is_alternative),
        calibration_served=_calibration(rows, ~rows.is_alternative),
        as_drawn=DaySums.over(every.day, doubly_robust(every)),
        other_than_alternative=int((every.took_other & every.is_alternative).sum()),
        other_than_served=int((every.took_other & ~every.is_alternative).sum()),
    )


def _calibration(rows: Explored, of_arm: NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    """Return bins of the positions of one arm by what was replayed of it, with what came of them."""
    chosen = of_arm & np.isfinite(rows.replay_taken)
    day, replayed, rr = rows.day[chosen], rows.replay_taken[chosen], rows.rr[chosen]
    return tuple(_bin(day[each], replayed[each], rr[each]) for each in rows_by_bin(replayed))


def _bin(day: Ints, replayed: Floats, rr: Floats) -> CalibrationBin:
    """Return one bin; its interval is for one look, from the spread between days, and None on a single day."""
    sums, mean = DaySums.over(day, rr), float(rr.mean())
    half = NORMAL_95 * math.sqrt((sums.variance or 0.0) * sums.days) / len(rr)
    low, high = (mean - half, mean + half) if sums.days > 1 else (None, None)
    return CalibrationBin(len(rr), float(replayed.mean()), mean, low, high)


def replay_at(replays: Mapping[str, float], value: float) -> float | None:
    """Return the replay of the arm whose name is this value of the lever, to nine decimals; None without one.

    >>> replay_at({"0": -0.5, "2.0": 0.25}, 2.0), replay_at({"later": 1.0}, 2.0)
    (0.25, None)
    """
    return next((float(replayed) for name, replayed in replays.items() if is_value(name, value)), None)


def is_value(told: str | float, value: float) -> bool:
    """Return whether a bot tells this value of a lever, to nine decimals; a word is no value.

    >>> is_value("2.0", 2.0), is_value(1.5, 2.0), is_value("later", 2.0)
    (True, False, False)
    """
    try:
        return abs(float(told) - value) < SAME_VALUE
    except ValueError:
        return False
