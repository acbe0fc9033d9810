from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.effect_cells import EffectCells, UnitCounts, digits_of, number_cells
from learning.core.cells.numbering import CHEAP_COUNTERS
from learning.core.cells.rows import Ints

WIDTHS = (2, 4, 5, 3)
ROWS = st.lists(
    st.tuples(st.just(1), st.integers(0, 3), st.integers(0, 4), st.integers(0, 2), st.integers(0, 9)),
    min_size=1,
    max_size=60,
)


def members(found: EffectCells) -> dict[int, list[int]]:
    """Return key -> rows of each cell."""
    return {int(key): np.flatnonzero(found.cell == at).tolist() for at, key in enumerate(found.key)}


def looped(digits: Ints, unit: Ints, columns: tuple[int, ...], n_min: int) -> dict[tuple[int, ...], list[int]]:
    rows: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for row in range(digits.shape[1]):
        cell = tuple(int(digits[column, row]) for column in columns)
        if 0 not in cell:
            rows[cell].append(row)
    return {cell: each for cell, each in rows.items() if len({int(unit[row]) for row in each}) >= n_min}


class TestNumberCells:
    @given(ROWS, st.sampled_from([(0,), (1,), (1, 2), (2, 3), (1, 2, 3)]), st.integers(1, 4), st.integers(1, 60))
    @settings(deadline=None)
    def test_numbers_what_loops_find(
        self, rows: list[tuple[int, ...]], columns: tuple[int, ...], n_min: int, first: int
    ) -> None:
        table = np.array(rows).T
        digits, unit = table[:-1], table[-1]
        window = digits[:, : min(first, len(rows))]

        found = number_cells(window, WIDTHS, columns, UnitCounts(unit), n_min)

        expected = looped(window, unit, columns, n_min)
        cells = list(zip(*(digit.tolist() for digit in digits_of(found.key, WIDTHS, columns)), strict=True))
        assert dict(zip(cells, members(found).values(), strict=True)) == expected
        assert found.n.tolist() == [len({int(unit[row]) for row in expected[cell]}) for cell in cells]
        assert (np.diff(found.key) > 0).all()

    def test_numbers_keys_too_many_to_count_alike(self) -> None:
        rng = np.random.default_rng(1)
        narrow, wide = (2, 4, 5, 3), (2, 4, 5, CHEAP_COUNTERS)
        digits = np.stack([np.ones(300, dtype=np.int64), *(rng.integers(0, width, 300) for width in (4, 5, 3))])
        units = UnitCounts(rng.integers(0, 200, 300))

        counted, sorted_ = (number_cells(digits, widths, (1, 2, 3), units, 3) for widths in (narrow, wide))

        assert len(counted) > 10
        assert np.array_equal(counted.cell, sorted_.cell)
        assert np.array_equal(counted.n, sorted_.n)


class TestNumbered:
    def test_finds_its_keys_and_no_others(self) -> None:
        digits = np.array([[1, 1, 2, 2, 3, 3, 4]])
        found = number_cells(digits, (5,), (0,), UnitCounts(np.arange(7)), 2)

        assert found.key.tolist() == [1, 2, 3]
        assert found.find(np.array([3, 0, 1, 4, 99])).tolist() == [2, 3, 0, 3, 3]

    def test_finds_none_where_it_has_none(self) -> None:
        found = number_cells(np.array([[1, 2]]), (3,), (0,), UnitCounts(np.arange(2)), 2)

        assert found.find(np.array([1, 2])).tolist() == [0, 0]
        assert found.cell.tolist() == [0, 0]

    def test_sums_the_rows_of_its_cells_alone(self) -> None:
        found = number_cells(np.array([[1, 1, 2, 0, 0]]), (3,), (0,), UnitCounts(np.arange(5)), 2)

        assert found.sums(np.array([1.0, 2.0, 4.0, 8.0, 16.0])) == pytest.approx([3.0])
