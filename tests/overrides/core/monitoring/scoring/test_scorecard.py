"""Scorecards as pure arithmetic: by hand, against naive loops, and over all looks at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.monitoring.days.confidence_sequence import ALPHA, mixing_rate
from overrides.core.monitoring.scoring.scorecard import TouchedColumns, scorecard, slope_interval
from tests.overrides.core.monitoring.days.test_day_sequence import naive_interval

ROW = st.tuples(st.integers(0, 45), st.floats(-1, 1), st.floats(-5, 5))  # day, promised, realised
ROWS = st.lists(ROW, min_size=60, max_size=120)


def columns(day: Any, promised: Any = None, realised: Any = None, earned: Any = None, **over: Any) -> TouchedColumns:
    """Return columns of so many trades, one line each; what is not given is unknown."""
    n = len(day)
    unknown = np.full(n, math.nan)
    given_or_unknown = [
        unknown if each is None else np.array(each, np.float64) for each in (promised, realised, earned)
    ]
    fields = {
        "line": np.zeros(n, np.int64), "override": np.zeros(n, np.int64), "trade": np.arange(n),
        "day": np.array(day, np.int64), "decisions": np.ones(n, np.int64), "promised": given_or_unknown[0],
        "realised": given_or_unknown[1], "earned": given_or_unknown[2], "moved": given_or_unknown[2] * 0 + 0.1,
    }  # fmt: skip
    return TouchedColumns(**fields | over)


class TestTheScorecard:
    def test_of_two_lines_and_three_trades_by_hand(self) -> None:
        """The first trade was touched by both lines: it counts once for what was earned and twice for the promises."""
        rows = columns(
            [5, 5, 5, 6], promised=[0.2, 0.1, 0.2, 0.1], realised=[1.0, 0.5, -1.0, 0.3],
            earned=[0.02, 0.01, -0.02, 0.01], trade=np.array([0, 0, 1, 2]), line=np.array([0, 1, 0, 1]),
        )  # fmt: skip

        found = scorecard(rows)

        assert (found.trades, found.decisions, found.judged, found.judged_days, found.earning_days) == (3, 4, 4, 2, 2)
        assert found.promised == pytest.approx(0.15)
        assert found.earned == pytest.approx(0.02)
        assert found.moved == pytest.approx(0.4)
        assert (found.realised, found.slope, found.earned_each, found.bins) == (None, None, None, ())

    def test_has_the_mean_that_was_realised_and_its_interval(self) -> None:
        found = scorecard(columns(range(40), promised=[0.2] * 40, realised=[1.5, -0.5] * 20))

        assert found.realised is not None
        mean, half = naive_interval([[1.5], [-0.5]] * 20)
        assert (found.realised.mean, found.realised.high) == pytest.approx((mean, mean + half))
        assert found.slope is not None
        assert (found.slope.mean, found.slope.high) == pytest.approx((mean / 0.2, (mean + half) / 0.2))

    def test_gives_what_a_trade_earned_through_several_lines_as_one_outcome(self) -> None:
        """Two lines that earn and lose the same on each trade earned exactly nothing: the interval has no width."""
        day = np.repeat(np.arange(40), 2)
        rows = columns(day, earned=[0.5, -0.5] * 40, trade=day)

        found = scorecard(rows).earned_each

        assert found is not None
        assert (found.mean, found.low, found.high, found.trades) == (0.0, 0.0, 0.0, 40)

    def test_leaves_out_rows_without_a_promise(self) -> None:
        found = scorecard(columns([1, 2, 3], promised=[0.2, math.nan, 0.4], realised=[1.0, 5.0, math.nan]))

        assert (found.judged, found.judged_days, found.promised) == (1, 1, 0.2)
        assert (found.earned, found.moved, found.earning_days) == (None, None, 0)

    def test_of_no_rows_has_no_figures(self) -> None:
        found = scorecard(columns([]), with_bins=True)

        assert (found.trades, found.promised, found.earned, found.slope, found.bins) == (0, None, None, None, ())

    def test_sets_outcomes_beside_promises_in_bins_of_enough_days(self) -> None:
        day = np.tile(np.arange(40), 2)
        promised = np.repeat([0.1, 0.3], 40)

        found = scorecard(columns(day, promised=promised, realised=2 * promised), with_bins=True).bins
        few = scorecard(columns(day % 20, promised=promised, realised=promised), with_bins=True).bins

        assert [each.n for each in found] == [40, 40]
        assert [each.predicted for each in found] == pytest.approx([0.1, 0.3])
        assert [each.realised for each in found] == pytest.approx([0.2, 0.6])
        assert few == ()


class TestTheSlope:
    @given(ROWS)
    def test_is_that_of_a_naive_loop_over_the_days(self, rows: list[tuple[int, float, float]]) -> None:
        day, promised, realised = (np.array(each) for each in zip(*rows, strict=True))
        found = slope_interval(day, promised, realised)

        days = sorted(set(day.tolist()))
        products = [sum(x * y for d, x, y in rows if d == each) for each in days]
        squares = [sum(x * x for d, x, _ in rows if d == each) for each in days]
        if len(days) < 30 or sum(squares) < 1e-3:
            return
        slope, k, r = sum(products) / sum(squares), len(days), mixing_rate()
        variance = sum((s - slope * n) ** 2 for s, n in zip(products, squares, strict=True)) / k
        half = math.sqrt(variance * 2 * (k * r + 1) / (k**2 * r) * math.log(math.sqrt(k * r + 1) / ALPHA))
        assert found is not None
        assert found.mean == pytest.approx(slope)
        assert found.high - found.mean == pytest.approx(half * k / sum(squares), rel=1e-6, abs=1e-9)

    def test_is_none_where_nothing_was_promised(self) -> None:
        assert slope_interval(np.arange(40), np.zeros(40), np.ones(40)) is None

    def test_seldom_excludes_one_at_any_look_where_promises_come_true(self) -> None:
        """200 streams of 300 days, whose trades share most of their day: at most 7 % may ever exclude 1."""
        rng = np.random.default_rng(5)
        missed = 0
        for _ in range(200):
            promised = rng.uniform(0.05, 0.4, 300)
            realised = promised + rng.normal(0, 1.4, 300)
            looks = (slope_interval(np.arange(n), promised[:n], realised[:n]) for n in range(30, 301, 15))
            missed += any(each is not None and not each.low <= 1 <= each.high for each in looks)
        assert missed <= 14
