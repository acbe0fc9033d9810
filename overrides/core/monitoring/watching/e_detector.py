"""Detect that an approved override has stopped working: a mixture e-Shiryaev-Roberts detector over UTC days.

A trade counts with u, the part of its outcome that the override predicted in direction: sign * residual / s_p, clipped
at 3. While the override works the mean of u is not below zero, and a bet of the share `l` against it is fair or loses:
the capital of each bet is M_l <- (M_l + trades) * (1 - l * v), and the detector is their mean. It then stays below
`LIMIT` for at least as many trades on average, whatever the distribution (the e-detector theorem, up to the clip).

Trades of one day share its market, so the unit is the day: v = (sum of its u) / sqrt(trades * effect), clipped at 3,
with `effect` the variance of earlier days' sums beside that of independent trades, and `trades` counted as
trades / effect. The mean of v grows with trades / effect, so `l` grows with its fourth root, up to `LARGEST_SHARE`.
A stream of one trade a day is the detector per trade (docs/method.md 13.3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SHARES = (0.02, 0.05, 0.1, 0.2, 0.3)  # l of each bet on a day worth one trade
LARGEST_SHARE = 0.33  # of any day; less than 1 / CLIP, so that no capital is lost whole
LIMIT = 1000.0  # a mean capital of this and more disables what is watched
AMBER = 6.0  # a cumulative sum of this and more asks for a look and disables nothing
CLIP = 3.0
INDEPENDENT_DAYS = 30.0  # with how many days of independent trades the measured variance is averaged


@dataclass(frozen=True, slots=True)
class Detector:
    """The state of one detector; what a day or a trade adds to it costs the same however many there were.

    `capital` has M of each of `SHARES`; `cusum` is the cumulative sum that marks amber. `days`, `trades`, `total`
    and `squares` are sums over the closed days: their number, their trades n, of their u, and of (sum of u)^2 / n.
    The open day, a UTC day number or -1 without one, has `open_trades` with the sum `open_total`.
    """

    capital: tuple[float, ...] = (0.0,) * len(SHARES)
    cusum: float = 0.0
    days: int = 0
    trades: int = 0
    total: float = 0.0
    squares: float = 0.0
    open_day: int = -1
    open_trades: int = 0
    open_total: float = 0.0

    @property
    def level(self) -> float:
        """The mean capital M, as of the last closed day."""
        return math.fsum(self.capital) / len(self.capital)

    @property
    def seen(self) -> int:
        """All trades counted, those of the open day included."""
        return self.trades + self.open_trades

    @property
    def is_red(self) -> bool:
        """Whether the capital has reached the limit: what is watched is disabled."""
        return self.level >= LIMIT

    @property
    def is_amber(self) -> bool:
        """Whether the cumulative sum asks for a look."""
        return self.cusum >= AMBER

    def plus(self, day: int, u: float, good: float) -> Detector:
        """Return the state with one further trade of the UTC day number `day`, closing the open day before it.

        `u` comes from `standardised`; `good` is the promised size of the effect over s_p, for the cumulative sum.
        Raises ValueError for a day before the open one: such a trade takes a computation from the beginning.

        >>> Detector().plus(0, -1.0, 0.2).plus(1, -1.0, 0.2).level
        1.134
        """
        if day < self.open_day:
            raise ValueError(f"day {day} lies before the open day {self.open_day}")
        state = self.closed(day, good)
        return state.replaced(open_day=day, open_trades=state.open_trades + 1, open_total=state.open_total + u)

    def closed(self, today: int, good: float) -> Detector:
        """Return the state with the open day closed, if it is over on the UTC day number `today`."""
        if self.open_trades == 0 or self.open_day >= today:
            return self
        n, total = np.array([float(self.open_trades)]), np.array([self.open_total])
        effect = np.array([design_effect(self.days, self.trades, self.total, self.squares)])
        capital = stepped(np.array([self.capital]), n, total, effect)[0]
        return Detector(
            capital=tuple(float(each) for each in capital),
            cusum=max(0.0, self.cusum - 2 * good * self.open_total / float(effect[0])),
            days=self.days + 1,
            trades=self.trades + self.open_trades,
            total=self.total + self.open_total,
            squares=self.squares + self.open_total**2 / self.open_trades,
            open_day=self.open_day,
        )

    def replaced(self, **changed: Any) -> Detector:
        """Return the state with some fields replaced."""
        return Detector(**({each.name: getattr(self, each.name) for each in fields(self)} | changed))

    def to_document(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"capital": list(self.capital)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the state that `to_document` wrote.

        >>> state = Detector().plus(0, -1.0, 0.2).closed(1, 0.2)
        >>> Detector.from_document(state.to_document()) == state
        True
        """
        return cls(**{**document, "capital": tuple(document["capital"])})


def standardised(sign: int, residual: float, s_p: float) -> float:
    """Return u of one trade: the residual (R) in the direction that was predicted, in units of s_p > 0 (R).

    >>> standardised(-1, -0.7, 1.4), standardised(1, -9.0, 1.4)
    (0.5, -3.0)
    """
    return max(-CLIP, min(CLIP, sign * residual / s_p))


def design_effect(days: int, trades: int, total: float, squares: float) -> float:
    """Return by how much the sums of days vary beside those of independent trades of variance 1; at least 1.

    The arguments are the sums of `Detector`. The measured variance is averaged with `INDEPENDENT_DAYS` days of 1.

    >>> design_effect(0, 0, 0.0, 0.0), design_effect(30, 90, 0.0, 60.0)
    (1.0, 1.5)
    """
    spread = squares - (total**2 / trades if trades else 0.0)
    return max(1.0, (INDEPENDENT_DAYS + spread) / (INDEPENDENT_DAYS + days))


def stepped(capital: Floats, trades: Floats, total: Floats, effect: Floats) -> Floats:
    """Return the capital (streams, bets) after one day of each stream.

    `trades` >= 1, `total` (the sum of u) and `effect` are (streams,). One trade with u = -1 on no capital:

    >>> stepped(np.zeros((1, 5)), np.ones(1), -np.ones(1), np.ones(1)).round(2)
    array([[1.02, 1.05, 1.1 , 1.2 , 1.3 ]])

    Four independent trades with a sum of -2, so v = -1, bet 1.41 times as much:

    >>> stepped(np.zeros((1, 5)), np.full(1, 4.0), np.full(1, -2.0), np.ones(1)).round(2)
    array([[4.11, 4.28, 4.57, 5.13, 5.32]])
    """
    v = np.clip(total / np.sqrt(trades * effect), -CLIP, CLIP)
    worth = trades / effect
    shares = np.minimum(LARGEST_SHARE, np.array(SHARES) * np.maximum(1.0, worth)[:, None] ** 0.25)
    found: Floats = (capital + worth[:, None]) * (1 - shares * v[:, None])
    return found
