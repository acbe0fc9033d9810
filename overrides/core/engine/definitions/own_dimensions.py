"""Scope dimensions that a module declares for itself: a name, a kind, and what the dimension means.

A bot may send any dimension; the registry (`dimensions`) names those that every module knows. A module's parameters
declare further ones. A *category* is compared as it was sent. A dimension with *ordered cuts* holds a number: facts and
requests keep the number that was sent, and its bucket is read from the cuts of the parameters wherever a scope is
compared. The same number thus means the same from every door, and older facts follow a change of the cuts.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

from .field_error import FieldError
from .json_fields import LARGEST, closed_mapping, finite, one_of, required, text

MOST_OWN = 16  # own dimensions of a module; the number of scope subsets doubles with each that is learned
MOST_CUTS = 20
NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,39}")  # as a scope names its dimensions
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?")
_FIELDS = ("name", "kind", "cuts", "meaning", "learned")


class DimensionKind(StrEnum):
    """How the values of an own dimension are compared."""

    CATEGORY = "category"
    ORDERED_CUTS = "ordered cuts"


@dataclass(frozen=True)
class OwnDimension:
    """A dimension that a module's parameters declare.

    `cuts` are the numbers at which one bucket ends and the next begins, ascending; empty for a category. `learned` says
    whether cells and lessons are built from it; otherwise it is known and recorded only. Raises FieldError.
    """

    name: str
    kind: DimensionKind
    cuts: tuple[float, ...]
    meaning: str
    learned: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or NAME.fullmatch(self.name) is None:
            raise FieldError("name", "must be 1 to 40 letters, digits or _, beginning with a letter")
        if not isinstance(self.learned, bool):
            raise FieldError("learned", "must be true or false")
        if not text(self.meaning, "meaning", 300).strip() or "\n" in self.meaning:
            raise FieldError("meaning", "must be one sentence on one line")
        cuts = tuple(finite(each, "cuts", -LARGEST, LARGEST) for each in self.cuts)
        if self.kind is DimensionKind.CATEGORY and cuts:
            raise FieldError("cuts", "a category has none; choose ordered cuts, or leave them out")
        if self.kind is DimensionKind.ORDERED_CUTS and not 1 <= len(cuts) <= MOST_CUTS:
            raise FieldError("cuts", f"must be 1 to {MOST_CUTS} numbers")
        if any(upper <= lower for lower, upper in pairwise(cuts)):
            raise FieldError("cuts", "must rise, and no number may occur twice")
        object.__setattr__(self, "cuts", cuts)

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Parse a declaration. Raises FieldError."""
        values = closed_mapping(document, "dimension", _FIELDS)
        kind = DimensionKind(one_of(required(values, "kind"), "kind", tuple(DimensionKind)))
        cuts, learned = values.get("cuts", ()), values.get("learned", True)
        if not isinstance(cuts, list | tuple):
            raise FieldError("cuts", "must be a list of numbers")
        return cls(required(values, "name"), kind, tuple(cuts), required(values, "meaning"), learned)

    def to_document(self) -> dict[str, Any]:
        """Return the declaration as JSON values."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "cuts": list(self.cuts),
            "meaning": self.meaning,
            "learned": self.learned,
        }

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of the buckets, from the lowest to the highest; empty for a category.

        A bucket contains its lower cut and not its upper one.

        >>> OwnDimension("volume_z", DimensionKind.ORDERED_CUTS, (-1, 0.5), "Volume against its month.").labels
        ('<-1', '-1 to 0.5', '0.5+')
        """
        if not self.cuts:
            return ()
        words = [number_text(each) for each in self.cuts]
        between = (f"{low} to {high}" for low, high in pairwise(words))
        return (f"<{words[0]}", *between, f"{words[-1]}+")

    def label_of(self, value: str) -> str | None:
        """Return what a value that was sent is compared as; None if it says nothing under this dimension.

        Under ordered cuts that is the bucket of a number, and a label of a bucket stands for itself; other text says
        nothing. A category is compared as it is.

        >>> volume = OwnDimension("volume_z", DimensionKind.ORDERED_CUTS, (1, 2), "Volume against its month.")
        >>> [volume.label_of(value) for value in ("0.99", "1", "1.5", "2e0", "1 to 2", "high")]
        ['<1', '1 to 2', '1 to 2', '2+', '1 to 2', None]
        """
        if not self.cuts:
            return value
        number = number_of(value)
        if number is not None:
            return self.labels[bisect_right(self.cuts, number)]
        return value if value in self.labels else None


def number_text(number: float) -> str:
    """Return a number as a scope writes it: without a trailing `.0`.

    >>> number_text(2.0), number_text(0.25)
    ('2', '0.25')
    """
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def number_of(value: str) -> float | None:
    """Return the finite number that a scope's value spells; None if it spells none.

    >>> number_of("1.50"), number_of("-3e2"), number_of("1_0"), number_of("nan"), number_of("true")
    (1.5, -300.0, None, None, None)
    """
    if _NUMBER.fullmatch(value) is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def read_own_dimensions(value: object, place: str = "own_dimensions") -> tuple[OwnDimension, ...]:
    """Parse the own dimensions of a module's parameters. Raises FieldError that names the dimension by its position."""
    if not isinstance(value, list | tuple):
        raise FieldError(place, "must be a list of dimensions")
    if len(value) > MOST_OWN:
        raise FieldError(place, f"has {len(value)} dimensions; declare at most {MOST_OWN}")
    found: dict[str, OwnDimension] = {}
    for number, document in enumerate(value):
        try:
            each = OwnDimension.from_document(document)
        except FieldError as error:
            raise error.under(f"{place}[{number}]") from error
        if each.name in found:
            raise FieldError(place, f"declares {each.name} twice")
        found[each.name] = each
    return tuple(found.values())


def labelled(scope: Mapping[str, str], own: Mapping[str, OwnDimension]) -> dict[str, str]:
    """Return a scope as it is compared: numbers under ordered cuts become their labels, what says nothing is left out.

    >>> volume = OwnDimension("volume_z", DimensionKind.ORDERED_CUTS, (1,), "Volume against its month.")
    >>> labelled({"bucket": "micro", "volume_z": "3.5"}, {"volume_z": volume})
    {'bucket': 'micro', 'volume_z': '1+'}
    """
    read = {name: own[name].label_of(value) if name in own else value for name, value in scope.items()}
    return {name: value for name, value in read.items() if value is not None}
