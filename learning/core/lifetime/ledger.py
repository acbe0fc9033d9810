"""The ledger of a learner's life: evidence of all lines, their shares of the error budget, and what was published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from learning.core.cells.rows import Floats, Ints
from learning.core.lifetime.e_process import DayDependence, Evidence
from learning.core.lifetime.publication import FEWEST, has_lost_its_sign, published_now
from learning.core.lifetime.spending import SURPLUS, horizon_boosts, share_spent, shares_of_budget

NEVER = -1
LEAST_INITIAL = 300  # fewer leave little for the lines of a log that has just begun, more make each share small
COLUMNS = ("number", "share", "boost", "horizon", "sign", "published", "withdrawn", "times")


@dataclass(frozen=True, eq=False)
class DayChange:
    """The positions of the lines that a day published and withdrew."""

    published: Ints
    withdrawn: Ints


@dataclass(eq=False)
class Ledger:
    """The state of a learner's life; columns are `(lines,)`.

    number     order of arrival or restart, from 1; 0 for a line that has not arrived
    share      share of the budget; 0 before arrival
    boost      horizon boost
    horizon    most trades for which the boost holds; beyond, the line restarts with a new number
    sign       -1 or 1 while published, otherwise 0
    published, withdrawn   the newest such day, NEVER if there was none
    times      how often it was published
    initial    number of first arrivals with equal shares, at least 1: fixed before the first arrival, and raised to the
               number of lines that arrive first together
    arrivals   number of arrivals and restarts so far
    ever       number of publications so far, withdrawn ones included
    """

    evidence: Evidence
    number: Ints
    share: Floats
    boost: Floats
    horizon: Floats
    sign: Floats
    published: Ints
    withdrawn: Ints
    times: Ints
    initial: int = LEAST_INITIAL
    arrivals: int = 0
    ever: int = 0

    @classmethod
    def of_new(cls, lines: int, initial: int = LEAST_INITIAL) -> Self:
        """Return the ledger of lines that have not arrived."""
        share, boost, horizon, sign = np.zeros((4, lines))
        number, times = np.zeros((2, lines), dtype=np.int64)
        published, withdrawn = np.full((2, lines), NEVER, dtype=np.int64)
        return cls(Evidence.of_new(lines), number, share, boost, horizon, sign, published, withdrawn, times, initial)

    @property
    def spent(self) -> float:
        """The share of the budget, 0 to 1, that arrivals and restarts have taken."""
        return share_spent(self.arrivals, self.initial)

    def arrive(self, expected: Floats) -> None:
        """Number the lines that have 20 trades by now, in the order of the columns, which no outcome may decide.

        `expected` `(lines,)` is the number of trades expected over the budgeted life.
        """
        new = np.flatnonzero((self.number == 0) & (self.evidence.n >= FEWEST - 1e-9))
        if not self.arrivals:
            self.initial = max(self.initial, len(new))
        self.boost[new] = horizon_boosts(expected[new])
        self.horizon[new] = SURPLUS * np.maximum(expected[new], FEWEST)
        self._number(new)

    def close_day(self, day: int, alpha: float) -> DayChange:
        """Withdraw and publish, given the evidence up to and including this day."""
        evidence = self.evidence
        held = np.flatnonzero(self.sign)
        lost = held[has_lost_its_sign(self.sign[held], evidence.recent[held], evidence.recent_n[held])]
        self.sign[lost], self.withdrawn[lost] = 0.0, day
        over = np.flatnonzero((self.number > 0) & (self.sign == 0) & (evidence.n > self.horizon))
        ended = np.union1d(lost, over)
        evidence.restart(ended)
        self._number(ended)
        able = np.flatnonzero((self.number > 0) & (self.sign == 0) & (evidence.n >= FEWEST - 1e-9))
        e = evidence.e_values()[able]
        found = able[published_now(e, self.share[able], self.boost[able], alpha, self.ever)]
        self.sign[found] = np.where(evidence.u[found] < 0, -1.0, 1.0)
        self.published[found] = day
        self.times[found] += 1
        self.ever += len(found)
        return DayChange(found, lost)

    def take_day(
        self,
        day: int,
        at: Ints,
        n: Floats,
        total: Floats,
        *,
        dependence: DayDependence,
        expected: Floats,
        alpha: float,
    ) -> DayChange:
        """Take in a closed day (`Evidence.take_day`), number new lines, withdraw and publish."""
        self.evidence.take_day(day, at, n, total, dependence)
        self.arrive(expected)
        return self.close_day(day, alpha)

    def append(self, other: Self) -> None:
        """Add the lines of another ledger, none of which has arrived, after the own ones."""
        self.evidence.append(other.evidence)
        for name in COLUMNS:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(other, name)]))

    def _number(self, at: Ints) -> None:
        self.number[at] = self.arrivals + 1 + np.arange(len(at))
        self.arrivals += len(at)
        self.share[at] = shares_of_budget(self.number[at], self.initial)
