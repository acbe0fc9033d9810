"""Tests of the interval over stretches of days: by hand, against a naive loop, and by simulation of lasting shocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.cells.rows import Floats, Ints
from learning.core.walk_forward.day_stretches import FEWEST_STRETCHES, run_length, stretch_interval
from overrides.core.monitoring.days.confidence_sequence import ALPHA, mixing_rate
from overrides.core.monitoring.days.day_sequence import DaySums

SEEDS = st.integers(0, 2**32 - 1)


def rows_of(seed: int) -> tuple[Ints, Floats]:
    """Return days and values of rows in any order: days with several rows, days without, and a part that lasts."""
    draw = np.random.default_rng(seed)
    day = draw.integers(0, draw.integers(40, 120), draw.integers(60, 150))
    return day, draw.normal(0, 1, len(day)) + draw.uniform(0, 2) * np.sin(day / draw.uniform(0.3, 20))


def naive(day: list[int], values: list[float]) -> tuple[float, float]:
    """Return stretches and half width by the formula of docs/method.md 7.5, day by day."""
    mean, days = sum(values) / len(values), set(day)
    sums = {each: sum(v - mean for d, v in zip(day, values, strict=True) if d == each) for each in days}
    square, length = sum(each**2 for each in sums.values()), 1.0
    for lag in range(1, min(30, max(days) - min(days)) + 1):
        product = sum(sums[each] * sums.get(each + lag, 0.0) for each in days)
        if product <= 0:
            break
        length += 2 * product / square
    k, r = len(days) / length, mixing_rate()
    variance = square / len(days) * length**2
    half = math.sqrt(variance * 2 * (k * r + 1) / (k**2 * r) * math.log(math.sqrt(k * r + 1) / ALPHA))
    return k, half * k / len(values)


class TestTheInterval:
    @given(SEEDS)
    def test_is_that_of_a_naive_loop_over_the_days(self, seed: int) -> None:
        day, values = rows_of(seed)
        found = stretch_interval(day, values)
        stretches, half = naive(day.tolist(), values.tolist())

        assert found is not None
        assert found.stretches == pytest.approx(stretches, rel=1e-6)
        assert (found.low is None) == (stretches < FEWEST_STRETCHES)
        if found.low is not None and found.high is not None:
            assert (found.mean - found.low, found.high - found.mean) == pytest.approx((half, half), rel=1e-6)

    @given(SEEDS, st.integers(-1000, 1000))
    def test_depends_neither_on_the_order_of_rows_nor_on_the_date(self, seed: int, shift: int) -> None:
        day, values = rows_of(seed)
        order = np.random.default_rng(seed).permutation(len(day))
        one, other = stretch_interval(day, values), stretch_interval(day[order] + shift, values[order])

        assert one is not None
        assert other is not None
        assert (other.mean, other.stretches) == pytest.approx((one.mean, one.stretches), abs=1e-9)
        assert 0 < one.stretches <= len(np.unique(day))

    def test_is_that_of_days_where_each_stands_alone(self) -> None:
        """Days that gain and lose by turns, with two trades each: L = 1."""
        day = np.repeat(np.arange(40), 2)
        values = np.where(day % 2, 1.0, -0.5)
        found, expected = stretch_interval(day, values), DaySums.over(day, values).interval()

        assert found is not None
        assert expected is not None
        assert (found.low, found.high, found.stretches) == pytest.approx((expected.low, expected.high, 40.0))

    def test_has_no_ends_below_thirty_stretches(self) -> None:
        few, enough = (np.arange(count) for count in (FEWEST_STRETCHES - 1, FEWEST_STRETCHES))

        for day, has_ends in ((few, False), (enough, True)):
            found = stretch_interval(day, np.where(day % 2, 1.0, -0.5))
            assert found is not None
            assert (found.low is not None, found.high is not None) == (has_ends, has_ends)
        assert stretch_interval(few[:0], np.empty(0)) is None

    def test_adds_the_correlations_up_to_the_first_that_is_not_positive(self) -> None:
        """Sums 1, 1, -1, -1 about 0: products 1 at a lag of one day, -2 at two: L = 1 + 2 * 1 / 4."""
        assert run_length(np.arange(4), np.array([1.0, 1.0, -1.0, -1.0])) == 1.5
        assert run_length(np.arange(4), np.ones(4)) == 1.0

    @pytest.mark.parametrize("persistence", [0.0, 0.8, 0.95])
    def test_seldom_excludes_zero_where_shocks_last(self, persistence: float) -> None:
        """An interval for one look over whole days lies above zero in 25 % of such streams at .8, in 39 % at .95."""
        draw, days, streams = np.random.default_rng(3), 213, 150
        shocks = draw.normal(0, 1, (streams, days))
        for day in range(1, days):
            shocks[:, day] = persistence * shocks[:, day - 1] + math.sqrt(1 - persistence**2) * shocks[:, day]
        found = [stretch_interval(np.arange(days), each) for each in shocks]

        assert np.mean([each is not None and each.low is not None and each.low > 0 for each in found]) <= 0.02
