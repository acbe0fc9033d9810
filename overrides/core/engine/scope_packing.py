"""Scopes packed into 64-bit words, to find in one pass which of many scopes a request's scope contains.

Every dimension gets a bit field just wide enough for its values (0 means: not specified), every scope a key and a mask
over those fields. A scope matches if `query & mask == key`. Fields that do not fit open further words, so any number of
dimensions and values works.

One pass over all scopes is fastest up to some 15,000. Beyond, the scopes are also sorted by the first word of their
keys, and each distinct mask is looked up among them: what a request costs then grows with the number of masks. A table
of hashes rules most of the masks out before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .definitions.own_dimensions import OwnDimension

WORD_BITS = 64
JOINED_FROM = 15_000  # scopes
FEW_ROWS = 100
SLOTS_PER_KEY = 8  # of the table of hashes, at least: one in nine masks or fewer is then looked up in vain
HASH = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: its products spread over the high bits
COMPARED_AT_ONCE = 100_000  # pairs of a query and a scope, so that they stay in the processor's cache

Rows = NDArray[np.intp]
NO_CUTS: Mapping[str, OwnDimension] = MappingProxyType({})


class _Codes(Protocol):
    """The codes of a dimension's values, shifted into place; `default` for a value that no scope has."""

    def get(self, value: str, default: int, /) -> int: ...

    def __iter__(self) -> Iterator[str]: ...


class _BucketCodes:
    """The codes of a dimension with ordered cuts: a number has the code of its bucket."""

    __slots__ = ("_codes", "_dimension")

    def __init__(self, dimension: OwnDimension, codes: Mapping[str, int]) -> None:
        self._dimension, self._codes = dimension, codes

    def get(self, value: str, default: int, /) -> int:
        return self._codes.get(self._dimension.label_of(value) or "", default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)


class PackedScopes:
    """An index over scopes; rows are numbered in the order given. Under `cuts`, numbers match their buckets.

    >>> index = PackedScopes([{"bucket": "nano"}, {}, {"bucket": "mid", "timeframe": "1h"}])
    >>> index.contained_in({"bucket": "mid", "timeframe": "1h", "macro_phase": "Dip"})
    [1, 2]
    """

    __slots__ = ("_codes", "_keys", "_lookup", "_masks", "_words")

    def __init__(self, scopes: Sequence[Mapping[str, str]], cuts: Mapping[str, OwnDimension] = NO_CUTS) -> None:
        fields = _fields(_values(scopes))
        shape = _words(fields), len(scopes)
        keys, masks = ([[0] * len(scopes) for _ in range(shape[0])] for _ in range(2))
        for row, scope in enumerate(scopes):
            for name, value in scope.items():
                word, mask, codes = fields[name]
                keys[word][row] |= codes[value]
                masks[word][row] |= mask
        packed = [np.array(each, np.uint64).reshape(shape) for each in (keys, masks)]
        self._index(fields, packed[0], packed[1], cuts)

    @classmethod
    def of_keys(
        cls, values: Mapping[str, Sequence[str]], keys: NDArray[np.uint64], cuts: Mapping[str, OwnDimension] = NO_CUTS
    ) -> PackedScopes:
        """Return the index that another one had, from its `values` and `keys`. Raises ValueError if they do not fit.

        >>> index = PackedScopes([{"bucket": "nano"}, {}, {"bucket": "mid", "timeframe": "1h"}])
        >>> PackedScopes.of_keys(index.values, index.keys).contained_in({"bucket": "mid", "timeframe": "1h"})
        [1, 2]
        """
        fields = _fields(values)
        if len(keys) != _words(fields):
            raise ValueError("the keys have another number of words than the values need")
        masks = np.zeros_like(keys)
        for word, mask, _ in fields.values():
            masks[word][(keys[word] & np.uint64(mask)) != 0] |= np.uint64(mask)
        index = cls.__new__(cls)
        index._index(fields, keys, masks, cuts)
        return index

    def _index(
        self,
        fields: Mapping[str, tuple[int, int, dict[str, int]]],
        keys: NDArray[np.uint64],
        masks: NDArray[np.uint64],
        cuts: Mapping[str, OwnDimension],
    ) -> None:
        self._codes: dict[str, tuple[int, _Codes]] = {
            name: (word, _BucketCodes(cuts[name], codes) if name in cuts else codes)
            for name, (word, _, codes) in fields.items()
        }
        self._keys, self._masks = keys, masks
        self._words = tuple(zip(masks, keys, strict=True))
        self._lookup = _Lookup(keys[0], masks[0]) if keys.shape[1] >= JOINED_FROM else None

    def __len__(self) -> int:
        return int(self._keys.shape[1])

    @property
    def keys(self) -> NDArray[np.uint64]:
        """The packed scopes, shape (words, rows)."""
        return self._keys

    @property
    def values(self) -> dict[str, list[str]]:
        """The values of each dimension in the order of their codes, which the layout of the keys follows from."""
        return {name: list(codes) for name, (_, codes) in self._codes.items()}

    def counts(self) -> NDArray[np.float64]:
        """Return the number of dimensions of each scope."""
        counts = np.zeros(len(self), np.float64)
        for word, mask, _ in _fields(self.values).values():
            counts += (self._keys[word] & np.uint64(mask)) != 0
        return counts

    def scope(self, row: int) -> dict[str, str]:
        """Return the scope of a row.

        >>> PackedScopes([{"bucket": "nano", "chain": "base"}]).scope(0)
        {'bucket': 'nano', 'chain': 'base'}
        """
        found = {}
        for name, (word, mask, codes) in _fields(self.values).items():
            if code := int(self._keys[word, row]) & mask:
                found[name] = next(value for value, each in codes.items() if each == code)
        return found

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
        if len(self._words) == 1:
            query = np.uint64(self._packed_first(scope))
            if self._lookup is not None:
                return self._lookup.rows(query)
            masks, keys = self._words[0]
            found: Rows = ((masks & query) == keys).nonzero()[0]
            return found
        queries = self._packed(scope)
        if self._lookup is None:
            each = [(masks & word) == keys for (masks, keys), word in zip(self._words, queries, strict=True)]
            found = np.logical_and.reduce(each).nonzero()[0]
            return found
        rows = self._lookup.rows(queries[0])
        for (masks, keys), word in zip(self._words[1:], queries[1:], strict=True):
            rows = rows[(masks[rows] & word) == keys[rows]]
        return rows

    def rows_in_many(self, scopes: Sequence[Mapping[str, str]]) -> tuple[Rows, Rows]:
        """Return the matches of many scopes as pairs (number of the scope, row), ascending.

        >>> index = PackedScopes([{"bucket": "nano"}, {}, {"bucket": "mid"}])
        >>> [each.tolist() for each in index.rows_in_many([{"bucket": "mid"}, {"bucket": "nano"}])]
        [[0, 0, 1, 1], [1, 2, 0, 1]]
        """
        if self._lookup is not None:
            each = [self.rows_in(scope) for scope in scopes]
            return np.repeat(np.arange(len(each)), [rows.size for rows in each]), np.concatenate(each)
        if len(self._words) == 1:
            queries = np.array([self._packed_first(scope) for scope in scopes], np.uint64)[:, None]
        else:
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
        places = hits.ravel().nonzero()[0]  # many times faster than for two dimensions
        numbers, rows = np.divmod(places, len(self))
        return numbers, rows

    def _packed_first(self, scope: Mapping[str, str]) -> int:
        """Return the query of an index of one word."""
        packed, field_of = 0, self._codes.get
        for name, value in scope.items():
            field = field_of(name)
            if field is not None:
                packed |= field[1].get(value, 0)
        return packed

    def _packed(self, scope: Mapping[str, str]) -> list[np.uint64]:
        words, field_of = [0] * len(self._words), self._codes.get
        for name, value in scope.items():
            field = field_of(name)
            if field is not None:
                words[field[0]] |= field[1].get(value, 0)
        return [np.uint64(word) for word in words]


class _Lookup:
    """The rows of each distinct first word of the keys, sorted by it, and the distinct masks.

    `starts` is where the rows of each word start; None if each word is that of one row. `is_taken` is the table of
    hashes: a word whose slot is empty is none of the keys.
    """

    __slots__ = ("_is_taken", "_keys", "_masks", "_order", "_shift", "_starts")

    def __init__(self, keys: NDArray[np.uint64], masks: NDArray[np.uint64]) -> None:
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._keys, self._masks = np.unique(keys), np.unique(masks)
        bits = (SLOTS_PER_KEY * len(self._keys) - 1).bit_length()
        self._shift = np.uint64(WORD_BITS - bits)
        self._is_taken = np.zeros(1 << bits, np.bool_)
        self._is_taken[self._slots(self._keys)] = True
        self._starts: NDArray[np.int32] | None = None
        if len(self._keys) < len(keys):
            starts = keys[self._order].searchsorted(self._keys)
            self._starts = np.append(starts, len(keys)).astype(np.int32)

    def rows(self, query: np.uint64) -> Rows:
        """Look up what each mask leaves of the query; masks that leave the same find the same rows."""
        wanted = self._masks & query
        wanted = wanted[self._is_taken.take(self._slots(wanted))]
        places = self._keys.searchsorted(wanted)
        found = places[self._keys.take(places, mode="clip") == wanted]
        if self._starts is not None:
            found = np.unique(found)
            starts = self._starts[found]
            found = _ranges(starts, self._starts[found + 1] - starts)
        rows = self._order.take(found)
        if rows.size <= FEW_ROWS:
            return np.array(sorted(set(rows.tolist())), np.intp)
        return np.unique(rows).astype(np.intp)

    def _slots(self, words: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the place of each word in the table of hashes."""
        return ((words * HASH) >> self._shift).view(np.int64)


def _ranges(starts: Rows, counts: Rows) -> Rows:
    """Return the numbers from each start on, as many as its count, one range after the other.

    >>> _ranges(np.array([5, 9]), np.array([2, 1])).tolist()
    [5, 6, 9]
    """
    before = np.cumsum(counts) - counts
    numbers: Rows = np.arange(counts.sum()) + np.repeat(starts - before, counts)
    return numbers


def _values(scopes: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return the values of each dimension, sorted."""
    values: dict[str, dict[str, None]] = {}
    for scope in scopes:
        for name, value in scope.items():
            values.setdefault(name, {})[value] = None
    return {name: sorted(values[name]) for name in sorted(values)}


def _words(fields: Mapping[str, tuple[int, int, dict[str, int]]]) -> int:
    return 1 + max((word for word, _, _ in fields.values()), default=0)


def _fields(values: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int, dict[str, int]]]:
    """Return dimension -> its word, its mask, and value -> code, with mask and codes shifted into place."""
    fields: dict[str, tuple[int, int, dict[str, int]]] = {}
    word, offset = 0, 0
    for name in sorted(values):
        width = len(values[name]).bit_length()
        if offset + width > WORD_BITS:
            word, offset = word + 1, 0
        codes = {value: code << offset for code, value in enumerate(values[name], start=1)}
        fields[name] = (word, ((1 << width) - 1) << offset, codes)
        offset += width
    return fields
