from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.cells.rows import DAY, Rows, day_of, week_of, week_start
from tests.learning.core.builders import make_rows, random_rows

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIXTY_YEARS = 60 * 365 * DAY


class TestRows:
    @pytest.mark.parametrize("outcome", [np.nan, np.inf, -np.inf, 1.1e9])
    def test_refuses_an_outcome_that_is_not_finite_or_too_large(self, outcome: float) -> None:
        with pytest.raises(ValueError, match="outcomes: finite"):
            make_rows([1.0, outcome])

    def test_refuses_columns_of_different_lengths_naming_the_column(self) -> None:
        with pytest.raises(ValueError, match="trade: 2 rows expected"):
            make_rows([1.0, 2.0], trade=[1], cluster=[1, 2])

    def test_refuses_a_code_below_missing(self) -> None:
        with pytest.raises(ValueError, match="codes: a code is >= 0"):
            make_rows([1.0], [[-2]])

    def test_refuses_codes_without_a_dimension_axis(self) -> None:
        with pytest.raises(ValueError, match="codes: shape"):
            make_rows([1.0], [0])

    def test_gives_the_rows_inside_a_cell(self) -> None:
        rows = make_rows([1.0, 2.0, 3.0], [[0, 1], [0, 0], [-1, 1]])

        assert rows.inside(np.array([-1, 1])).outcomes.tolist() == [1.0, 3.0]
        assert rows.inside(np.array([0, 1])).outcomes.tolist() == [1.0]
        assert rows.inside(np.array([-1, -1])).outcomes.tolist() == [1.0, 2.0, 3.0]

    def test_joins_what_was_taken_apart(self) -> None:
        rows = random_rows(1, 20, (2, 3), clustered=True)
        parts = [rows.take(np.arange(5)), rows.take(np.arange(5, 20))]

        assert np.array_equal(Rows.join(parts).trade, rows.trade)
        assert np.array_equal(Rows.join(parts).codes, rows.codes)


class TestCalendar:
    @given(st.integers(-SIXTY_YEARS, 2 * SIXTY_YEARS))
    def test_agrees_with_the_iso_calendar(self, microseconds: int) -> None:
        closed_at, moment = np.array([microseconds]), EPOCH + timedelta(microseconds=microseconds)

        monday = EPOCH + timedelta(microseconds=int(week_start(week_of(closed_at))[0]))

        assert monday.isocalendar()[:2] == moment.isocalendar()[:2]
        assert monday.isocalendar().weekday == 1
        assert (EPOCH + timedelta(days=int(day_of(closed_at)[0]))).date() == moment.date()

    def test_starts_a_week_on_monday_at_midnight(self) -> None:
        monday = week_start(np.array([7]))

        assert week_of(np.concatenate([monday - 1, monday, monday + 7 * DAY - 1])).tolist() == [6, 7, 7]
