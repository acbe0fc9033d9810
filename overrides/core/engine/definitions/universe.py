"""The universe of a module: the named set of pairs that ranks, phases and leaders of a scope were computed over.

A bucket leader or a market phase depends on which pairs are looked at, so that scopes of two universes are not
comparable. A scope that was computed over a universe carries its label under the dimension `universe`, which is never
learned from and never part of an override's scope; learning and serving refuse another label than that of the
parameters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from .field_error import FieldError
from .json_fields import closed_mapping, required, text

UNIVERSE = "universe"  # the dimension that carries the label in a scope
MOST_PAIRS = 2000
DIGITS = 12  # of the hash, in a label


@dataclass(frozen=True)
class Universe:
    """A named set of pairs. `pairs` are kept in alphabetical order. Raises FieldError."""

    name: str
    pairs: tuple[str, ...]

    def __post_init__(self) -> None:
        name = text(self.name, "universe.name", 40)
        if not name.isprintable() or name != name.strip() or set(name) & {"@", ":"}:
            message = "must be 1 to 40 printable characters without @ and colons, and no space at its ends"
            raise FieldError("universe.name", message)
        pairs = [text(each, "universe.pairs", 60) for each in self.pairs]
        if not 1 <= len(pairs) <= MOST_PAIRS:
            raise FieldError("universe.pairs", f"must be 1 to {MOST_PAIRS} pairs")
        if any(re.search(r"[\s,]", each) for each in pairs):
            raise FieldError("universe.pairs", "a pair contains neither spaces nor commas, as in BTC/USDT")
        if len(set(pairs)) < len(pairs):
            raise FieldError("universe.pairs", "names a pair twice")
        object.__setattr__(self, "pairs", tuple(sorted(pairs)))

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Parse a universe. Raises FieldError, also if it states another hash than that of its content."""
        values = closed_mapping(document, UNIVERSE, ("name", "pairs", "hash"))
        pairs = required(values, "pairs", UNIVERSE)
        if not isinstance(pairs, list | tuple):
            raise FieldError("universe.pairs", "must be a list of pairs")
        universe = cls(required(values, "name", UNIVERSE), tuple(pairs))
        if values.get("hash", universe.hash) != universe.hash:
            raise FieldError("universe.hash", "is not that of the name and the pairs; leave it out and it is computed")
        return universe

    def to_document(self) -> dict[str, Any]:
        """Return the universe as JSON values, with its hash."""
        return {"name": self.name, "pairs": list(self.pairs), "hash": self.hash}

    @property
    def hash(self) -> str:
        """The sha256, in hexadecimal, of the name and the sorted pairs, one a line.

        >>> Universe("majors", ("ETH/USDT", "BTC/USDT")).hash[:12]
        'e0d6ffe44789'
        """
        return universe_hash(self.name, self.pairs)

    @property
    def label(self) -> str:
        """The label that scopes carry: the name, an @ sign, and the first digits of the hash."""
        return f"{self.name}@{self.hash[:DIGITS]}"


def universe_hash(name: str, pairs: Iterable[str]) -> str:
    """Return the sha256, in hexadecimal, of a name and its sorted pairs, one a line."""
    return hashlib.sha256("\n".join((name, *sorted(pairs))).encode()).hexdigest()


def is_of_another_universe(scope: Mapping[str, str], own: str | None) -> bool:
    """Return whether a scope carries another label than a module's own (None: it has none); no label is no other.

    >>> is_of_another_universe({}, None), is_of_another_universe({"universe": "majors@e0d6ffe44789"}, None)
    (False, True)
    """
    label = scope.get(UNIVERSE)
    return label is not None and label != own
