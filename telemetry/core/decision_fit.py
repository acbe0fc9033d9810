"""Whether an action may name a decision: only one that was made for it, and shortly before it.

A decision that an action names wrongly earns nothing through it. An action is checked against what was asked: the
module, the pattern, the kind of action, the book if the question named one, the time as of which the levers were asked
for, and the time at which the answer was given: who knows how an action ended could otherwise ask as of an earlier time
and name the answers that would have earned. Only backtests ask about the past. The id of a decision that a local client
made holds the client's word for that time, so that the server's own time counts too, at which the report arrived. The
scope may differ (docs/method.md 11.4): the action is then learned from in the scope that was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

BACKTEST = "backtest"  # the book of trades that were made up from the past
CLOCK_SKEW = timedelta(seconds=5)  # by which the clocks of a bot and of the server may differ
REPORTED_WITHIN = timedelta(seconds=60)  # of the action: local clients report every second, and again after failures


class Misfit(StrEnum):
    """Why an action may not name a decision, in the order in which the reasons are looked for."""

    UNKNOWN = "unknown"
    MODULE = "module"
    PATTERN = "pattern"
    CATEGORY = "category"
    BOOK = "book"
    AFTER = "after"
    LATE = "late"
    OLD = "old"
    TAKEN = "taken"


REASONS: Mapping[Misfit, str] = MappingProxyType(
    {
        Misfit.UNKNOWN: "no such decision was recorded",
        Misfit.MODULE: "the decision was made for another module",
        Misfit.PATTERN: "the decision was made for another pattern",
        Misfit.CATEGORY: "the decision was made for another kind of action",
        Misfit.BOOK: "the decision was asked for in another book",
        Misfit.AFTER: "the decision was made after the action",
        Misfit.LATE: "the decision was made, or reported by a local client, too long after the action",
        Misfit.OLD: "the decision was made too long before the action",
        Misfit.TAKEN: "another trade that was recorded first names the decision",
    }
)


class Asked(NamedTuple):
    """What a decision was made for.

    - `at`: the time as of which its levers were asked for.
    - `book`: the book that was asked for, None for any.
    - `made_at`: the clock's time at which the answer was given, None where simulated time is on and it says nothing.
    - `reported_at`: the clock's time at which the server took in what a local client decided, None for its own answers.
    """

    module: str
    pattern_key: str
    action_category: str
    at: datetime
    book: str | None = None
    made_at: datetime | None = None
    reported_at: datetime | None = None


class Acted(NamedTuple):
    """The facts of an action that a decision has to fit; `book` is that of its trade."""

    module: str
    pattern_key: str
    action_category: str
    at: datetime
    book: str


def misfit(asked: Asked, acted: Acted, *, longest: timedelta) -> Misfit | None:
    """Return why the decision was not made for the action, or None if it was.

    A decision may be at most `longest` older than its action, and at most five seconds younger, because clocks differ.
    Its answer too may have been given at most five seconds after the action, and one of a local client reported at most
    a minute after it, unless the trade is of a backtest.
    Whether it is recorded at all, and whether another trade names it already, is for the caller to find out.

    >>> noon, day = datetime(2024, 5, 1, 12), timedelta(days=1)
    >>> acted = Acted("pm", "donchian.long.breakout", "entry", noon, "paper")
    >>> misfit(Asked("pm", "donchian.long.breakout", "entry", noon - day), acted, longest=day)
    >>> misfit(Asked("pm", "donchian.long.breakout", "exit", noon), acted, longest=day)
    <Misfit.CATEGORY: 'category'>
    >>> misfit(Asked("pm", "donchian.long.breakout", "entry", noon + timedelta(minutes=5)), acted, longest=day)
    <Misfit.AFTER: 'after'>
    >>> misfit(Asked("pm", "donchian.long.breakout", "entry", noon, made_at=noon + day), acted, longest=day)
    <Misfit.LATE: 'late'>
    >>> misfit(Asked("pm", "donchian.long.breakout", "entry", noon, None, noon, noon + day), acted, longest=day)
    <Misfit.LATE: 'late'>
    """
    found = (
        (Misfit.MODULE, asked.module != acted.module),
        (Misfit.PATTERN, asked.pattern_key != acted.pattern_key),
        (Misfit.CATEGORY, asked.action_category != acted.action_category),
        (Misfit.BOOK, asked.book is not None and asked.book != acted.book),
        (Misfit.AFTER, asked.at - acted.at > CLOCK_SKEW),
        (Misfit.LATE, acted.book != BACKTEST and _is_late(asked, acted.at)),
        (Misfit.OLD, acted.at - asked.at > longest),
    )
    return next((reason for reason, holds in found if holds), None)


def _is_late(asked: Asked, acted_at: datetime) -> bool:
    """Return whether the answer was given, or was known to the server, only after the action."""
    made_at, reported_at = asked.made_at or acted_at, asked.reported_at or acted_at
    return made_at - acted_at > CLOCK_SKEW or reported_at - acted_at > REPORTED_WITHIN


def scope_differences(sent: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Return dimension -> (value sent with the action, value asked for), where the two differ; None: not given.

    >>> scope_differences({"bucket": "micro", "hour": "9"}, {"bucket": "large", "leader": "true"})
    {'bucket': ('micro', 'large'), 'hour': ('9', None), 'leader': (None, 'true')}
    """
    names = sorted(sent.keys() | asked.keys())
    return {name: (sent.get(name), asked.get(name)) for name in names if sent.get(name) != asked.get(name)}
