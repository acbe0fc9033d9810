"""How the effect of a lever on outcomes is known: the first of the ways that answers, else not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from config.desk.levers.section import Asked, Section, newest_evidence
from overrides.core.engine.definitions.levers import Lever
from overrides.models import ArmPosition


@dataclass(frozen=True)
class Identification:
    """The way in which an effect is known, in a few words, and what that means in a sentence."""

    how: str
    words: str


NOT_IDENTIFIED = Identification(
    "not identified",
    "What a trade would have earned with another value does not follow from what was recorded, so there is no number.",
)


def exact_replay(lever: Lever) -> Identification | None:
    """Return what is known of a lever to which outcomes are proportional.

    >>> from overrides.core.engine.definitions.levers import LEVERS
    >>> exact_replay(LEVERS["size_mult"]).how, exact_replay(LEVERS["trail_mult"])
    ('exact replay', None)
    """
    if not lever.scales_on:
        return None
    others = [category for category in lever.categories if category not in lever.scales_on]
    beside = f" On {' and '.join(others)} it is not identified." if others else ""
    return Identification(
        "exact replay",
        f"On {' and '.join(lever.scales_on)} the outcome is proportional to it, so what a trade would have earned with "
        f"another value is known exactly, as far as fills and exits do not depend on the size.{beside}",
    )


@dataclass(frozen=True)
class Measured:
    """The levers of which an alternative was ever drawn, and those of whose alternatives windows or trades tell."""

    drawn: frozenset[str]
    simulated: frozenset[str] = frozenset()
    replayed: frozenset[str] = frozenset()

    @classmethod
    def read(cls) -> Self:
        """Return those of all levers."""
        drawn = ArmPosition.objects.order_by().values_list("lever", flat=True).distinct()
        return cls(frozenset(drawn), *_told(newest_evidence()))

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """Return those of one lever, from what its page reads anyway."""
        drawn = {each.lever for each in asked.arms if each.drawn}
        return cls(frozenset(drawn), *_told(asked.evidence))


def _told(evidence: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the levers that windows tell of, and those that trades tell of."""
    windows, trades = (
        frozenset(lever for lever, sources in evidence.items() if any(each.source == name for each in sources))
        for name in ("windows", "trades")
    )
    return windows, trades


DRAWN = Identification(
    "reviewed draws",
    "Some positions were answered with a reviewed alternative by a draw of known probability, so its effect is known "
    "within an interval; what overrides earned by it follows for no single trade.",
)
SIMULATED = Identification(
    "replay of its gate",
    "Past windows, also those not entered, were replayed with another threshold and all other gates in force. That is "
    "as true as what was recorded of each sample, and as what acting there is said to have earned: nothing was drawn "
    "to check it.",
)
REPLAYED = Identification(
    "replay of alternatives",
    "Trades tell what they would have earned with other values, replayed by whoever recorded them. That is as true as "
    "the replay: nothing was drawn to check it.",
)


def identification(lever: Lever, measured: Measured) -> Identification:
    """Return how the effect of a lever is known: by the strongest way that there is.

    >>> from overrides.core.engine.definitions.levers import LEVERS
    >>> measured = Measured(frozenset(), frozenset({"min_ts_for_add"}), frozenset({"min_ts_for_add", "trail_mult"}))
    >>> [identification(LEVERS[name], measured).how for name in ("min_ts_for_add", "trail_mult", "trim_delay_mult")]
    ['replay of its gate', 'replay of alternatives', 'not identified']
    """
    exact = exact_replay(lever)
    if exact is not None:
        return exact
    if lever.name in measured.drawn:
        return DRAWN
    if lever.name in measured.simulated:
        return SIMULATED
    return REPLAYED if lever.name in measured.replayed else NOT_IDENTIFIED


def section(asked: Asked) -> Section:
    """Show how the effect of the lever is known."""
    shown = identification(asked.lever, Measured.of(asked))
    return Section("known", "How its effect is known", "desk/levers/identification.html", shown)
