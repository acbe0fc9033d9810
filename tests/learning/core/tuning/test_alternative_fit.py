from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.evidence_method.observations import Observations
from learning.core.tuning.alternative_fit import FEWEST_TOLD, MEAN_SD, AlternativeFit, Expected, fit_alternative
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

PARAMETERS = EvidenceParameters()
DAYS = 100.0


def told(seed: int = 0, count: int = 800, *, gain: float = 0.0, sign: float = 1.0, days: float = DAYS) -> Observations:
    """Return changes of sd .5 R over four patterns and two dimensions; pattern 0 gains in value 1 of the first."""
    random = np.random.default_rng(seed)
    pattern, scope = random.integers(0, 4, count), random.integers(0, 3, (count, 2)).astype(np.int32)
    planted = gain * ((pattern == 0) & (scope[:, 0] == 1))
    changes = sign * (random.normal(0, 0.5, count) + planted)
    day = random.uniform(DAYS - days, DAYS, count)
    return Observations.of_trades(day, pattern, np.zeros(count, dtype=np.int64), scope, changes, ("a", "b"))


def fitted(observations: Observations) -> AlternativeFit:
    found = fit_alternative(observations, DAYS, PARAMETERS)
    assert found is not None
    return found


def naive(found: AlternativeFit, pattern: int, scope: tuple[int, ...]) -> float:
    """Return the gain of a trade by walking over the blocks of the fit and looking up its cell in each."""
    total = found.shrunk
    coding, scale = found.fit.coding, found.fit.noise.scale
    digits = [column[0] for column in coding.digits(np.array([pattern]), np.array([0]), np.array([scope]))]
    for block in found.fit.blocks:
        key = 0
        for column in block.cells.columns:
            key = key * coding.widths[column] + int(digits[column])
        for cell, of_cell in enumerate(block.cells.key.tolist()):
            if of_cell == key:
                total += float(block.b[cell]) * scale
    return total


class TestMean:
    def test_is_drawn_towards_no_gain_by_its_variance(self) -> None:
        """k = .05^2 / (.05^2 + v). With days that do not depend on each other v is about sd^2 / n."""
        observations = told(gain=0.0)
        found = fitted(observations)

        k = found.shrunk / found.mean
        v = MEAN_SD**2 * (1 - k) / k
        assert v == pytest.approx(0.5**2 / 800, rel=0.5)
        assert found.mean_variance == pytest.approx(k * v)
        assert found.mean == pytest.approx(float(observations.outcome.mean()), abs=0.02)

    def test_counts_nothing_on_fewer_than_eight_days(self) -> None:
        """Eight hundred trades within three days: their mean says nothing, its spread is that of any alternative."""
        found = fitted(told(days=3.0, gain=2.0))

        assert found.days < PARAMETERS.effective_days
        assert (found.shrunk, found.mean_variance) == (0.0, MEAN_SD**2)
        assert not found.expected(np.array([0]), np.array([[1, 0]])).is_sure(PARAMETERS).any()

    def test_is_believed_less_where_days_move_together(self) -> None:
        alone = told(seed=3)
        shock = np.random.default_rng(5).normal(0, 0.5, 200)[np.floor(alone.day).astype(int)]
        shaken = Observations.of_trades(
            alone.day, alone.pattern, alone.category, alone.scope, alone.outcome + shock, alone.dimensions
        )

        assert fitted(shaken).mean_variance > 3 * fitted(alone).mean_variance


class TestExpected:
    def test_finds_a_planted_gain_where_it_is(self) -> None:
        expected = fitted(told(count=3000, gain=0.6)).expected(np.array([0, 0, 1]), np.array([[1, 0], [2, 0], [1, 0]]))

        assert expected.is_sure(PARAMETERS).tolist() == [True, False, False]
        assert expected.gain[0] == pytest.approx(0.6, abs=0.2)

    @pytest.mark.parametrize(("pattern", "scope"), [(0, (1, 2)), (3, (0, 0)), (2, (2, 1)), (0, (-1, 1)), (9, (1, 1))])
    def test_equals_the_loop_over_all_effects(self, pattern: int, scope: tuple[int, ...]) -> None:
        found = fitted(told(count=2000, gain=0.6))

        expected = found.expected(np.array([pattern]), np.array([scope]))

        assert expected.gain[0] == pytest.approx(naive(found, pattern, scope), abs=1e-12)

    def test_of_a_cell_counts_the_effects_it_names_alone(self) -> None:
        """An open dimension adds nothing; a trade that misses a value is as uncertain as the prior of its effect."""
        found, cell = fitted(told(count=2000, gain=0.6)), (np.array([0]), np.array([[1, -1]]))

        of_cell, of_trade = found.expected(*cell, of_cells=True), found.expected(*cell)

        assert of_cell.gain == of_trade.gain
        assert of_cell.sd < of_trade.sd
        assert of_cell.sd > math.sqrt(found.mean_variance)

    def test_of_all_is_the_mean(self) -> None:
        found = fitted(told())

        assert found.of_all.gain.tolist() == [found.shrunk]

    @given(st.integers(0, 50))
    @settings(deadline=None, max_examples=8)
    def test_of_the_opposite_is_the_opposite(self, seed: int) -> None:
        at = np.array([0, 1]), np.array([[1, 0], [2, 2]])
        good, bad = (fitted(told(seed, gain=0.5, sign=sign)).expected(*at) for sign in (1.0, -1.0))

        np.testing.assert_allclose(good.gain, -bad.gain, atol=1e-9)
        np.testing.assert_allclose(good.sd, bad.sd, atol=1e-9)
        assert not (good.is_sure(PARAMETERS) & bad.is_sure(PARAMETERS)).any()


def test_few_trades_are_not_judged() -> None:
    assert fit_alternative(told(count=FEWEST_TOLD - 1), DAYS, PARAMETERS) is None
    assert fit_alternative(told(count=FEWEST_TOLD), DAYS, PARAMETERS) is not None


def test_a_sure_sign_is_one_in_twenty() -> None:
    """1.6449 standard deviations from 0 leave 5 % on the other side."""
    expected = Expected(np.array([0.1645, 0.1644, -0.5]), np.array([0.1, 0.1, 0.1]))

    assert expected.lfsr.round(4).tolist() == [0.05, 0.0501, 0.0]
    assert expected.is_sure(PARAMETERS).tolist() == [True, False, False]
