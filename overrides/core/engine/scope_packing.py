"""Scopes packed into 64-bit words, to find in one pass which of many scopes a request's scope contains.

Every dimension gets a bit field just wide enough for its values (0 means: not specified), every scope a key and a mask
over those fields. A scope matches if `query & mask == key`. Fields that do not fit open further words, so any number of
dimensions and values works.

One pass over all scopes is fastest up to some 30,000. Beyond, the scopes are also sorted by the first word of their
keys, and each distinct mask is looked up among them: what a request costs then grows with the number of masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .definitions.own_dimensions import OwnDimension

WORD_BITS = 64
JOINED_FROM = 30_000  # scopes
COMPARED_AT_ONCE = 100_000  # pairs of a query and a scope, so that they stay in the processor's cache

Rows = NDArray[np.intp]
NO_CUTS: Mapping[str, OwnDimension] = MappingProxyType({})


class _Codes(Protocol):
    """The codes of a dimension's values, shifted into place; `default` for a value that no scope has."""

    def get(self, value: str, default: int, /) -> int: ...


class _BucketCodes:
    """The codes of a dimension with ordered cuts: a number has the code of its bucket."""

    __slots__ = ("_codes", "_dimension")

    def __init__(self, dimension: OwnDimension, codes: Mapping[str, int]) -> None:
        self._dimension, self._codes = dimension, codes

    def get(self, value: str, default: int, /) -> int:
        return self._codes.get(self._dimension.label_of(value) or "", default)


class PackedScopes:
    """An index over scopes; rows are numbered in the order given. Under `cuts`, numbers match their buckets.

    >>> index = PackedScopes([{"bucket": "nano"}, {}, {"bucket": "mid", "timeframe": "1h"}])
    >>> index.contained_in({"bucket": "mid", "timeframe": "1h", "macro_phase": "Dip"})
    [1, 2]
    """

    __slots__ = ("_codes", "_first_keys", "_first_masks", "_keys", "_masks", "_order")

    def __init__(self, scopes: Sequence[Mapping[str, str]], cuts: Mapping[str, OwnDimension] = NO_CUTS) -> None:
        fields = _fields(scopes)
        shape = (1 + max((word for word, _, _ in fields.values()), default=0), len(scopes))
        self._codes: dict[str, tuple[int, _Codes]] = {
            name: (word, _BucketCodes(cuts[name], codes) if name in cuts else codes)
            for name, (word, _, codes) in fields.items()
        }
        self._keys: NDArray[np.uint64] = np.zeros(shape, np.uint64)
        self._masks: NDArray[np.uint64] = np.zeros(shape, np.uint64)
        for row, scope in enumerate(scopes):
            for name, value in scope.items():
                word, mask, codes = fields[name]
                self._keys[word, row] |= np.uint64(codes[value])
                self._masks[word, row] |= np.uint64(mask)
        self._order: NDArray[np.int32] | None = None
        if len(scopes) >= JOINED_FROM:
            self._order = np.argsort(self._keys[0], kind="stable").astype(np.int32)
            self._first_keys = self._keys[0][self._order]
            self._first_masks = np.unique(self._masks[0])

    def __len__(self) -> int:
        return int(self._keys.shape[1])

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions of a request's scope that matter; the values of others have no effect."""
        return tuple(self._codes)

    def contained_in(self, scope: Mapping[str, str]) -> list[int]:
        """Return the rows whose scope is a subset of `scope`, ascending."""
        rows: list[int] = self.rows_in(scope).tolist()
        return rows

    def rows_in(self, scope: Mapping[str, str]) -> Rows:
        """Return the same rows as an array."""
        query = self._packed(scope)
        if self._order is not None:
            return self._joined(query, self._order)
        hits = (self._masks[0] & query[0]) == self._keys[0]
        for word in range(1, len(query)):
            hits &= (self._masks[word] & query[word]) == self._keys[word]
        rows: Rows = hits.nonzero()[0]
        return rows

    def rows_in_many(self, scopes: Sequence[Mapping[str, str]]) -> tuple[Rows, Rows]:
        """Return the matches of many scopes as pairs (number of the scope, row), ascending.

        >>> index = PackedScopes([{"bucket": "nano"}, {}, {"bucket": "mid"}])
        >>> [each.tolist() for each in index.rows_in_many([{"bucket": "mid"}, {"bucket": "nano"}])]
        [[0, 0, 1, 1], [1, 2, 0, 1]]
        """
        if self._order is not None:
            each = [self.rows_in(scope) for scope in scopes]
            return np.repeat(np.arange(len(each)), [rows.size for rows in each]), np.concatenate(each)
        queries = np.array([self._packed(scope) for scope in scopes], np.uint64)
        at_once = max(1, COMPARED_AT_ONCE // max(len(self), 1))
        blocks = [self._compared(queries[start : start + at_once]) for start in range(0, len(queries), at_once)]
        numbers = [numbers + start * at_once for start, (numbers, _) in enumerate(blocks)]
        return np.concatenate(numbers), np.concatenate([rows for _, rows in blocks])

    def _compared(self, queries: NDArray[np.uint64]) -> tuple[Rows, Rows]:
        """Compare every query, of shape (queries, words), with every scope."""
        hits = (self._masks[0] & queries[:, :1]) == self._keys[0]
        for word in range(1, len(self._masks)):
            hits &= (self._masks[word] & queries[:, word : word + 1]) == self._keys[word]
        numbers, rows = hits.nonzero()
        return numbers, rows

    def _joined(self, query: list[np.uint64], order: NDArray[np.int32]) -> Rows:
        """Look up what each mask leaves of the query; masks that leave the same find the same rows."""
        wanted = self._first_masks & query[0]
        starts = self._first_keys.searchsorted(wanted, "left")
        counts = self._first_keys.searchsorted(wanted, "right") - starts
        found = counts.nonzero()[0]
        rows = order[_ranges(starts[found], counts[found])].astype(np.intp)
        for word in range(1, len(query)):
            rows = rows[(self._masks[word, rows] & query[word]) == self._keys[word, rows]]
        found_once: Rows = np.unique(rows)
        return found_once

    def _packed(self, scope: Mapping[str, str]) -> list[np.uint64]:
        words = [0] * len(self._keys)
        for name, value in scope.items():
            if (field := self._codes.get(name)) is not None:
                word, codes = field
                words[word] |= codes.get(value, 0)
        return [np.uint64(word) for word in words]


def _ranges(starts: Rows, counts: Rows) -> Rows:
    """Return the numbers from each start on, as many as its count, one range after the other.

    >>> _ranges(np.array([5, 9]), np.array([2, 1])).tolist()
    [5, 6, 9]
    """
    before = np.cumsum(counts) - counts
    numbers: Rows = np.arange(counts.sum()) + np.repeat(starts - before, counts)
    return numbers


def _fields(scopes: Sequence[Mapping[str, str]]) -> dict[str, tuple[int, int, dict[str, int]]]:
    """Return dimension -> its word, its mask, and value -> code, with mask and codes shifted into place."""
    values: dict[str, dict[str, None]] = {}
    for scope in scopes:
        for name, value in scope.items():
            values.setdefault(name, {})[value] = None
    fields: dict[str, tuple[int, int, dict[str, int]]] = {}
    word, offset = 0, 0
    for name in sorted(values):
        width = len(values[name]).bit_length()
        if offset + width > WORD_BITS:
            word, offset = word + 1, 0
        codes = {value: code << offset for code, value in enumerate(sorted(values[name]), start=1)}
        fields[name] = (word, ((1 << width) - 1) << offset, codes)
        offset += width
    return fields
