"""Overrides of a bucket as plain numbers and words, for answers that are so small that a loop is faster than columns.

Reading rows out of columns costs as much as the loop, and the same few overrides match question after question. So what
was read is kept, up to `MOST_KEPT` of a bucket: a bound, because it takes some 600 bytes an override.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from .names import Names
from .weighing import STATIC, Weighing
from .weights import Column

# The weight's factors that do not depend on the time, as one product; the table's columns that weigh (see `weighing`);
# the lever and the target in units of each lever that is moved; the number of the row; the id and the line. A plain
# tuple, which the collector does not look into once it holds only numbers and words.
PlainRow = tuple[float, tuple[float, ...], tuple[tuple[str, float], ...], int, str, str]
PRODUCT: Final = 0
NUMBERS: Final = 1
MOVES: Final = 2
ROW: Final = 3
MOST_KEPT = 200


class _Columns(Protocol):
    """A bucket, as far as it is read here."""

    @property
    def ids(self) -> Names: ...
    @property
    def lines(self) -> Names: ...
    @property
    def levers(self) -> tuple[str, ...]: ...
    @property
    def table(self) -> Column: ...
    @property
    def weighing(self) -> Weighing: ...


class PlainRows:
    """The rows of one bucket that were read lately, safe for threads: what one forgets, the next reads again."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[int, PlainRow] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, bucket: _Columns, rows: Sequence[int]) -> list[PlainRow]:
        """Return rows of the bucket, in order."""
        kept = self._kept
        try:
            return [kept[row] for row in rows]
        except KeyError:
            read = _read(bucket, rows)
            if len(kept) + len(rows) > MOST_KEPT:
                kept.clear()
            kept.update(zip(rows, read, strict=True))
            return read


def _read(bucket: _Columns, rows: Sequence[int]) -> list[PlainRow]:
    places, width = np.array(rows, np.intp), bucket.weighing.width
    read = []
    for row, values, id, line in zip(
        rows,
        bucket.table.take(places, axis=0).tolist(),
        bucket.ids.take(places),
        bucket.lines.take(places),
        strict=True,
    ):
        units = zip(bucket.levers, values[width:], strict=True)
        moves = tuple([(name, unit) for name, unit in units if unit == unit])  # NaN where there is no target
        read.append((values[STATIC], tuple(values[:width]), moves, row, id, line))
    return read
