"""Tests of the interval of a mean per trade over whole days: by hand, against a naive loop, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.monitoring.days.confidence_sequence import ALPHA, mixing_rate
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, DaySums

DAYS = st.lists(st.lists(st.floats(-10, 10), min_size=1, max_size=5), min_size=FEWEST_DAYS, max_size=60)


def naive_interval(days: list[list[float]]) -> tuple[float, float]:
    """Return mean and half width by the formula of docs/method.md 13.1, day by day."""
    n = sum(len(day) for day in days)
    mean = sum(sum(day) for day in days) / n
    k, r = len(days), mixing_rate()
    variance = sum((sum(day) - mean * len(day)) ** 2 for day in days) / k
    half = math.sqrt(variance * 2 * (k * r + 1) / (k**2 * r) * math.log(math.sqrt(k * r + 1) / ALPHA))
    return mean, half / (n / k)


class TestTheInterval:
    @given(DAYS)
    def test_is_that_of_a_naive_loop_over_the_days(self, days: list[list[float]]) -> None:
        number = np.array([place for place, day in enumerate(days) for _ in day])
        found = DaySums.over(number, np.array([value for day in days for value in day])).interval()

        assert found is not None
        mean, half = naive_interval(days)
        assert (found.mean, found.high - found.mean) == pytest.approx((mean, half), rel=1e-6, abs=1e-5)
        assert (found.days, found.trades) == (len(days), sum(map(len, days)))

    @given(DAYS)
    def test_is_the_same_day_by_day_as_at_once(self, days: list[list[float]]) -> None:
        number = np.array([place for place, day in enumerate(days) for _ in day])
        at_once = DaySums.over(number, np.array([value for day in days for value in day]))
        grown = DaySums()
        for day in days:
            grown = grown.plus(math.fsum(day), len(day))

        assert grown.mean == pytest.approx(at_once.mean, abs=1e-9)
        assert (grown.days, grown.trades) == (at_once.days, at_once.trades)

    def test_is_none_with_too_few_days(self) -> None:
        sums = DaySums()
        for _ in range(FEWEST_DAYS - 1):
            sums = sums.plus(1.0, 1)

        assert DaySums().interval() is None
        assert sums.interval() is None
        assert sums.plus(1.0, 1).interval() is not None

    def test_excludes_a_true_mean_of_zero_at_any_look_in_few_of_many_streams(self) -> None:
        """Trades of a day share most of their outcome, and the number of trades varies from day to day."""
        draw = np.random.default_rng(11)
        streams, length, missed = 300, 400, 0
        for _ in range(streams):
            counts = draw.integers(1, 9, length)
            totals = counts * draw.normal(0, 1, length) + np.sqrt(counts) * draw.normal(0, 0.5, length)
            sums = DaySums()
            for total, count in zip(totals.tolist(), counts.tolist(), strict=True):
                sums = sums.plus(total, count)
                interval = sums.interval()
                if interval is not None and (interval.is_above_zero or interval.is_below_zero):
                    missed += 1
                    break

        assert missed / streams <= 0.07
