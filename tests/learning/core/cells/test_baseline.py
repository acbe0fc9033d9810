from __future__ import annotations

import numpy as np
import pytest

from learning.core.cells.baseline import Baseline, baseline_of
from tests.learning.core.builders import by_unit, make_rows, random_rows


class TestBaseline:
    def test_counts_a_trade_of_two_patterns_once(self) -> None:
        """Trade 1 acts in both groups (1 and 3 R), trade 2 in one (-4 R): the mean of 2 and -4."""
        groups = [make_rows([1.0], trade=[1]), make_rows([3.0, -4.0], trade=[1, 2])]

        assert baseline_of(groups) == Baseline(n=2, mean=-1.0)

    def test_equals_the_loop_over_all_rows(self) -> None:
        rows = random_rows(4, 300, (2,), clustered=True)
        groups = [rows.take(np.flatnonzero(np.arange(300) % 3 == part)) for part in range(3)]
        means = by_unit(rows)

        baseline = baseline_of(groups)

        assert baseline.n == len(means)
        assert baseline.mean == pytest.approx(np.mean(means), rel=1e-12)

    @pytest.mark.parametrize("groups", [[], [make_rows([])]])
    def test_is_zero_over_nothing(self, groups: list[object]) -> None:
        assert baseline_of(groups) == Baseline(n=0, mean=0.0)  # type: ignore[arg-type]  # rows or nothing
