"""States of a pair as far as bars can tell, and the windows in which a bot that follows them might act.

The states are those of three exponential means, mirrored for a short position:

    S0   EMA20 <= EMA50                 no trend on this side
    S1   EMA20 > EMA50 <= EMA200        a beginning
    S3   EMA20 > EMA50 > EMA200         an established trend

What bars cannot tell is left out: S2, which a bot tells from S1 by volume and support, the boost that support gives to
TS, and the price bands between longer means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from config.demo.backtest.rules import WARM_UP
from telemetry.core.market_context.bars import Bars, Ints
from telemetry.core.market_context.indicators import LONG, Indicators

UNDEFINED, S0, S1, S3 = -1, 0, 1, 3
WINDOW_BARS = 12


@dataclass(frozen=True)
class Course:
    """A run of bars in one state: from bar `first` up to bar `end`, at whose close the state is `then`."""

    state: int
    first: int
    end: int
    then: int


def states(indicators: Indicators, side: int) -> Ints:
    """Return the state at the close of each bar; UNDEFINED for the first 200."""
    fast, middle, slow = (side * each for each in (indicators.ema20, indicators.ema50, indicators.ema200))
    found: Ints = np.where(fast <= middle, S0, np.where(middle <= slow, S1, S3))
    found[:WARM_UP] = UNDEFINED
    return found


def courses(states: Ints) -> list[Course]:
    """Return the runs of S1 that came from S0, and those of S3, as far as their beginning and end are known.

    >>> courses(np.array([-1, 0, 1, 1, 3, 0]))
    [Course(state=1, first=2, end=4, then=3), Course(state=3, first=4, end=5, then=0)]
    """
    starts = np.flatnonzero(np.diff(states)) + 1
    found = []
    for first, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        state, before = int(states[first]), int(states[first - 1])
        if (state == S1 and before == S0) or (state == S3 and before != UNDEFINED):
            found.append(Course(state, first, end, int(states[end])))
    return found


def openings(bars: Bars, indicators: Indicators, side: int, course: Course) -> list[int]:
    """Return the bars at which the windows of a course open: its beginning in S1, and each return to EMA20.

    A window lasts twelve bars, or to the end of the course; another one opens only after it.
    """
    span = slice(course.first, course.end)
    towards = bars.low if side == LONG else -bars.high
    touches = towards[span] <= side * indicators.ema20[span]
    opens = touches & ~np.append(True, touches[:-1])
    opens[0] = course.state == S1
    found: list[int] = []
    for bar in (course.first + np.flatnonzero(opens)).tolist():
        if not found or bar >= found[-1] + WINDOW_BARS:
            found.append(bar)
    return found
