"""An interval of a mean per trade that stays valid however often one looks, with whole UTC days as its units.

Trades of one day share its market, so the day is what varies independently: a day counts with the sum of its trades.
The asymptotic confidence sequence (Waudby-Smith et al. 2024; `confidence_sequence`) is applied to the days. What is
kept of them are six sums, so a further day costs the same however many there were (docs/method.md 13). Dependence
beyond a day is not in the interval, which is then too narrow (13.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from overrides.core.monitoring.days.confidence_sequence import ALPHA, half_width
from overrides.core.monitoring.days.day_bootstrap import Floats, Ints, day_sums

FEWEST_DAYS = 30  # with fewer, the asymptotic interval is not to be relied on, and there is none


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean per trade in the unit of the outcomes, with the ends of its interval, over so many days and trades."""

    mean: float
    low: float
    high: float
    days: int
    trades: int

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0

    @property
    def is_below_zero(self) -> bool:
        """Whether the whole interval lies below zero."""
        return self.high < 0


@dataclass(frozen=True, slots=True)
class DaySums:
    """Sums over days: of each day's total S and its number of trades n, of S squared, S n and n squared."""

    days: int = 0
    trades: int = 0
    total: float = 0.0
    total_squared: float = 0.0
    total_by_trades: float = 0.0
    trades_squared: float = 0.0

    @classmethod
    def over(cls, day: Ints, values: Floats) -> Self:
        """Return the sums of `values` (rows,); `day` (rows,) is the UTC day number of each row.

        >>> DaySums.over(np.array([0, 0, 1]), np.array([1.0, 2.0, -1.0])).mean
        0.6666666666666666
        """
        if len(values) == 0:
            return cls()
        _, totals, counts = day_sums(day, values)
        return cls(
            len(totals),
            len(values),
            math.fsum(totals),
            math.fsum(totals**2),
            math.fsum(totals * counts),
            math.fsum(counts.astype(np.float64) ** 2),
        )

    @property
    def mean(self) -> float | None:
        """The mean per trade; None without any."""
        return self.total / self.trades if self.trades else None

    @property
    def variance(self) -> float | None:
        """The mean over days of (S - mean * n)^2; None without any trade.

        >>> DaySums.over(np.array([0, 1]), np.array([1.5, -0.5])).variance
        1.0
        """
        if not self.trades:
            return None
        mean = self.total / self.trades
        squares = self.total_squared - 2 * mean * self.total_by_trades + mean**2 * self.trades_squared
        return max(0.0, squares / self.days)

    def plus(self, total: float, trades: int) -> DaySums:
        """Return the sums with one further whole day.

        >>> DaySums().plus(3.0, 2).plus(-1.0, 1) == DaySums.over(np.array([0, 0, 1]), np.array([1.0, 2.0, -1.0]))
        True
        """
        return DaySums(
            self.days + 1,
            self.trades + trades,
            self.total + total,
            self.total_squared + total**2,
            self.total_by_trades + total * trades,
            self.trades_squared + trades**2,
        )

    def interval(self, alpha: float = ALPHA) -> Interval | None:
        """Return the interval, which covers the true mean at all looks at once with probability 1 - alpha.

        With v the mean over k days of (S - mean * n)^2, half its width is that of a sequence of k outcomes of variance
        v, divided by the trades per day. None below `FEWEST_DAYS`. 40 days with two trades each, of +1.5 R and of -0.5
        R in turn a day, have v = 1:

        >>> sums = DaySums()
        >>> for total in [1.5, -0.5] * 20:
        ...     sums = sums.plus(total, 2)
        >>> found, half = sums.interval(), half_width(np.array([40.0]), 1.0)[0] / 2
        >>> round(found.mean, 4), round(found.high - found.mean, 4), round(float(half), 4)
        (0.25, 0.2561, 0.2561)
        """
        if self.days < FEWEST_DAYS:
            return None
        mean, variance = self.total / self.trades, self.variance or 0.0
        half = float(half_width(np.array([float(self.days)]), variance, alpha)[0]) * self.days / self.trades
        return Interval(mean, mean - half, mean + half, self.days, self.trades)
