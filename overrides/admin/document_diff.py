"""Differences between two documents, field by field, formatted for reviewers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal


class _Absent(Enum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT
Absent = Literal[_Absent.ABSENT]


@dataclass(frozen=True)
class Difference:
    """One field that differs, with both values as text."""

    field: str
    before: str
    after: str


def document_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the fields whose values differ, in the order of `after`; fields that only `before` has come last."""
    old, new = dict(flattened(before)), dict(flattened(after))
    fields = [*new, *(field for field in old if field not in new)]
    sides = ((field, old.get(field, ABSENT), new.get(field, ABSENT)) for field in fields)
    return [Difference(field, worded(one), worded(other)) for field, one, other in sides if one != other]


def flattened(document: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a document with its dotted path; lists are leaves, but for lists of named objects.

    >>> dict(flattened({"n_min": [10, 20], "own": [{"name": "session", "kind": "category"}]}))
    {'n_min': [10, 20], 'own.session.kind': 'category'}
    """
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{path}{name}.")
        elif isinstance(value, list) and value and all(isinstance(each, Mapping) and "name" in each for each in value):
            for each in value:
                rest = {key: inner for key, inner in each.items() if key != "name"}
                yield from flattened(rest, f"{path}{name}.{each['name']}.")
        else:
            yield f"{path}{name}", value


def worded(value: Any | Absent) -> str:
    """Format a value for reading: without braces, quotes or trailing zeros."""
    if value is ABSENT:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(worded, value)) or "none"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return "none" if value is None else str(value)
