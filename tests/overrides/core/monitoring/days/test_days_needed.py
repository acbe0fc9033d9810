"""How many days an interval needs, against the interval itself."""

from __future__ import annotations

import pytest

from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, DaySums
from overrides.core.monitoring.days.days_needed import days_needed


def grown(days: int) -> DaySums:
    """Return days of two trades whose totals are +1.5 and -0.5 R in turn."""
    sums = DaySums()
    for day in range(days):
        sums = sums.plus(1.5 if day % 2 == 0 else -0.5, 2)
    return sums


class TestTheDaysNeeded:
    @pytest.mark.parametrize("effect", [0.2, 0.05, -0.05])
    def test_are_those_after_which_the_interval_is_narrow_enough(self, effect: float) -> None:
        needed = days_needed(grown(40), effect)

        assert needed is not None
        even = needed + needed % 2  # with an odd number of days, their variance differs a little
        at, before = (grown(days).interval() for days in (even, even - 4))
        assert at is not None
        assert before is not None
        assert at.high - at.mean <= abs(effect) < before.high - before.mean

    def test_are_never_fewer_than_an_interval_needs(self) -> None:
        assert days_needed(grown(10), 100.0) == FEWEST_DAYS

    def test_are_unknown_without_trades_or_effect_and_beyond_a_hundred_years(self) -> None:
        assert days_needed(DaySums(), 1.0) is None
        assert days_needed(grown(40), 0.0) is None
        assert days_needed(grown(40), 1e-6) is None
