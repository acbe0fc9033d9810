from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.effect_cells import UnitCounts, number_cells
from learning.core.cells.rows import Floats, Ints
from learning.core.evidence_method.learn import learn
from learning.core.significance.day_dependence import MOST_LAGS, DecisionDays
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from tests.learning.core.evidence_method.builders import AS_OF, make_observations, random_observations

COLUMNS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 8), st.floats(1e-6, 1), st.floats(-10, 10)), min_size=1, max_size=60
)


def days_of(day: Ints, deviation: Floats, **columns: Any) -> DecisionDays:
    """Return rows that are units of their own, of one pattern and of weight 1, unless a column says otherwise."""
    one, rows = np.ones(len(day)), np.arange(len(day))
    others = {"unit": rows, "share": one, "weight": one, "pattern": np.zeros(len(day), dtype=np.int64)}
    return DecisionDays(day=day, deviation=deviation, **others | columns)


class TestCorrelations:
    def test_are_those_of_the_shocks_that_made_the_outcomes(self) -> None:
        """A common daily shift of sd .5 that keeps 60 % of itself from day to day, and noise of sd 1: .2 x .6^lag."""
        rng = np.random.default_rng(1)
        shift = rng.normal(0, 0.5, 3000)
        for at in range(1, 3000):
            shift[at] = 0.6 * shift[at - 1] + 0.8 * shift[at]
        day = rng.integers(0, 3000, 60_000)

        found = days_of(day, shift[day] + rng.normal(0, 1, 60_000)).of_all

        assert found[:3] == pytest.approx([0.2, 0.12, 0.072], abs=0.02)

    def test_are_seen_within_patterns_where_a_day_lifts_one_and_sinks_the_other(self) -> None:
        rng = np.random.default_rng(1)
        day, pattern = rng.integers(0, 2000, 20_000), rng.integers(0, 2, 20_000)
        outcome = rng.normal(0, 0.5, 2000)[day] * np.where(pattern == 1, 1, -1) + rng.normal(0, 1, 20_000)

        days = days_of(day, outcome, pattern=pattern)

        assert days.of_all.tolist() == []
        assert days.of_patterns[0] == pytest.approx(0.2, abs=0.02)

    def test_do_not_take_the_actions_of_a_trade_for_trades(self) -> None:
        rng = np.random.default_rng(2)
        trade = np.repeat(np.arange(5000), 4)
        outcome = rng.normal(size=5000)[trade]

        found = days_of(trade // 5, outcome, unit=trade, weight=np.full(20_000, 0.25)).of_all

        assert found[:1].sum() < 0.02

    @given(COLUMNS)
    @settings(deadline=None)
    def test_are_between_0_and_1(self, rows: list[tuple[int, int, float, float]]) -> None:
        day, unit, weight, deviation = (np.array(column) for column in zip(*rows, strict=True))

        found = days_of(day, deviation, unit=unit, weight=weight).of_all

        assert ((found > 0) & (found <= 1)).all()
        assert len(found) <= MOST_LAGS + 1

    def test_are_none_where_nothing_is_to_be_seen(self) -> None:
        three = np.arange(3)

        assert days_of(three, np.array([1.0, -2.0, 1.0])).of_all.tolist() == []
        assert days_of(np.zeros(3, int), np.zeros(3)).of_all.tolist() == []
        assert replace(days_of(np.zeros(3, int), np.ones(3)), is_dependent=False).of_all.tolist() == []


class TestSpread:
    def test_of_ten_trades_is_by_the_days_between_them(self) -> None:
        """Ten trades on one day, on two days in a row and on ten days apart, with correlations .2 and .1."""
        day = np.concatenate([np.zeros(10, int), np.repeat([100, 101], 5), np.arange(200, 700, 50)])
        cells = number_cells(np.repeat([1, 2, 3], 10)[None, :], (4,), (0,), UnitCounts(np.arange(30)), 1)

        effect, days = days_of(day, np.zeros(30)).spread(cells, np.array([0.2, 0.1]))

        assert effect == pytest.approx([1 + 0.2 * 9, 1 + 0.2 * 4 + 0.1 * 5, 1.0])
        assert days == pytest.approx([1, 2, 10])

    @given(COLUMNS, st.floats(0, 1))
    @settings(deadline=None)
    def test_lies_between_independent_and_identical_trades(
        self, rows: list[tuple[int, int, float, float]], correlation: float
    ) -> None:
        day, digit, weight, _ = (np.array(column) for column in zip(*rows, strict=True))
        cells = number_cells(digit[None, :], (9,), (0,), UnitCounts(np.arange(len(rows))), 1)

        found = days_of(day, np.zeros(len(rows)), weight=weight).spread(cells, np.array([correlation]))

        distinct = np.array([len(np.unique(day[cells.cell == cell])) for cell in range(len(cells))])
        assert (found.effect >= 1).all()
        assert (found.effect <= 1 + correlation * (cells.n - 1) + 1e-9).all()
        assert ((found.days > 1 - 1e-9) & (found.days <= distinct + 1e-9)).all()

    def test_is_one_for_what_differs_between_the_trades_of_a_day(self) -> None:
        """Two trades a day, one of each value."""
        digit, day = np.tile([1, 2], 30), np.repeat(np.arange(0, 60, 2), 2)
        cells = number_cells(digit[None, :], (3,), (0,), UnitCounts(np.arange(60)), 1)

        assert days_of(day, np.zeros(60)).spread(cells, np.array([0.9])).effect.tolist() == [1.0, 1.0]

    def test_sees_what_the_trades_of_a_cell_share_beyond_their_pattern(self) -> None:
        """Each day moves the two values of a scope in opposite directions; the pattern as a whole does not move."""
        rng = np.random.default_rng(3)
        day, digit = np.repeat(np.arange(500), 20), np.tile([1, 2], 5000)
        outcome = rng.normal(0, 1, 500)[day] * np.where(digit == 1, 1, -1) + rng.normal(0, 1, 10_000)
        cells = number_cells(digit[None, :], (3,), (0,), UnitCounts(np.arange(10_000)), 1)

        days = days_of(day, outcome)

        assert days.of_patterns.tolist() == []
        assert days.spread(cells, days.of_patterns).effect == pytest.approx([1 + 0.5 * 9] * 2, rel=0.1)


class TestFitOfDays:
    def test_knows_a_phase_of_the_market_by_its_days_not_its_trades(self) -> None:
        """Twelve days of 250 trades, shifted by +-.5 R; the four days of phase 1 were .4 R better: 1.3 SE of days."""
        rng = np.random.default_rng(4)
        day = np.repeat(np.arange(12), 250)
        phase = (day % 3 == 1).astype(np.int64)
        outcome = rng.normal(0, 1, 3000) + 0.4 * phase + np.where(day % 2, 0.5, -0.5)
        observations = make_observations(outcome, phase[:, None], day=day, pattern=rng.integers(0, 2, 3000))

        days, trades = (
            learn(observations, [[0]], 12.0, EvidenceParameters(same_day=same_day, effective_days=0, recent_days=30))
            for same_day in (True, False)
        )

        assert days is not None
        assert trades is not None
        assert not days.verified.any()
        assert trades.verified.any()
        assert days.overrides.raw_se.max() > 5 * trades.overrides.raw_se.max()

    def test_is_that_of_independent_trades_where_days_do_not_matter(self) -> None:
        day = np.linspace(0, AS_OF, 400) // 1 * 40  # farther apart than dependence is looked for
        observations = replace(random_observations(3), day=day, known=day)

        first, second = (
            learn(observations, [[0, 1]], 40 * AS_OF, EvidenceParameters(n_min=5, same_day=same_day))
            for same_day in (True, False)
        )

        assert first is not None
        assert second is not None
        assert np.array_equal(first.overrides.b, second.overrides.b)
