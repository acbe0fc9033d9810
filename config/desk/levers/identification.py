"""How the effect of a lever on outcomes is known: the first of the ways that answers, else not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.desk.levers.section import Asked, Section
from overrides.core.engine.definitions.levers import Lever


@dataclass(frozen=True)
class Identification:
    """The way in which an effect is known, in a few words, and what that means in a sentence."""

    how: str
    words: str
    gives_a_number: bool = True


NOT_IDENTIFIED = Identification(
    "not identified",
    "What a trade would have earned with another value does not follow from what was recorded, so there is no number.",
    gives_a_number=False,
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


# The ways to know an effect, strongest first.
WAYS: Sequence[Callable[[Lever], Identification | None]] = (exact_replay,)


def identification(lever: Lever) -> Identification:
    """Return how the effect of a lever is known."""
    return next((found for way in WAYS if (found := way(lever)) is not None), NOT_IDENTIFIED)


def section(asked: Asked) -> Section:
    """Show how the effect of the lever is known."""
    return Section("known", "How its effect is known", "desk/levers/identification.html", identification(asked.lever))
