"""Constants as fields of a dataclass: a declaration states default, range and meaning in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from .field_error import FieldError
from .json_fields import LARGEST, SMALLEST, closed_mapping, finite, whole, within


def constant(default: Any, low: float, high: float, words: str, *, of: type | None = None) -> Any:
    """Declare a number, or a list of numbers: its meaning, and the range of it (or of each of its numbers).

    A constant `of` int or float may also be None, its default, which stands for no number at all.
    """
    return field(default=default, metadata={"low": low, "high": high, "words": words, "type": of or type(default)})


def switch(default: bool, words: str) -> Any:
    """Declare a constant that is true or false."""
    return field(default=default, metadata={"words": words, "type": bool})


def described(words: str, **default: Any) -> Any:
    """Declare a constant of another type, which its class parses; `default` or `default_factory` as for `field`."""
    return field(metadata={"words": words}, **default)


@dataclass(frozen=True)
class Document:
    """Base class of parameters, from and to JSON: unknown names raise FieldError, missing ones take their default.

    Fields declared with `constant` and `switch` are checked on construction; a wrong value raises FieldError.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            if "type" in each.metadata:
                self._set(each.name, _read(each.name, getattr(self, each.name), each.default, each.metadata))

    @classmethod
    def from_document(cls, document: object, place: str = "parameters") -> Self:
        """Parse the parameters. Raises FieldError, its path below `place`."""
        values = closed_mapping(document, place, {each.name for each in fields(cls)})
        with within(place):
            return cls(**values)

    def to_document(self) -> dict[str, Any]:
        """Return the parameters as JSON values."""
        return dict(json.loads(json.dumps(asdict(self))))  # tuples become lists

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def _read(name: str, value: object, default: object, declared: Mapping[str, Any]) -> object:
    """Return a value of the declared type within its limits."""
    wanted = declared["type"]
    if wanted is bool:
        if not isinstance(value, bool):
            raise FieldError(name, "must be true or false")
        return value
    if value is None and default is None:
        return None
    low, high = declared["low"], declared["high"]
    if wanted is tuple:
        if not isinstance(value, list | tuple):
            raise FieldError(name, "must be a list of numbers")
        return tuple(finite(each, name, low, high) for each in value)
    return whole(value, name, low, high) if wanted is int else finite(value, name, low, high)


def words_of(parameters: type) -> dict[str, str]:
    """Return, for each constant of a class, its meaning and range as text for forms."""
    return {each.name: _words(each.metadata) for each in fields(parameters) if "words" in each.metadata}


def _words(declared: Mapping[str, Any]) -> str:
    words: str = declared["words"]
    if "low" not in declared:
        return words
    low, high = declared["low"], declared["high"]
    if high == LARGEST:
        return f"{words}; {'above 0' if low == SMALLEST else f'{low:g} or more'}"
    return f"{words}; {'above 0, at most' if low == SMALLEST else f'{low:g} to'} {high:,g}"
