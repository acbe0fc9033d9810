"""Which of the lines that acted together stopped working: the evidence that remains beside what the others realised.

The residual of a line takes the promises of its neighbours for true, so it falls too when one of them stops working.
Here the same detector also runs on residuals that take of each neighbour what its promise has become by the end of
the day before: promised + d. The d of the lines are estimated together, by the share of a day's surprise that the
uncertainty of each promise explains, so a line that is often alone bears its own shortfall (docs/method.md 13.3).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

import numpy as np
import numpy.typing as npt

from overrides.core.monitoring.watching.e_detector import LIMIT, Detector, design_effect, standardised

REMAINS = 0.6 * LIMIT  # evidence that has to remain against a line that has the most among those that acted with it
WIDER = 2.0  # how many times wider than its promise says an effect may lie from it, as effects change
FEWEST_SD = 1e-6  # R; a promise is never certain


@dataclass(frozen=True, slots=True)
class Acted:
    """One closed trade and one line that acted in it, with what the line promised of it.

    `day` is the UTC day of the close, `sign` the side of the promise (+1 or -1). In R: `residual` is the outcome less
    mu0 and the predictions of the other lines, `predicted` the line's own prediction with its standard deviation `sd`,
    `s_p` > 0 the standard deviation of outcomes.
    """

    line: str
    trade: UUID
    day: int
    sign: int
    residual: float
    predicted: float
    sd: float
    s_p: float

    @property
    def surprise(self) -> float:
        """The outcome less all that was predicted of it, in R."""
        return self.residual - self.predicted


@dataclass(frozen=True, eq=False)
class Paths:
    """Where the evidence against each line stood at the end of each day.

    `days` (days,) are ordinals; `promised` and `remaining` (days, lines) are levels of the detector: with the
    neighbours at what they promised, and at what they realised. `last` (lines,) is the last day on which a line acted.
    """

    lines: tuple[str, ...]
    days: npt.NDArray[np.int64]
    promised: npt.NDArray[np.float64]
    remaining: npt.NDArray[np.float64]
    last: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a line is to blame; what `remaining` evidence that rests on, and which line has more (None: none has)."""

    is_to_blame: bool
    remaining: float
    worse: str | None


class _Together:
    """The state of the lines that acted together, day by day."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.place = {line: number for number, line in enumerate(lines)}
        self.promised = [Detector() for _ in lines]
        self.remaining = [Detector() for _ in lines]
        self.shift = np.zeros(len(lines))  # d of each line, in R

    def add(self, day: int, rows: Sequence[Acted]) -> None:
        """Add a whole day: count its trades with what was known before it, then learn from it."""
        variance = np.zeros(len(self.place))
        acted: dict[UUID, list[int]] = {}
        for row in rows:
            at = self.place[row.line]
            acted.setdefault(row.trade, []).append(at)
            variance[at] = (WIDER * max(row.sd, FEWEST_SD)) ** 2
        counts = np.bincount([self.place[row.line] for row in rows], minlength=len(self.place))
        learned = np.zeros_like(self.shift)
        for row in rows:
            at, together = self.place[row.line], acted[row.trade]
            shift = float(self.shift[together].sum())
            others = shift - float(self.shift[at])
            effect = _effect(self.promised[at])
            spread = counts[at] * variance[together].sum() + row.s_p**2 * effect
            learned[at] += variance[at] * (row.surprise - shift) / spread
            self._count(self.promised, at, day, standardised(row.sign, row.residual, row.s_p))
            self._count(self.remaining, at, day, standardised(row.sign, row.residual - others, row.s_p))
        self.shift = self.shift + learned
        self.promised = [each.closed(day + 1, 0.0) for each in self.promised]
        self.remaining = [each.closed(day + 1, 0.0) for each in self.remaining]

    @staticmethod
    def _count(detectors: list[Detector], at: int, day: int, u: float) -> None:
        detectors[at] = detectors[at].plus(day, u, 0.0)


def _effect(detector: Detector) -> float:
    """Return the design effect that a detector measured on the days before the open one."""
    return design_effect(detector.days, detector.trades, detector.total, detector.squares)


def evidence_paths(rows: Collection[Acted]) -> Paths:
    """Return the paths of all lines of these rows, which may come in any order. The open day is not among them.

    Beside a line that acts alone nothing is taken off, and both paths are those of its detector:

    >>> rows = [Acted("a", UUID(int=day), day, 1, -1.4, 0.25, 0.1, 1.4) for day in range(2)]
    >>> evidence_paths(rows).promised.round(3).tolist() == evidence_paths(rows).remaining.round(3).tolist()
    True
    """
    ordered = sorted(rows, key=lambda row: (row.day, row.trade, row.line))
    lines = sorted({row.line for row in ordered})
    state = _Together(lines)
    days: list[int] = []
    levels: list[tuple[list[float], list[float]]] = []
    last = np.full(len(lines), -1, np.int64)
    for day, of_day in groupby(ordered, key=lambda row: row.day):
        found = list(of_day)
        state.add(day, found)
        last[[state.place[row.line] for row in found]] = day
        days.append(day)
        levels.append(([each.level for each in state.promised], [each.level for each in state.remaining]))
    shape = (len(days), 2, len(lines))
    both = np.array(levels, np.float64).reshape(shape)
    return Paths(tuple(lines), np.array(days, np.int64), both[:, 0], both[:, 1], last)


def judge(paths: Paths, line: str, standing: Collection[str]) -> Judgement:
    """Return whether the evidence against a line is its own, on any day on which it reached the limit.

    It is if all of the limit remains beside what the neighbours realised; or if `REMAINS` does, and no other line has
    more against it. Lines compare while they act: those of `standing` (in force) all the time, others until the last
    day on which they acted. Raises KeyError for a line that did not act.
    """
    if line not in paths.lines:
        raise KeyError(line)
    own = paths.lines.index(line)
    compares = np.array([each in standing for each in paths.lines]) | (paths.last >= paths.days[:, None])
    compares[:, own] = True
    compared = np.where(compares, paths.remaining, -1.0)
    remaining = paths.remaining[:, own]
    is_most = remaining >= compared.max(axis=1)
    is_own = (paths.promised[:, own] >= LIMIT) & ((remaining >= LIMIT) | ((remaining >= REMAINS) & is_most))
    if is_own.any():
        return Judgement(True, float(remaining[is_own].max()), None)
    worst = int(np.argmax(compared[-1]))
    worse = None if compared[-1, worst] <= remaining[-1] else paths.lines[worst]
    return Judgement(False, float(remaining[-1]), worse)
