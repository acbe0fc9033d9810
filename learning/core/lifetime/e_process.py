"""Evidence of lines that may be looked at every day: one e-process for each line, updated by closed decision days.

An e-process of a line without an edge has an expected value of 1 at most, whenever one stops looking (Ramdas et al.,
Statistical Science 2023). Outcomes are in standard deviations of their pattern's noise, winsorised, less the baseline
that was fixed the day before. Those of a line and day form one block, whose variance allows for their correlation and
for that with the days before:

    V_d = n_d (1 + rho (n_d - 1) + 2 A_d)       A_d = phi (A_(d-1) + rho n_(d-1)), for each calendar day
    U += n_d S_d / V_d                          I += n_d^2 / V_d
    E = mean over tau of (1 + tau^2 I)^(-1/2) exp(U^2 tau^2 / (2 (1 + tau^2 I)))

The correlation over days makes E an approximate e-process; for independent days with normal means it is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from learning.core.cells.rows import Floats, Ints

SCALES = np.array([0.23, 0.46])  # sds of the edges expected, in those of the outcome: .3 and .6 R at 1.3 R
RECENT_HALF_LIFE = 90.0  # days
LARGEST_LOG = 700.0  # exp() of more overflows


@dataclass(frozen=True)
class DayDependence:
    """How outcomes of one line correlate: `rho` within a day (0 to 1), times `phi` (0 to below 1) per day between."""

    rho: float
    phi: float

    def __post_init__(self) -> None:
        if not 0 <= self.rho <= 1 or not 0 <= self.phi < 1:
            raise ValueError("dependence: rho from 0 to 1 and phi from 0 to below 1 expected")


@dataclass(eq=False)
class Evidence:
    """The state of lines, a column `(lines,)` for each number.

    u, i           score and information
    a              what the days before `day` add to its variance
    day, day_n     the newest day with outcomes, a whole number, and its number of outcomes
    n              all outcomes
    recent, recent_n   sum and number of outcomes, each halved every 90 days, as of `day`
    """

    u: Floats
    i: Floats
    a: Floats
    day: Ints
    day_n: Floats
    n: Floats
    recent: Floats
    recent_n: Floats

    @classmethod
    def of_new(cls, lines: int) -> Self:
        """Return the state of lines without outcomes."""
        u, i, a, day_n, n, recent, recent_n = np.zeros((7, lines))
        return cls(u, i, a, np.zeros(lines, dtype=np.int64), day_n, n, recent, recent_n)

    def __len__(self) -> int:
        return len(self.u)

    def take_day(self, day: int, at: Ints, n: Floats, total: Floats, dependence: DayDependence) -> None:
        """Take in one closed day: lines `at` (each once) had `n` outcomes (above 0) of sum `total`, in sds.

        Raises ValueError if a line has taken in this day or a later one.

        >>> one = Evidence.of_new(1)
        >>> one.take_day(5, np.array([0]), np.array([2.0]), np.array([3.0]), DayDependence(0.5, 0.5))
        >>> one.u.round(4).tolist(), one.i.round(4).tolist()  # V = 2 (1 + .5)
        ([2.0], [1.3333])
        >>> one.take_day(6, np.array([0]), np.array([1.0]), np.array([1.0]), DayDependence(0.5, 0.5))
        >>> one.a.tolist(), one.u.round(4).tolist()  # A = .5 (0 + .5 * 2), V = 1 + 2 A
        ([0.5], [2.5])
        """
        gap = day - self.day[at]
        is_new = self.n[at] == 0
        if (gap[~is_new] < 1).any():
            raise ValueError(f"day: {day} or a later day is already taken in")
        gap = np.where(is_new, 1, gap)
        a = dependence.phi**gap * (self.a[at] + dependence.rho * self.day_n[at])
        variance = n * (1 + np.maximum(dependence.rho * (n - 1), 0) + 2 * a)
        fading = np.exp2(-gap / RECENT_HALF_LIFE)
        self.u[at] += n * total / variance
        self.i[at] += n * n / variance
        self.a[at], self.day[at], self.day_n[at] = a, day, n
        self.n[at] += n
        self.recent[at] = self.recent[at] * fading + total
        self.recent_n[at] = self.recent_n[at] * fading + n

    def e_values(self) -> Floats:
        """Return the e-value `(lines,)` of each line, 0 or more, 1 without outcomes.

        >>> state = Evidence.of_new(2)
        >>> state.take_day(0, np.array([1]), np.array([100.0]), np.array([50.0]), DayDependence(0, 0))
        >>> state.e_values().round(1).tolist()
        [1.0, 23546.6]
        """
        spread = 1 + np.square(SCALES)[:, None] * self.i
        logs = np.square(self.u * SCALES[:, None]) / (2 * spread) - 0.5 * np.log(spread)
        values: Floats = np.exp(np.minimum(logs, LARGEST_LOG)).mean(axis=0)
        return values

    def restart(self, at: Ints) -> None:
        """Forget all evidence of the lines `at`; what they had is never used again."""
        for column in fields(self):
            getattr(self, column.name)[at] = 0

    def append(self, other: Self) -> None:
        """Add the lines of another state after the own ones."""
        for column in fields(self):
            name = column.name
            setattr(self, name, np.concatenate([getattr(self, name), getattr(other, name)]))
