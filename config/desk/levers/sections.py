"""The sections of a lever's page in their order: a further one is a module and a line here."""

from __future__ import annotations

from collections.abc import Sequence

from config.desk.levers import (
    alternatives,
    earned_so_far,
    explored,
    gates,
    identification,
    learned,
    recorded_alternatives,
    targets_in_force,
    what_it_is,
)
from config.desk.levers.section import Asked, Provider, Section

PROVIDERS: Sequence[Provider] = (
    what_it_is.section,
    identification.section,
    earned_so_far.section,
    targets_in_force.section,
    learned.section,
    alternatives.section,
    recorded_alternatives.section,
    explored.section,
    gates.section,
)


def sections_of(asked: Asked) -> list[Section]:
    """Return the sections that have something to say of the lever."""
    return [found for provider in PROVIDERS if (found := provider(asked)) is not None]
