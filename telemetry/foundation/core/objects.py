"""Strict readers of JSON objects and lists, which collect every refusal below them instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

from telemetry.foundation.core.fields import Read
from telemetry.foundation.core.refusal import Refusal, Refused, label, shown

T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item of a list whose text says what no reader may take, such as NaN: the others are read, and this is refused.

    >>> mapping(Unreadable(Refusal("rr", "NaN is not JSON")))
    Traceback (most recent call last):
    telemetry.foundation.core.refusal.Refused: rr: NaN is not JSON
    """

    refusal: Refusal


class Fields:
    """Reads one object key by key and keeps every refusal until `close`.

    `known` lists the keys in the order in which messages show them; any other key is refused. The value that replaces
    a refused one only lets the reading continue: `close` raises before it can be used.

    >>> from telemetry.foundation.core.fields import storable
    >>> fields = Fields({"rr": "high", "x": 3}, ("rr", "at"))
    >>> fields.need("rr", storable, ""), fields.need("at", storable, "")
    ('high', '')
    >>> fields.close()
    Traceback (most recent call last):
    telemetry.foundation.core.refusal.Refused: x: unknown field; known are rr, at; at: missing; this field is required
    """

    __slots__ = ("_refusals", "_values")

    def __init__(self, value: object, known: Collection[str]) -> None:
        self._values = mapping(value)
        self._refusals: list[Refusal] = []
        for key in self._values:
            if key not in known:
                self.refuse(label(key), f"unknown field; known are {', '.join(known)}")

    def need(self, key: str, read: Read[T], stand_in: T) -> T:
        """Return the parsed value of a required key, or `stand_in` if it is refused."""
        if self._values.get(key) is None:
            self.refuse(key, "missing; this field is required")
            return stand_in
        return self.take(key, read, stand_in)

    def take(self, key: str, read: Read[T], default: D) -> T | D:
        """Return the parsed value of a key, or `default` if it is absent, null or refused."""
        value = self._values.get(key)
        if value is None:
            return default
        try:
            return read(value)
        except Refused as refused:
            self._refusals.extend(refused.under(key).refusals)
            return default

    def sound(self, *keys: str) -> bool:
        """Return whether none of these keys was refused, so that their values may be compared."""
        return not self._refusals or not any(refusal.field in keys for refusal in self._refusals)

    def refuse(self, field: str, message: str) -> None:
        """Keep a refusal of the field `field` of this object."""
        self._refusals.append(Refusal(field, message))

    def close(self) -> None:
        """Raise one Refused with every refusal, if there are any."""
        if self._refusals:
            raise Refused(*self._refusals)


def mapping(value: object) -> dict[str, object]:
    """Return a JSON object unchanged; raise Refused for anything else."""
    if isinstance(value, Unreadable):
        raise Refused(value.refusal)
    if not isinstance(value, dict):
        raise Refused.because(f"{shown(value)} is not an object; send a JSON object")
    return value


def items(read: Read[T], *, least: int = 0, most: int) -> Read[tuple[T, ...]]:
    """Return a reader of lists of `least` to `most` values."""

    def read_items(value: object) -> tuple[T, ...]:
        if not isinstance(value, (list, tuple)):
            raise Refused.because(f"{shown(value)} is not a list; send a JSON list")
        if not least <= len(value) <= most:
            raise Refused.because(f"has {len(value)} entries; send {least} to {most}")
        result: list[T] = []
        refusals: list[Refusal] = []
        for index, each in enumerate(value):
            try:
                result.append(read(each))
            except Refused as refused:
                refusals.extend(refused.under(f"[{index}]").refusals)
        if refusals:
            raise Refused(*refusals)
        return tuple(result)

    return read_items


def entries(read_key: Read[str], read: Read[T], *, most: int) -> Read[dict[str, T]]:
    """Return a reader of objects with at most `most` keys, each any that `read_key` accepts."""

    def read_entries(value: object) -> dict[str, T]:
        values = mapping(value)
        if len(values) > most:
            raise Refused.because(f"has {len(values)} entries; send at most {most}")
        result: dict[str, T] = {}
        refusals: list[Refusal] = []
        for key, each in values.items():
            try:
                result[read_key(key)] = read(each)
            except Refused as refused:
                refusals.extend(refused.under(label(key)).refusals)
        if refusals:
            raise Refused(*refusals)
        return result

    return read_entries
