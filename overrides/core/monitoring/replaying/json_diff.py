"""Compare stored JSON values with recomputed ones: words and list members exactly, numbers at nine decimals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DECIMALS = 9
ONE_UNIT = 1.5e-9  # above one unit in the last decimal, below two
LONGEST = 200


class _Missing:
    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a stored object that differs from its recomputed value."""

    object: str
    field: str
    stored: Any
    recomputed: Any

    def __str__(self) -> str:
        return f"{self.object}: {self.in_words()}"

    def in_words(self) -> str:
        """What differs, without the object that it is about."""
        return f"{self.field} is {_shown(self.stored)}, recomputed {_shown(self.recomputed)}"


def differences(
    object: str, field: str, stored: Any, recomputed: Any, *, same_build: bool = True
) -> Iterator[Difference]:
    """Yield every leaf that differs, with its path; list entries are named by their id if they have one.

    On another numeric build the last of the nine decimals may differ by one unit.

    >>> [str(each) for each in differences("decision 1", "levers", {"a": 1.0, "b": [1]}, {"a": 1.1, "b": [1]})]
    ['decision 1: levers.a is 1.0, recomputed 1.1']
    """
    for path, one, other in _differing(field, stored, recomputed, same_build):
        yield Difference(object, path, one, other)


def _differing(path: str, one: Any, other: Any, same_build: bool) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted(one.keys() | other.keys()):
            yield from _differing(f"{path}.{name}", one.get(name, MISSING), other.get(name, MISSING), same_build)
    elif _is_list(one) and _is_list(other):
        yield from _differing_lists(path, one, other, same_build)
    elif not _equal(one, other, same_build):
        yield path, one, other


def _differing_lists(
    path: str, one: Sequence[Any], other: Sequence[Any], same_build: bool
) -> Iterator[tuple[str, Any, Any]]:
    """Compare members and their order first; if these differ, entries cannot be paired."""
    members, others = (_members(each) for each in (one, other))
    if members != others:
        yield path, members, others
        return
    for name, stored, recomputed in zip(members, one, other, strict=True):
        yield from _differing(f"{path}[{name}]", stored, recomputed, same_build)


def _members(values: Sequence[Any]) -> list[Any]:
    return [_name(each, index) for index, each in enumerate(values)]


def _name(value: Any, index: int) -> Any:
    if isinstance(value, Mapping):
        return value.get("id", index)
    return value if isinstance(value, str) else index


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _equal(one: Any, other: Any, same_build: bool) -> bool:
    if not (_is_number(one) and _is_number(other)):
        return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
    if one == other:
        return True
    rounded, again = round(one, DECIMALS), round(other, DECIMALS)
    return rounded == again or (not same_build and abs(rounded - again) < ONE_UNIT)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if isinstance(value, str):  # an enum member is shown as the text that is stored
        text = f"'{value}'"
    elif _is_list(value):
        text = f"[{', '.join(map(_shown, value))}]"
    else:
        text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
