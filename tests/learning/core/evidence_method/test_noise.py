from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.evidence_method.noise import winsorise
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

ZEROS = np.zeros(100, dtype=np.int64)


class TestWinsorised:
    def test_clips_to_three_noise_sds_and_gives_the_mean_back(self) -> None:
        """99 trades at 0 and one at 10 R: mean .1, variance .99 = s^2 = s_p^2, so the limit is 3.085.

        After clipping the mean is .03085; .06915 is added back, so the 0s are at .06915 and the winner at 3.1541.
        """
        outcome = np.append(np.zeros(99), 10.0)

        noise = winsorise(outcome, np.ones(100), ZEROS, ZEROS, EvidenceParameters())

        values = noise.outcome * noise.scale + noise.mu0[0]
        assert values[0] == pytest.approx(0.06915, abs=1e-5)
        assert values[99] == pytest.approx(3.15411, abs=1e-5)
        assert values.mean() == pytest.approx(0.1)

    def test_leans_the_noise_of_a_pattern_on_that_of_all(self) -> None:
        """Patterns of 90 and 10 trades at +-1 and +-2 R: s^2 = 1.3, s_p^2 = (90 + 13) / 100 and (40 + 13) / 20."""
        outcome = np.concatenate([np.tile([1.0, -1.0], 45), np.tile([2.0, -2.0], 5)])
        pattern = np.repeat([0, 1], [90, 10])

        noise = winsorise(outcome, np.ones(100), pattern, ZEROS, EvidenceParameters())

        assert (noise.sd * noise.scale) ** 2 == pytest.approx([1.03, 2.65])
        assert noise.scale**2 == pytest.approx(1.3)

    def test_weighs_trades_by_age(self) -> None:
        """A trade at 3 R with half the weight of one at 0: their mean is 1."""
        noise = winsorise(
            np.array([3.0, 0.0]), np.array([0.5, 1.0]), ZEROS[:2], ZEROS[:2], EvidenceParameters(winsor_sds=100)
        )

        assert noise.mu0 == pytest.approx([1.0])
        assert noise.scale**2 == pytest.approx((0.5 * 4 + 1) / 1.5)

    def test_weighs_the_mean_of_a_category_by_precision(self) -> None:
        """A pattern with twice the noise has a quarter of the weight: (4 m_0 + m_1) / 5, before any prior."""
        outcome = np.concatenate([np.tile([2.0, 0.0], 500), np.tile([1.0, -3.0], 500)])

        noise = winsorise(
            outcome, np.ones(2000), np.repeat([0, 1], 1000), np.zeros(2000, dtype=np.int64), EvidenceParameters()
        )

        assert noise.mu0 == pytest.approx([(4 * 1 + -1) / 5], abs=0.02)

    @pytest.mark.parametrize("value", [0.0, 0.3, -1e9, 1e-300, 1e-13])
    def test_takes_outcomes_that_never_differ(self, value: float) -> None:
        noise = winsorise(np.full(100, value), np.linspace(0.1, 1, 100), ZEROS, ZEROS, EvidenceParameters())

        assert noise.outcome.tolist() == [0.0] * 100
        assert noise.scale == noise.sd[0] == 1.0
        assert noise.mu0 == pytest.approx([value])

    def test_does_not_take_rounding_for_a_difference(self) -> None:
        outcome = 0.1 + np.arange(100) % 3 * 1e-17 + np.arange(100) % 2 * 1e-16

        assert not winsorise(outcome, np.ones(100), ZEROS, ZEROS, EvidenceParameters()).outcome.any()

    @given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30), st.floats(1e-18, 1))
    @settings(deadline=None)
    def test_is_finite_and_keeps_the_mean_of_each_pattern(self, values: list[float], weight: float) -> None:
        outcome, pattern = np.array(values), np.arange(len(values)) // 7
        weights = np.where(np.arange(len(values)) % 2, weight, 1.0)

        noise = winsorise(outcome, weights, pattern, np.zeros(len(values), dtype=np.int64), EvidenceParameters())

        assert np.isfinite(noise.outcome).all()
        assert (noise.sd > 0).all()
        back = noise.outcome * noise.scale + noise.mu0[0]
        for each in set(pattern.tolist()):
            mine = pattern == each
            before, after = (np.average(column[mine], weights=weights[mine]) for column in (outcome, back))
            assert after == pytest.approx(before, rel=1e-6, abs=1e-6 * (1e-6 + np.abs(outcome).max()))
