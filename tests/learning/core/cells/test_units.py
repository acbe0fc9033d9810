from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.cells.units import UnitCounter, run_lengths, run_means, runs, unit_means
from tests.learning.core.builders import by_unit, make_rows, random_rows


def whole(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.zeros(count, dtype=np.int64)


class TestUnitMeans:
    def test_counts_a_trade_once_however_many_rows_it_has(self) -> None:
        """One trade of 2.0 and one of 56 adds at -.88 give n 2 and mean .56."""
        trade = np.array([0, *[1] * 56])
        outcomes = np.array([2.0, *[-0.88] * 56])

        _, means = unit_means(whole(57), trade, trade, outcomes)

        assert len(means) == 2
        assert means.mean() == pytest.approx(0.56, abs=1e-12)

    def test_counts_a_cluster_once_with_the_mean_of_its_trades_means(self) -> None:
        """Trades of (1, 3) and (8) in one cluster: the mean of 2 and 8, not of the three rows."""
        trade = np.array([1, 1, 2, 3])

        _, means = unit_means(whole(4), np.array([9, 9, 9, 10]), trade, np.array([1.0, 3.0, 8.0, 0.5]))

        assert means.tolist() == [5.0, 0.5]

    @given(st.integers(0, 10_000), st.integers(0, 40))
    def test_equals_the_loop(self, seed: int, count: int) -> None:
        rows = random_rows(seed, count, (2,), clustered=True)
        rows = rows.take(np.lexsort((rows.trade, rows.cluster)))

        _, means = unit_means(whole(count), rows.cluster, rows.trade, rows.outcomes)

        assert means == pytest.approx(by_unit(rows), rel=1e-12, abs=1e-12)


class TestUnitCounter:
    def test_gives_rows_back_untouched_where_none_shares_a_unit(self) -> None:
        rows = make_rows([1.0, 2.0, 3.0])
        cell = np.array([1, 0, 1])

        unit_cell, outcome = UnitCounter(rows, rows.outcomes).count(np.arange(3), cell, 2)

        assert unit_cell is cell
        assert outcome.tolist() == [1.0, 2.0, 3.0]

    def test_merges_within_a_cell_only(self) -> None:
        """Two adds of one trade in different cells are one unit in each."""
        rows = make_rows([1.0, 2.0, 4.0], trade=[5, 5, 5])

        unit_cell, outcome = UnitCounter(rows, rows.outcomes).count(np.arange(3), np.array([0, 1, 1]), 2)

        assert sorted(zip(unit_cell.tolist(), outcome.tolist(), strict=True)) == [(0, 1.0), (1, 3.0)]


class TestRuns:
    def test_has_none_in_nothing(self) -> None:
        assert runs(np.empty(0, dtype=np.int64)).tolist() == []
        assert run_lengths(np.empty(0, dtype=np.int64), 0).tolist() == []
        assert run_means(np.empty(0), np.empty(0, dtype=np.int64)).tolist() == []

    @given(st.lists(st.integers(0, 2), max_size=30))
    def test_lengths_rebuild_the_column(self, values: list[int]) -> None:
        column = np.array(values, dtype=np.int64)
        starts = runs(column)

        assert np.repeat(column[starts], run_lengths(starts, len(column))).tolist() == values
