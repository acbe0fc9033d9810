"""The day-block bootstrap: by hand, against a loop over trades, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overrides.core.monitoring.days.day_bootstrap import Band, Floats, Ints, day_block_band, day_draws, day_sums


def trades(seed: int, count: int, days: int) -> tuple[Ints, Floats]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, days, count), rng.normal(0.3, 1.0, count)


def naive(day: Ints, values: Floats, draws: int, seed: int) -> tuple[float, float]:
    """Compute every draw as a list of trades: those of each day as often as the day was drawn."""
    known = sorted(set(day.tolist()))
    means = []
    for taken in day_draws(len(known), draws=draws, seed=seed).tolist():
        drawn: list[float] = []
        for each, times in zip(known, taken, strict=True):
            drawn += values[day == each].tolist() * times
        means.append(float(np.mean(drawn)))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


class TestDayBlockBand:
    def test_of_no_trades_is_none(self) -> None:
        assert day_block_band(np.empty(0, np.int64), np.empty(0)) is None

    def test_of_one_day_has_a_mean_and_no_ends(self) -> None:
        assert day_block_band(np.array([3, 3]), np.array([1.0, 2.0])) == Band(1.5, None, None, 2, 1)

    def test_of_two_days_is_between_them(self) -> None:
        """With two days of one trade each, a draw is the first twice, both, or the second twice."""
        found = day_block_band(np.array([0, 1]), np.array([0.0, 1.0]))

        assert found == Band(0.5, 0.0, 1.0, 2, 2)

    def test_agrees_with_a_loop_over_trades(self) -> None:
        day, values = trades(1, 60, 9)

        found = day_block_band(day, values, draws=200, seed=5)

        assert found is not None
        assert (found.low, found.high) == pytest.approx(naive(day, values, 200, 5), abs=1e-12)
        assert (found.mean, found.n, found.days) == pytest.approx((values.mean(), 60, 9))

    def test_of_independent_trades_is_as_wide_as_their_standard_error_says(self) -> None:
        day, values = np.arange(4000), np.random.default_rng(2).normal(0, 1, 4000)

        found = day_block_band(day, values)

        assert found is not None
        assert found.high is not None
        assert found.low is not None
        assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(4000), rel=0.06)

    def test_is_wider_where_the_trades_of_a_day_move_together(self) -> None:
        rng = np.random.default_rng(3)
        day = np.repeat(np.arange(50), 20)
        shocks = rng.normal(0, 1, 50)[day]
        alone = rng.permutation(shocks)  # the same outcomes, shuffled over the days

        together, apart = day_block_band(day, shocks), day_block_band(day, alone)

        assert together is not None
        assert apart is not None
        assert together.low is not None
        assert apart.low is not None
        assert together.mean - together.low > 3 * (apart.mean - apart.low)

    @settings(deadline=None, max_examples=40)
    @given(seed=st.integers(0, 10_000), shift=st.integers(-1000, 1000))
    def test_does_not_depend_on_the_order_of_trades_nor_on_where_days_begin(self, seed: int, shift: int) -> None:
        day, values = trades(seed, 40, 7)
        order = np.random.default_rng(seed).permutation(40)

        found, again = (
            day_block_band(day, values, draws=50),
            day_block_band(day[order] + shift, values[order], draws=50),
        )

        assert found is not None
        assert again is not None
        assert (again.mean, again.low, again.high) == pytest.approx((found.mean, found.low, found.high), abs=1e-12)


class TestDraws:
    def test_take_as_many_days_as_there_are(self) -> None:
        assert (day_draws(11, draws=30).sum(axis=1) == 11).all()

    def test_are_the_same_for_the_same_seed(self) -> None:
        assert (day_draws(5) == day_draws(5)).all()
        assert (day_draws(5) != day_draws(5, seed=1)).any()

    def test_sums_keep_every_trade(self) -> None:
        day, values = trades(4, 100, 13)

        days, sums, counts = day_sums(day, values)

        assert (len(days), counts.sum(), sums.sum()) == pytest.approx((13, 100, values.sum()))
