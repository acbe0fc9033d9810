"""Ids of many rows in little memory: 64 hexadecimal digits take 32 bytes, and no object per row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DIGITS = 64  # of a sha256 in hexadecimal


class Names:
    """The ids of the rows of a table; ids that are no content hashes are kept as text.

    >>> names = Names(["0f" * 32, "a1" * 32])
    >>> names.nbytes, names.take(np.array([1]))[0][:4]
    (64, 'a1a1')
    >>> Names(["plain", "words"]).take(np.array([1, 0]))
    ['words', 'plain']
    """

    __slots__ = ("_packed", "_text")

    def __init__(self, names: Sequence[str]) -> None:
        packed = _packed(names)
        self._packed: NDArray[np.uint8] | None = packed
        self._text: tuple[str, ...] = () if packed is not None else tuple(names)

    @classmethod
    def of_hashes(cls, packed: NDArray[np.uint8]) -> Names:
        """Return the ids of hashes as bytes, shape (rows, 32).

        >>> Names.of_hashes(np.full((1, 32), 15, np.uint8)) == Names(["0f" * 32])
        True
        """
        names = cls(())
        names._packed = packed
        return names

    @property
    def packed(self) -> NDArray[np.uint8] | None:
        """The ids as bytes, shape (rows, 32); None if they are kept as text."""
        return self._packed

    def __len__(self) -> int:
        return len(self._text) if self._packed is None else len(self._packed)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Names):
            return NotImplemented
        if self._packed is None or other._packed is None:
            return self._packed is other._packed and self._text == other._text
        return np.array_equal(self._packed, other._packed)

    __hash__ = None  # type: ignore[assignment]  # compared by value, and nobody's key

    @property
    def nbytes(self) -> int:
        """The bytes that the packed ids take; 0 for ids that are kept as text."""
        return 0 if self._packed is None else self._packed.nbytes

    def take(self, rows: NDArray[np.intp]) -> list[str]:
        """Return the ids of these rows."""
        if self._packed is None:
            return [self._text[row] for row in rows.tolist()]
        return self._packed.take(rows, axis=0).tobytes().hex(" ", DIGITS // 2).split()  # faster than a slice for each

    def hashes(self, rows: NDArray[np.intp]) -> NDArray[np.uint8] | None:
        """Return the ids of these rows as bytes of shape (rows, 32); None if they are kept as text."""
        return None if self._packed is None else self._packed.take(rows, axis=0)

    def all(self) -> list[str]:
        """Return the ids of all rows."""
        return self.take(np.arange(len(self)))


def _packed(names: Sequence[str]) -> NDArray[np.uint8] | None:
    """Return the ids as bytes of shape (rows, 32); None if one of them is not 64 hexadecimal digits in lower case."""
    if any(map(DIGITS.__ne__, map(len, names))):
        return None
    digits = "".join(names)
    try:
        packed = bytes.fromhex(digits)
    except ValueError:
        return None
    if packed.hex() != digits:
        return None
    return np.frombuffer(packed, np.uint8).reshape(len(names), DIGITS // 2)
