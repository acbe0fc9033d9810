"""What a module learns from: which outcomes, which of their dimensions, and how the values of these are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from .own_dimensions import OwnDimension


@dataclass(frozen=True)
class LearnedFrom:
    """The selection of outcomes that a module learns from.

    - `books`: the books whose trades count.
    - `dimensions`: the dimensions that are read, in order.
    - `cuts`: the dimensions with ordered cuts, whose numbers are read as buckets.
    - `universe`: the label of the module's universe; outcomes that carry another one are left out.
    """

    books: tuple[str, ...]
    dimensions: tuple[str, ...]
    cuts: Mapping[str, OwnDimension] = field(default_factory=dict)
    universe: str | None = None

    def of(self, dimensions: Sequence[str]) -> Self:
        """Return the same selection of outcomes with these dimensions read."""
        return replace(self, dimensions=tuple(dimensions))
