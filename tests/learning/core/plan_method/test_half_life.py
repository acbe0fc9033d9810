from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.plan_method.half_life import (
    LEAST_WEEKS,
    LONGEST,
    SHORTEST,
    SPREAD,
    HalfLife,
    fit_half_life,
    initial_edge,
)

DEFAULT = 90.0
Weeks = tuple[Any, Any, Any]  # days, n, edges


def weekly(*edges: float, n: int = 20) -> Weeks:
    return 7.0 * np.arange(len(edges)), np.full(len(edges), n), np.array(edges)


def noisy(seed: int, *, half_life: float, start: float = 1.0, weeks: int = 30, n: int = 20) -> Weeks:
    """Return weekly means of outcomes with variance 1."""
    rng = np.random.default_rng(seed)
    day = 7.0 * np.arange(weeks)
    return day, np.full(weeks, n), start * 2 ** (-day / half_life) + rng.normal(0, 1 / math.sqrt(n), weeks)


def fit(weeks: Weeks, variance: float = 1.0, default: float = DEFAULT) -> HalfLife:
    return fit_half_life(*weeks, variance, default)


def left_over(weeks: Weeks, half_life: float) -> float:
    """Return the weighted residual squares of the best curve of a half-life, computed by a loop."""
    left = [2 ** (-(day - weeks[0][0]) / half_life) for day in weeks[0]]
    rows = list(zip(weeks[1], weeks[2], left, strict=True))
    start = sum(n * edge * each for n, edge, each in rows) / sum(n * each * each for n, _, each in rows)
    return float(sum(n * (edge - start * each) ** 2 for n, edge, each in rows))


def naive(weeks: Weeks, variance: float) -> tuple[float, float]:
    """Return fitted and shrunk half-life, searched from an hour to a year in steps of .1 %."""
    steps = math.log(LONGEST / SHORTEST) / math.log(1.001)
    grid = [SHORTEST * 1.001**step for step in range(int(steps) + 1)]
    squares = [left_over(weeks, each) for each in grid]
    fitted = grid[squares.index(min(squares))]
    noise = max(variance, min(squares) / (len(weeks[0]) - 2))
    costs = [
        square / noise + (math.log(each / DEFAULT) / math.log(SPREAD)) ** 2
        for each, square in zip(grid, squares, strict=True)
    ]
    return fitted, grid[costs.index(min(costs))]


class TestFitHalfLife:
    def test_finds_a_half_life_that_is_told_without_noise(self) -> None:
        """Edges 2, 1, .5, .25, .125 at 0, 24, 48, 72, 96 hours: 24 hours."""
        found = fit((np.arange(5.0), np.full(5, 20), np.array([2.0, 1.0, 0.5, 0.25, 0.125])), variance=0.0)

        assert (found.fitted, found.shrunk, found.r2, found.reason) == (1.0, 1.0, 1.0, "")

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("half_life", [10.0, 60.0, 300.0])
    def test_equals_a_search_over_every_half_life(self, seed: int, half_life: float) -> None:
        weeks = noisy(seed, half_life=half_life, weeks=12)

        found = fit(weeks)

        assert (found.fitted, found.shrunk) == pytest.approx(naive(weeks, 1.0), rel=1.1e-3)

    def test_comes_near_the_truth_in_a_year_of_weeks(self) -> None:
        found = [fit(noisy(seed, half_life=30.0, start=2.0, weeks=52, n=50)) for seed in range(20)]

        assert np.median([each.shrunk for each in found]) == pytest.approx(30.0, rel=0.05)
        assert sum(each.low <= 30.0 <= each.high for each in found if each.low and each.high) >= 17

    def test_leaves_the_default_where_fewer_than_five_weeks_traded(self) -> None:
        found = fit(weekly(1.0, 0.5, 0.25, 0.125))

        assert (found.shrunk, found.fitted, found.points) == (DEFAULT, None, 4)
        assert found.reason == "4 of the 5 weeks with trades that a fit needs"

    def test_leaves_the_default_where_no_week_had_an_edge(self) -> None:
        assert fit(weekly(*[0.0] * 9)) == HalfLife(DEFAULT, None, None, None, None, 9, "no edge in any week")

    def test_takes_no_half_life_from_an_edge_that_changes_its_sign(self) -> None:
        assert fit(weekly(*[1.0, -1.0] * 6)).shrunk == pytest.approx(DEFAULT, rel=0.01)

    def test_takes_none_from_an_edge_that_has_turned(self) -> None:
        """A decay to zero is the nearest fit; the residual shows how poor it is."""
        found = fit(weekly(*[0.6] * 5, *[-0.6] * 5))

        assert found.r2 is not None
        assert found.r2 < 0.5
        assert 60 < found.shrunk < DEFAULT

    def test_ends_at_a_year_for_an_edge_that_grows(self) -> None:
        found = fit(weekly(*[0.1 * week for week in range(1, 13)]))

        assert found.fitted == LONGEST
        assert DEFAULT < found.shrunk < LONGEST
        assert found.r2 == 0.0

    def test_ends_at_an_hour_for_an_edge_of_one_week(self) -> None:
        found = fit(weekly(4.0, *[0.0] * 9), variance=1.0)

        assert found.fitted is not None
        assert found.fitted < 1
        assert SHORTEST <= found.shrunk < 7

    def test_is_not_led_by_one_huge_week(self) -> None:
        """One trade of 1,000 R increases the variance of the cell and the residual of the fit."""
        for variance in (1.0, 1000.0**2 / 40):
            found = fit(weekly(0.2, 0.1, 0.2, 50.0, 0.1, 0.2, 0.1, 0.2), variance)
            assert found.shrunk == pytest.approx(DEFAULT, rel=0.05)

    def test_lets_many_trades_outweigh_few(self) -> None:
        """The same edges; the weeks with many trades decide."""
        day, _, edge = weekly(1.0, 0.5, 0.25, 0.125, 3.0, -3.0)
        fading = fit((day, np.array([400, 400, 400, 400, 1, 1]), edge))
        even = fit((day, np.full(6, 100), edge))

        assert fading.fitted == pytest.approx(7.0, rel=0.1)
        assert abs(math.log(fading.shrunk / 7.0)) < abs(math.log(even.shrunk / 7.0))

    def test_trusts_more_weeks_more(self) -> None:
        assert fit(noisy(1, half_life=20.0, weeks=6)).shrunk > fit(noisy(1, half_life=20.0, weeks=60)).shrunk

    def test_holds_edges_as_large_as_may_be_recorded(self) -> None:
        found = fit(weekly(*[1e9, -1e9] * 5), variance=1e18)

        assert all(math.isfinite(each) for each in (found.shrunk, found.fitted or 0, found.low or 0, found.high or 0))

    @given(st.integers(0, 10**6), st.integers(LEAST_WEEKS, 40), st.floats(1, 1000))
    @settings(deadline=None, max_examples=40)
    def test_keeps_its_promises(self, seed: int, weeks: int, half_life: float) -> None:
        """Within the limits and its interval; never farther from the default than the data alone."""
        found = fit(noisy(seed, half_life=half_life, weeks=weeks))

        assert found.low is not None
        assert found.high is not None
        assert found.fitted is not None
        assert SHORTEST - 1e-4 <= found.low <= found.shrunk <= found.high <= LONGEST
        assert abs(math.log(found.shrunk / DEFAULT)) <= abs(math.log(found.fitted / DEFAULT)) + 1e-3
        assert 0 <= (found.r2 or 0.0) <= 1

    @given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
    @settings(deadline=None, max_examples=30)
    def test_knows_no_unit_and_no_sign(self, seed: int, scale: float) -> None:
        day, n, edge = noisy(seed, half_life=40.0, weeks=15)

        one, scaled, mirrored = fit((day, n, edge)), fit((day, n, scale * edge), scale**2), fit((day, n, -edge))

        assert scaled.shrunk == pytest.approx(one.shrunk, rel=1e-5)
        assert mirrored.shrunk == pytest.approx(one.shrunk, rel=1e-5)

    @given(st.integers(0, 10**6), st.floats(-1e4, 1e4))
    @settings(deadline=None, max_examples=20)
    def test_counts_days_from_the_first_week(self, seed: int, moved_by: float) -> None:
        day, n, edge = noisy(seed, half_life=40.0, weeks=15)

        assert fit((day + moved_by, n, edge)).shrunk == pytest.approx(fit((day, n, edge)).shrunk, rel=1e-5)


def test_a_curve_starts_where_it_fits_best() -> None:
    weeks = weekly(2.0, 0.9, 0.6, 0.2, 0.1)
    best = initial_edge(*weeks, 7.0)

    def squares(start: float) -> float:
        return float(np.sum((weeks[2] - start * 2.0 ** -np.arange(5)) ** 2))

    assert squares(best) < min(squares(best + 1e-4), squares(best - 1e-4))
