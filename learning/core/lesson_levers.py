"""Which levers a lesson moves, and the names they have in lessons."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from overrides.core.engine.definitions.levers import LEVERS, Lever
from overrides.core.engine.definitions.vocabulary import Channel

# Plan section 4 names the target of a lesson; an override names the lever.
LESSON_NAMES: Mapping[str, str] = MappingProxyType({"alloc_mult": "alloc_mult_target"})
LEVER_NAMES: Mapping[str, str] = MappingProxyType({lesson: lever for lever, lesson in LESSON_NAMES.items()})


def strength_levers(category: str) -> tuple[Lever, ...]:
    """The levers a lesson moves on a category: those of allocation and strength; tuning has formulas of its own.

    >>> [lever.name for lever in strength_levers("trim")]
    ['size_mult', 'exit_aggression_mult']
    """
    return tuple(
        lever for lever in LEVERS.values() if lever.channel is not Channel.PM_TUNING and category in lever.categories
    )
