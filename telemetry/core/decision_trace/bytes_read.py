"""Read numbers from bytes, one after another."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any


class Unpackable(ValueError):
    """A decision holds something that the trace has no form for; it is stored as documents instead."""


@lru_cache(256)
def layout(text: str) -> struct.Struct:
    """Return a compiled little-endian layout without padding."""
    return struct.Struct("<" + text)


class BytesRead:
    """A place in bytes that moves on with what is read.

    >>> read = BytesRead(b"\\x02\\x01\\x00")
    >>> read.one("B"), read.one("H")
    (2, 1)
    """

    __slots__ = ("_content", "_place")

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def many(self, text: str) -> tuple[Any, ...]:
        """Return the values of a struct layout and move on. Raises ValueError where the bytes end early."""
        form, place = layout(text), self._place
        try:
            found = form.unpack_from(self._content, place)
        except struct.error:
            raise ValueError(f"the trace ends at byte {len(self._content)}, in the middle of a value") from None
        self._place = place + form.size
        return found

    def one(self, text: str) -> Any:
        """Return the one value of a struct layout and move on."""
        return self.many(text)[0]

    def floats(self, count: int) -> tuple[float, ...]:
        """Return `count` float64 values and move on."""
        return self.many(f"{count}d") if count else ()

    def raw(self, count: int) -> bytes:
        """Return `count` bytes and move on."""
        found: bytes = self.one(f"{count}s")
        return found
