"""Calibration: the slope by hand and against a loop, bins that keep ties together, the squared error."""

from __future__ import annotations

import math
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest

from learning.core.walk_forward.calibration import calibration, calibration_bins, slope, squared_error_ratio
from tests.learning.core.walk_forward.builders import make_sized_trades


def sized_trades_with(edge: Any, outcome: Any, **over: Any) -> Any:
    return make_sized_trades(outcome, np.ones(len(outcome)), edge=edge, **over)


class TestSlope:
    def test_is_one_where_edges_come_true(self) -> None:
        edge = np.linspace(-1, 1, 20)

        found = slope(np.arange(20), edge, edge + 0.7)

        assert found is not None
        assert astuple(found) == pytest.approx((1.0, 0.0), abs=1e-12)

    def test_is_below_one_where_edges_are_exaggerated(self) -> None:
        found = slope(np.arange(4), np.array([-2.0, -1.0, 1.0, 2.0]), np.array([-1.0, -0.5, 0.5, 1.0]))

        assert found is not None
        assert found.value == pytest.approx(0.5)

    def test_has_a_standard_error_that_takes_days_whole(self) -> None:
        """Computed by a loop: the score of each day is one number."""
        rng = np.random.default_rng(6)
        day, x = np.repeat(np.arange(8), 5), rng.normal(0, 1, 40)
        y = 0.6 * x + rng.normal(0, 1, 8)[day]

        found = slope(day, x, y)

        assert found is not None
        centred = x - x.mean()
        residual = y - y.mean() - found.value * centred
        meat = sum(sum((centred * residual)[day == each]) ** 2 for each in range(8))
        assert found.se == pytest.approx(math.sqrt(8 / 7 * meat) / float(centred @ centred))

    def test_is_none_where_all_is_expected_alike(self) -> None:
        assert slope(np.arange(3), np.full(3, 0.2), np.array([1.0, 2.0, 3.0])) is None
        assert slope(np.empty(0, np.int64), np.empty(0), np.empty(0)) is None


class TestGroups:
    def test_are_ten_of_equal_size(self) -> None:
        edge = np.arange(100.0)

        found = calibration_bins(np.arange(100), edge, 2 * edge)

        assert [each.n for each in found] == [10] * 10
        assert [each.predicted for each in found] == [10 * group + 4.5 for group in range(10)]
        assert [each.realised for each in found] == [20 * group + 9.0 for group in range(10)]

    def test_keep_ties_together(self) -> None:
        """Nine trades in ten have the same prediction: they form one bin, not nine."""
        edge = np.array([0.0] * 90 + [1.0] * 10)

        found = calibration_bins(np.arange(100), edge, edge)

        assert [(each.n, each.predicted) for each in found] == [(90, 0.0), (10, 1.0)]

    def test_are_none_of_no_trades(self) -> None:
        assert calibration_bins(np.empty(0, np.int64), np.empty(0), np.empty(0)) == []


class TestSquaredError:
    def test_is_one_without_learning(self) -> None:
        sized = sized_trades_with([0.0, 0.0], [1.0, -2.0], baseline=[0.3, 0.3], prior_mean=[0.3, 0.3])

        assert squared_error_ratio(sized) == 1.0

    def test_is_a_share_of_what_no_learning_errs(self) -> None:
        """Predictions .5 and -.5 for 1 and -1: half the error of the prior mean."""
        assert squared_error_ratio(sized_trades_with([0.5, -0.5], [1.0, -1.0])) == 0.25

    def test_is_none_where_nothing_can_be_wrong(self) -> None:
        assert squared_error_ratio(sized_trades_with([0.5, -0.5], [0.0, 0.0])) is None


class TestCalibration:
    def test_takes_both_sides_over_the_mean_of_their_fold(self) -> None:
        """A season that lifts every outcome by 5 R, and edges that come true within each fold."""
        edge, fold = np.array([-0.1, 0.1, -0.1, 0.1]), np.array([0, 0, 1, 1])

        found = calibration(sized_trades_with(edge, edge + 5.0 * fold, fold=fold))

        assert (found["slope"], found["in_bar"]) == (pytest.approx(1.0), True)
        assert [each["realised"] for each in found["groups"]] == pytest.approx([-0.1, 0.1])

    @pytest.mark.parametrize(("true", "expected"), [(0.1, False), (0.85, True), (1.2, True), (1.5, False)])
    def test_says_whether_the_slope_is_in_its_bar(self, true: float, expected: bool) -> None:
        edge = np.linspace(-1, 1, 30)

        assert calibration(sized_trades_with(edge, true * edge))["in_bar"] is expected

    def test_of_no_trades_says_nothing(self) -> None:
        assert calibration(sized_trades_with([], [])) == {
            "groups": [], "slope": None, "slope_se": None, "in_bar": None, "squared_error_ratio": None,
        }  # fmt: skip
