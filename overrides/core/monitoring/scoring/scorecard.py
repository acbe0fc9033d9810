"""Scorecards: what a group of lines promised, what came of it, and what the group earned (docs/method.md 13.2).

A row is one closed trade and one line. Promised and realised are signed by the side to which the line moves its levers,
so both are positive where a line that raises exposure meets good trades, and where one that lowers it meets bad ones.
Intervals hold at all looks at once and take UTC days whole (`day_sequence`); below 30 days there are none.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from overrides.core.monitoring.days.confidence_sequence import ALPHA, half_width
from overrides.core.monitoring.days.day_bootstrap import Floats, Ints, day_sums
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, DaySums, Interval
from overrides.core.monitoring.scoring.calibration_bins import CalibrationBin, rows_by_bin
from overrides.core.monitoring.scoring.touched import Touched

LEAST_PROMISE = 1e-9  # R; promises below it are no promises to compare with


@dataclass(frozen=True, eq=False)
class TouchedColumns:
    """Rows of touched trades as columns, each `(rows,)`.

    line        number of the line
    override    number of the override
    trade       number of the trade: rows of one trade share it
    day         UTC day of the close
    decisions   answers in which the line acted
    promised    predicted by the promise, signed; nan without a promise or a side
    realised    residual of the promise, signed; nan without one
    earned      sum of shares in R; nan where no lever has an identified effect
    moved       sum of |part| in log units; nan as `earned`
    """

    line: Ints
    override: Ints
    trade: Ints
    day: Ints
    decisions: Ints
    promised: Floats
    realised: Floats
    earned: Floats
    moved: Floats

    def __len__(self) -> int:
        return len(self.day)

    @classmethod
    def of(cls, rows: Iterable[Touched], line: Callable[[str], int], override: Callable[[str], int]) -> Self:
        """Return the columns of these rows; `line` and `override` number lines and overrides by their ids."""
        trades: dict[object, int] = {}
        values = array("d")
        for row in rows:
            values.extend(
                (
                    line(row.line),
                    override(row.override),
                    trades.setdefault(row.trade, len(trades)),
                    row.day,
                    row.decisions,
                    _signed(row.sign, row.predicted),
                    _signed(row.sign, row.residual),
                    _known(row.earned),
                    _known(row.moved),
                )
            )
        columns = np.frombuffer(values, np.float64).reshape(-1, 9).T if values else np.empty((9, 0))
        return cls(*(each.astype(np.int64) for each in columns[:5]), *columns[5:])

    def at(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> TouchedColumns:
        """Return some of the rows."""
        return TouchedColumns(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Scorecard:
    """What a group of lines promised and earned in closed trades.

    trades       distinct trades; `decisions` are the answers of these in which its lines acted
    moved        sum of |part| over its levers with an identified effect, in log units; None without such a lever
    judged       rows that have a promise and an outcome, over `judged_days` days; `promised` is their mean promise in R
    realised     interval of their mean outcome in R; None below 30 days
    slope        R realised per R promised, with its interval; None below 30 days, or where nothing was promised
    earning_days days on which levers with an identified effect earned or lost; `earned` is their sum in R
    earned_each  interval of what was earned per trade, in R; None below 30 days
    """

    trades: int
    decisions: int
    moved: float | None
    judged: int
    judged_days: int
    promised: float | None
    realised: Interval | None
    slope: Interval | None
    bins: tuple[CalibrationBin, ...]
    earning_days: int
    earned: float | None
    earned_each: Interval | None


def scorecard(rows: TouchedColumns, *, with_bins: bool = False) -> Scorecard:
    """Return the scorecard of these rows; `with_bins` also sets outcomes beside promises in bins by promise.

    A trade counts once for what is earned, with the sum over its lines; it counts once per line for the promises.
    """
    has_both = ~np.isnan(rows.promised) & ~np.isnan(rows.realised)
    day, promised, realised = rows.day[has_both], rows.promised[has_both], rows.realised[has_both]
    judged = DaySums.over(day, realised)
    earns = ~np.isnan(rows.earned)
    each = _earned_by_trade(rows, earns)
    return Scorecard(
        trades=len(np.unique(rows.trade)),
        decisions=int(rows.decisions.sum()),
        moved=math.fsum(rows.moved[earns]) if earns.any() else None,
        judged=judged.trades,
        judged_days=judged.days,
        promised=float(promised.mean()) if len(promised) else None,
        realised=judged.interval(),
        slope=slope_interval(day, promised, realised),
        bins=tuple(_bins(day, promised, realised)) if with_bins else (),
        earning_days=each.days,
        earned=math.fsum(rows.earned[earns]) if earns.any() else None,
        earned_each=each.interval(),
    )


def slope_interval(day: Ints, promised: Floats, realised: Floats, alpha: float = ALPHA) -> Interval | None:
    """Return the slope through the origin of realised over promised, with its always-valid interval.

    All columns are `(rows,)`: UTC day, and R per trade. With x promised and y realised, a day counts with the sum S of
    its x y and the sum N of its x^2 (docs/method.md 13.2):

        slope = sum of S / sum of N
        v     = (1 / k) * sum over the k days of (S - slope * N)^2
        half  = half_width(k, v) / (sum of N / k)

    None below 30 days, or if nothing was promised. Where half of all that was promised comes true on each of 30 days:

    >>> x = np.array([0.1, 0.3] * 30)
    >>> found = slope_interval(np.repeat(np.arange(30), 2), x, x / 2)
    >>> round(found.mean, 12), round(found.low, 6), round(found.high, 6), found.days, found.trades
    (0.5, 0.5, 0.5, 30, 60)
    """
    if len(day) == 0 or float(np.abs(promised).max()) < LEAST_PROMISE:
        return None
    days, products, _ = day_sums(day, promised * realised)
    if len(days) < FEWEST_DAYS:
        return None
    squares = day_sums(day, promised**2)[1]
    slope, count = float(products.sum() / squares.sum()), float(len(days))
    variance = float(((products - slope * squares) ** 2).mean())
    half = float(half_width(np.array([count]), variance, alpha)[0]) * count / float(squares.sum())
    return Interval(slope, slope - half, slope + half, len(days), len(day))


def _earned_by_trade(rows: TouchedColumns, earns: NDArray[np.bool_]) -> DaySums:
    """Return the sums over days of what each trade earned through the lines of the group."""
    trade, first, place = np.unique(rows.trade[earns], return_index=True, return_inverse=True)
    earned = np.bincount(place, rows.earned[earns], len(trade)).astype(np.float64)
    return DaySums.over(rows.day[earns][first], earned)


def _bins(day: Ints, promised: Floats, realised: Floats) -> Iterable[CalibrationBin]:
    """Yield the bins that have enough days for an interval."""
    for inside in rows_by_bin(promised):
        found = DaySums.over(day[inside], realised[inside]).interval()
        if found is not None:
            yield CalibrationBin(found.trades, float(promised[inside].mean()), found.mean, found.low, found.high)


def _signed(sign: int | None, value: float | None) -> float:
    return math.nan if sign is None or value is None else sign * value


def _known(value: float | None) -> float:
    return math.nan if value is None else value
