from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.effect_cells import UnitCounts, number_cells
from learning.core.evidence_method.learn import learn
from learning.core.significance.day_dependence import design_effects, same_day_correlation
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from tests.learning.core.evidence_method.builders import AS_OF, make_observations, random_observations

COLUMNS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 8), st.floats(1e-6, 1), st.floats(-10, 10)), min_size=1, max_size=60
)


class TestSameDayCorrelation:
    def test_is_that_of_the_shocks_that_made_the_outcomes(self) -> None:
        """A common daily shift of sd .5 and noise of sd 1: .25 / 1.25."""
        rng = np.random.default_rng(1)
        day = rng.integers(0, 2000, 20_000)
        outcome = rng.normal(0, 0.5, 2000)[day] + rng.normal(0, 1, 20_000)

        found = same_day_correlation(day, np.arange(20_000), np.ones(20_000), outcome)

        assert found == pytest.approx(0.2, abs=0.02)

    def test_does_not_take_the_actions_of_a_trade_for_trades(self) -> None:
        rng = np.random.default_rng(2)
        trade = np.repeat(np.arange(5000), 4)
        outcome = rng.normal(size=5000)[trade]

        assert same_day_correlation(trade // 5, trade, np.full(20_000, 0.25), outcome) < 0.02

    @given(COLUMNS)
    def test_is_between_0_and_1(self, rows: list[tuple[int, int, float, float]]) -> None:
        day, unit, weight, deviation = (np.array(column) for column in zip(*rows, strict=True))

        assert 0 <= same_day_correlation(day, unit, weight, deviation - deviation.mean()) <= 1

    def test_is_none_where_nothing_is_to_be_seen(self) -> None:
        one, three = np.ones(3), np.arange(3)

        assert same_day_correlation(three, three, one, np.array([1.0, -2.0, 1.0])) == 0.0
        assert same_day_correlation(np.zeros(3, int), three, one, np.zeros(3)) == 0.0


class TestDesignEffects:
    @given(COLUMNS, st.floats(0, 1))
    @settings(deadline=None)
    def test_lie_between_independent_and_identical_trades(
        self, rows: list[tuple[int, int, float, float]], correlation: float
    ) -> None:
        day, digit, weight, _ = (np.array(column) for column in zip(*sorted(rows), strict=True))
        cells = number_cells(digit[None, :], (9,), (0,), UnitCounts(np.arange(len(rows))), 1)

        effects = design_effects(cells, day, np.ones(len(rows)), weight, correlation)

        assert (effects >= 1).all()
        assert (effects <= 1 + correlation * (cells.n - 1) + 1e-9).all()

    def test_are_one_for_what_differs_between_the_trades_of_a_day(self) -> None:
        """Two trades a day, one of each value."""
        digit, day = np.tile([1, 2], 30), np.repeat(np.arange(30), 2)
        cells = number_cells(digit[None, :], (3,), (0,), UnitCounts(np.arange(60)), 1)

        assert design_effects(cells, day, np.ones(60), np.ones(60), 0.9).tolist() == [1.0, 1.0]


class TestFitOfDays:
    def test_knows_a_phase_of_the_market_by_its_days_not_its_trades(self) -> None:
        """Twelve days of 250 trades, shifted by +-.5 R; the four days of phase 1 were .4 R better: 1.3 SE of days."""
        rng = np.random.default_rng(4)
        day = np.repeat(np.arange(12), 250)
        phase = (day % 3 == 1).astype(np.int64)
        outcome = rng.normal(0, 1, 3000) + 0.4 * phase + np.where(day % 2, 0.5, -0.5)
        observations = make_observations(outcome, phase[:, None], day=day, pattern=rng.integers(0, 2, 3000))

        days, trades = (
            learn(observations, [[0]], 12.0, EvidenceParameters(same_day=same_day, recent_days=30))
            for same_day in (True, False)
        )

        assert days is not None
        assert trades is not None
        assert not days.verified.any()
        assert trades.verified.any()
        assert days.overrides.raw_se.max() > 5 * trades.overrides.raw_se.max()

    def test_is_that_of_independent_trades_where_days_do_not_matter(self) -> None:
        observations = replace(random_observations(3), day=np.linspace(0, AS_OF, 400))

        first, second = (
            learn(observations, [[0, 1]], AS_OF, EvidenceParameters(n_min=5, same_day=same_day))
            for same_day in (True, False)
        )

        assert first is not None
        assert second is not None
        assert np.array_equal(first.overrides.b, second.overrides.b)
