"""Answers from a state that was not confirmed lately: flagged at first, and neutral beyond the longest age.

Servers and clients that answer locally follow the same rule; only the longest age is configured by each.
"""

from __future__ import annotations

from .definitions.vocabulary import Flag, Reason
from .serve import Answer, neutral_levers

FRESH_SECONDS = 5.0  # after its confirmation, in which a state counts as current


def stale_answer(module: str, action_category: str) -> Answer:
    """Return the neutral answer of a state that was not confirmed for too long, or of none.

    >>> stale_answer("dm", "allocation").reason.value
    'STALE'
    """
    return Answer(neutral_levers(module, action_category), Reason.STALE, (Flag.STALE_VERSION,))


def flags_at_age(flags: tuple[Flag, ...], seconds: float) -> tuple[Flag, ...]:
    """Return the flags of an answer whose state was last confirmed `seconds` ago.

    >>> flags_at_age((), 5.0), [each.value for each in flags_at_age((), 5.1)]
    ((), ['STALE_VERSION'])
    """
    return flags if seconds <= FRESH_SECONDS or Flag.STALE_VERSION in flags else (*flags, Flag.STALE_VERSION)
