"""Folds: by hand, and each day belongs to one fold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.rows import DAY
from learning.core.walk_forward.folds import Fold, folds_of


class TestFolds:
    def test_begin_after_a_part_that_is_learned_from_only(self) -> None:
        found = folds_of(DAY * np.arange(8), 3)

        assert found == (Fold(2 * DAY, 4 * DAY), Fold(4 * DAY, 6 * DAY), Fold(6 * DAY, 8 * DAY))

    def test_hold_equally_many_decisions_where_days_differ(self) -> None:
        """Ninety decisions on the first ten days, ten on the next ten: the second half begins early."""
        day = np.concatenate([np.repeat(np.arange(10), 9), np.arange(10, 20)])

        assert folds_of(day * DAY, 1) == (Fold(5 * DAY, 20 * DAY),)

    def test_are_none_where_there_is_nothing_before(self) -> None:
        assert folds_of(np.empty(0, np.int64), 4) == ()
        assert folds_of(np.full(50, 7 * DAY), 4) == ()

    def test_refuse_a_number_below_one(self) -> None:
        with pytest.raises(ValueError, match=r"folds: 0 .* 1 or more"):
            folds_of(DAY * np.arange(4), 0)

    @settings(deadline=None)
    @given(at=st.lists(st.integers(0, 40 * DAY), min_size=1, max_size=60), count=st.integers(1, 12))
    def test_follow_each_other_to_the_last_decision_without_sharing_a_day(self, at: list[int], count: int) -> None:
        found = folds_of(np.array(at), count)

        assert len(found) <= count
        assert all(fold.start < fold.end for fold in found)
        assert all(before.end == after.start for before, after in pairwise(found))
        assert all(fold.start % DAY == fold.end % DAY == 0 for fold in found)
        assert not found or (min(at) < found[0].start and found[-1].start <= max(at) < found[-1].end)
