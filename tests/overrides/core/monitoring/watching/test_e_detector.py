"""The detector grows on losses, stays low on gains, and does not mistake one bad market day for many bad trades."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from overrides.core.monitoring.watching.e_detector import CLIP, LIMIT, SHARES, Detector, standardised, stepped
from overrides.core.monitoring.watching.watched_stream import Counted, Stream

GOOD = 0.18


def run(us: list[float], a_day: int = 1) -> Detector:
    state = Detector()
    for number, u in enumerate(us):
        state = state.plus(number // a_day, u, GOOD)
    return state.closed(len(us), GOOD)


def reference(us: list[float]) -> float:
    """The formula per trade as it is published: M <- (M + 1) (1 - l u), averaged."""
    capital = np.zeros(len(SHARES))
    for u in us:
        capital = (capital + 1) * (1 - np.array(SHARES) * u)
    return float(capital.mean())


class TestDetector:
    def test_is_the_published_formula_where_a_day_has_one_trade_and_days_do_not_vary_more(self) -> None:
        us = [0.4, -0.9, 0.2, -0.3, 0.5] * 8

        assert run(us).level == pytest.approx(reference(us), rel=1e-12)

    def test_turns_red_on_losses_and_stays_low_on_gains(self) -> None:
        assert run([-1.0] * 60).level > LIMIT
        assert run([1.0] * 500).level < 40

    def test_counts_a_day_whose_trades_fell_together_as_less_than_independent_ones(self) -> None:
        rng = np.random.default_rng(3)
        market = np.repeat(rng.normal(0.0, 1.0, 300), 5)
        state = run([float(u) for u in np.clip(market, -CLIP, CLIP)], a_day=5)

        assert state.squares / state.days > 4
        assert state.level < LIMIT

    def test_refuses_a_trade_of_a_day_that_is_over(self) -> None:
        with pytest.raises(ValueError, match="day 3 lies before"):
            Detector().plus(4, 0.1, GOOD).plus(3, 0.1, GOOD)

    def test_the_cumulative_sum_turns_amber_before_the_capital_turns_red(self) -> None:
        state = Detector()
        amber = red = 0
        for day in range(200):
            state = state.plus(day, -0.3, GOOD)
            amber, red = amber or day * state.is_amber, red or day * state.is_red

        assert 0 < amber < red

    def test_no_bet_can_lose_all_or_go_below_zero(self) -> None:
        capital = stepped(np.ones((1, len(SHARES))), np.ones(1), np.array([99.0]), np.ones(1))

        assert (capital > 0).all()

    def test_clips_an_outcome_in_either_direction(self) -> None:
        assert (standardised(1, 99.0, 1.0), standardised(-1, 99.0, 1.0)) == (CLIP, -CLIP)


class TestStream:
    def test_is_the_same_trade_by_trade_and_all_at_once(self) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        trades = [
            Counted(start + timedelta(hours=9 * k), UUID(int=k), (-1) ** k * 0.5, (-1) ** k * 0.7, GOOD)
            for k in range(40)
        ]
        whole, points = Stream().plus(trades)
        step, pieces = Stream(), []
        for trade in trades:
            step, closed = Stream.read(*step.documents()).plus([trade])
            pieces += closed

        assert (step, pieces) == (whole, points)
        assert whole.realised.trades + whole.detector.open_trades == 40
        assert [point.day for point in points] == sorted({point.day for point in points})
