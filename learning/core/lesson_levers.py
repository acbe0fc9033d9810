"""Which levers a lesson moves, and the names of those levers in lessons."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from overrides.core.engine.definitions.levers import LEVERS, Lever
from overrides.core.engine.definitions.vocabulary import Channel

# A lesson uses the name of the target (docs/plan.md 4), an override the name of the lever.
LESSON_NAMES: Mapping[str, str] = MappingProxyType({"alloc_mult": "alloc_mult_target"})
LEVER_NAMES: Mapping[str, str] = MappingProxyType({lesson: lever for lever, lesson in LESSON_NAMES.items()})


def strength_levers(category: str) -> tuple[Lever, ...]:
    """Return the allocation and strength levers of a category, the ones a lesson moves; tuning levers are separate.

    >>> [lever.name for lever in strength_levers("trim")]
    ['size_mult', 'exit_aggression_mult']
    """
    return tuple(
        lever for lever in LEVERS.values() if lever.channel is not Channel.PM_TUNING and category in lever.categories
    )
