"""The contributions of many answers as the bytes of their traces: one pass of columns over each bucket of a batch.

It reads the blends from which answers list their contributions, so that an answer costs a few slices, and nothing is
made per contribution. Answers that were not blended have no place here; `decision_columns` packs them one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overrides.core.engine.compiled import Bucket, Compiled
from overrides.core.engine.joined import JoinedContributions
from overrides.core.engine.listing import Blending, WeighedFew, WeighedRows
from overrides.core.engine.taken import ContributionColumns, Contributions
from overrides.serving.blended_rows import blended_rows
from telemetry.core.decision_trace import words
from telemetry.core.decision_trace.bytes_read import Unpackable
from telemetry.core.decision_trace.constants import Constants, pack_constants
from telemetry.core.decision_trace.contributions import joined
from telemetry.foundation.core import binary_copy

DECAY = len(words.STEADY_FACTORS)  # its place in the factors of a contribution
ELEMENT = np.dtype([("length", ">i4"), ("key", ">i8")])  # of an array of bigint in binary form
MOST = 65_535  # contributions that a trace can count
Keyed = tuple[int, Constants]


class Movers(NamedTuple):
    """The contributions of one answer: their part of its trace, and the keys of their constants in binary form."""

    trace: bytes
    keys: bytes


class BucketKeys:
    """The keys of the constants of a bucket's overrides, by row: made when a decision first names them."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket, self.order = bucket, lever_order(bucket.levers)
        self._keys = np.zeros(len(bucket), np.int64)
        self._is_known = np.zeros(len(bucket), np.bool_)
        self._constants: dict[int, Constants] = {}

    def of(self, rows: NDArray[np.intp], named: dict[int, Constants]) -> NDArray[np.int64]:
        """Return the keys of rows, and enter them in `named`. Raises Unpackable if the ids are no hashes."""
        distinct = np.flatnonzero(np.bincount(rows))
        unknown = distinct[~self._is_known[distinct]]
        if unknown.size:
            self._learn(unknown)
        for row in distinct.tolist():
            found = self._constants[row]
            named[int(self._keys[row])] = found
        return self._keys[rows]

    def _learn(self, rows: NDArray[np.intp]) -> None:
        bucket = self.bucket
        detail, n_static = bucket.detail.take(rows, axis=0), bucket.detail.shape[1] - len(bucket.levers)
        ids, lines = bucket.ids.hashes(rows), bucket.lines.hashes(rows)
        nothing, factors, targets = np.zeros((0, 0)), detail[:, :n_static], detail[:, n_static:]
        columns = ContributionColumns(
            ids, lines, bucket.levers, nothing, targets, bucket.has(rows), None, factors, None
        )
        for place, (row, name, line) in enumerate(
            zip(rows.tolist(), rows_as_bytes(ids), rows_as_bytes(lines), strict=True)
        ):
            self._keys[row], self._constants[row] = keyed(name, line, constants_of(columns, place))
            self._is_known[row] = True


class KeysOf:
    """The keys of the buckets of each module's version; those of buckets that the next one shares are kept."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[Compiled, dict[int, BucketKeys]]] = {}

    def known(self, module: str, compiled: Compiled) -> dict[int, BucketKeys]:
        """Return what is known of a version, by the identity of the bucket."""
        version, known = self._of.get(module, (None, {}))
        if version is not compiled:
            alive = {id(bucket) for section in compiled.sections for bucket in section.buckets.values()}
            known = {place: keys for place, keys in known.items() if place in alive}
            self._of[module] = compiled, known
        return known


WEIGHED = (WeighedRows, WeighedFew)


def blends_of(contributions: Contributions) -> tuple[Blending, ...] | None:
    """Return the blends that a list of contributions is made from; None if one of them is no blend."""
    source = contributions.source
    if isinstance(source, WEIGHED):
        return (source.blend,)
    if not isinstance(source, JoinedContributions):
        return None
    found: list[Blending] = []
    for each in source.lists:
        part = each.source
        if not isinstance(part, WEIGHED):
            return None
        found.append(part.blend)
    return tuple(found)


class _Part(NamedTuple):
    """The contributions of one blend as bytes: weights, decays, parts and keys; `length` of them."""

    length: int
    weights: bytes
    decays: bytes
    parts: bytes
    keys: bytes


def movers_of(
    answers: Sequence[tuple[Blending, ...] | None], known: Sequence[dict[int, BucketKeys]], named: dict[int, Constants]
) -> list[Movers | None]:
    """Return the contributions of each answer; None for those without blends, or whose ids are no hashes.

    `known` holds the keys of each answer's version; the constants that the answers name are entered in `named`.
    """
    by_bucket: dict[int, tuple[BucketKeys, list[Blending]]] = {}
    for blends, keys in zip(answers, known, strict=True):
        for blend in blends or ():
            at = id(blend.bucket)
            if at not in by_bucket:
                if at not in keys:
                    keys[at] = BucketKeys(blend.bucket)
                by_bucket[at] = keys[at], []
            by_bucket[at][1].append(blend)
    parts: Mapping[int, Iterator[_Part | None]] = {
        at: iter(_parts(keys, blends, named)) for at, (keys, blends) in by_bucket.items()
    }
    return [
        None if blends is None else _together([next(parts[id(blend.bucket)]) for blend in blends]) for blends in answers
    ]


def _together(parts: Sequence[_Part | None]) -> Movers | None:
    """Return the parts of the sections of one answer as one list; None if a trace cannot hold them."""
    if len(parts) == 1 and parts[0] is not None:
        count, weights, decays, units, keys = parts[0]
    else:
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            return None
        count = sum(part.length for part in found)
        weights, decays, units, keys = (b"".join(each) for each in list(zip(*found, strict=True))[1:])
    if count > MOST:
        return None
    head = binary_copy.bigints_head(count)
    return Movers(joined(count, weights + decays + units, ()), head + keys)


def _parts(keys: BucketKeys, blends: Sequence[Blending], named: dict[int, Constants]) -> Sequence[_Part | None]:
    """Return the contributions of blends of one bucket, each by falling weight."""
    try:
        return list(_packed(keys, blends, named))
    except Unpackable:
        return [None] * len(blends)


def _packed(keys: BucketKeys, blends: Sequence[Blending], named: dict[int, Constants]) -> Iterator[_Part]:
    bucket = keys.bucket
    if bucket.detail.shape[1] - len(bucket.levers) != DECAY or len(blends[0].moments) != 1:
        raise Unpackable("the factors of a weight are others than those of a trace")
    order, rows, weights, parts, ends = blended_rows(blends)
    decays = np.concatenate([blend.moments[0] for blend in blends])[order]
    widths = np.full(rows.size, len(bucket.levers))
    if keys.order is not None:
        parts = parts[:, keys.order]
    if not bucket.is_full:
        has = ~np.isnan(parts)
        parts, widths = parts[has], has.sum(axis=1)
    elements = np.empty(rows.size, ELEMENT)
    elements["length"], elements["key"] = 8, keys.of(rows, named)
    every_weight, every_decay, every_part = weights.tobytes(), decays.tobytes(), parts.tobytes()
    every_key, part_ends = elements.tobytes(), widths.cumsum()[np.array(ends) - 1].tolist()
    start = part_start = 0
    for end, part_end in zip(ends, part_ends, strict=True):
        eights = slice(8 * start, 8 * end)
        yield _Part(
            end - start,
            every_weight[eights],
            every_decay[eights],
            every_part[8 * part_start : 8 * part_end],
            every_key[12 * start : 12 * end],
        )
        start, part_start = end, part_end


def rows_as_bytes(hashes: NDArray[np.uint8] | None) -> list[bytes]:
    """Return the rows of hashes. Raises Unpackable if the ids are none."""
    if hashes is None:
        raise Unpackable("the ids are no hashes")
    content = hashes.tobytes()
    return [content[start : start + 32] for start in range(0, len(content), 32)]


def lever_order(levers: Sequence[str]) -> list[int] | None:
    """Return the columns of levers in the order of the words of a trace; None if they are in it."""
    places = [words.LEVER_AT[name] for name in levers]
    order = sorted(range(len(places)), key=places.__getitem__)
    return None if order == list(range(len(order))) else order


def levers_of(columns: ContributionColumns, row: int) -> list[int]:
    """Return the columns of the levers that an override moves, in the order of the words of a trace."""
    order = lever_order(columns.levers) or range(len(columns.levers))
    return [place for place in order if columns.has is None or columns.has[row, place]]


def constants_of(columns: ContributionColumns, row: int, *, is_ramping: bool = False) -> bytes:
    """Return what an override contributes to every decision alike, as bytes."""
    has = levers_of(columns, row)
    mask = words.mask_of(words.LEVER_AT, [columns.levers[place] for place in has])
    targets = None if is_ramping else tuple(float(columns.targets[row, place]) for place in has)
    factors = None
    if columns.factors is not None and not math.isnan(columns.factors[row, 0]):
        factors = tuple(columns.factors[row, :DECAY].tolist())
    return pack_constants(mask, targets, factors)


def keyed(name: bytes, line: bytes, packed: bytes) -> Keyed:
    """Return constants with their key."""
    made = Constants(name.hex(), line.hex(), packed)
    return made.key, made


KEYS = KeysOf()
