from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.cell_history import days_of, weeks_of
from learning.core.cells.rows import DAY, day_of, week_of, week_start
from tests.learning.core.builders import by_unit, make_rows, random_rows


class TestDays:
    def test_accumulates_by_hand(self) -> None:
        rows = make_rows([4.0, 1.0, 2.0, 0.0], closed_at=[2 * DAY, 0, DAY - 1, 2 * DAY + 5])

        days = days_of(rows)

        assert days.day.tolist() == [0, 2]
        assert days.n.tolist() == [2, 4]
        assert days.mean.tolist() == [1.5, 1.75]

    def test_lets_a_later_trade_change_the_mean_of_its_cluster(self) -> None:
        """One cluster, 2 R on day 0 and 6 R on day 1: still one unit, then with mean 4 R."""
        rows = make_rows([2.0, 6.0], trade=[1, 2], cluster=[9, 9], closed_at=[0, DAY])

        days = days_of(rows)

        assert days.n.tolist() == [1, 1]
        assert days.mean.tolist() == [2.0, 4.0]

    @given(st.integers(0, 10**6), st.integers(1, 60))
    @settings(deadline=None)
    def test_equals_the_cell_of_what_had_closed_by_each_day(self, seed: int, count: int) -> None:
        rows = random_rows(seed, count, (2,), clustered=True)

        days = days_of(rows)

        assert days.day.tolist() == sorted(set(day_of(rows.closed_at).tolist()))
        for day, n, mean in zip(days.day, days.n.tolist(), days.mean.tolist(), strict=True):
            known = by_unit(rows.take(day_of(rows.closed_at) <= day))
            assert n == len(known)
            assert mean == pytest.approx(np.mean(known), rel=1e-9, abs=1e-11)

    def test_has_none_without_rows(self) -> None:
        assert days_of(make_rows([])).n.tolist() == []


class TestWeeks:
    @given(st.integers(0, 10**6), st.integers(0, 60))
    @settings(deadline=None)
    def test_equals_the_cell_of_each_week_alone(self, seed: int, count: int) -> None:
        rows = random_rows(seed, count, (2,), clustered=True)

        weeks = weeks_of(rows)

        found = sorted(set(week_of(rows.closed_at).tolist()))
        assert weeks.started_at.tolist() == week_start(np.array(found, dtype=np.int64)).tolist()
        for week, n, mean in zip(found, weeks.n.tolist(), weeks.mean.tolist(), strict=True):
            alone = by_unit(rows.take(week_of(rows.closed_at) == week))
            assert n == len(alone)
            assert mean == pytest.approx(np.mean(alone), rel=1e-9, abs=1e-11)
