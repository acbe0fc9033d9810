from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.monitoring.days.confidence_sequence import ALPHA, confidence_sequence, half_width, mixing_rate

STREAMS, TRADES, FIRST_LOOK = 400, 1000, 30


def naive(n: list[int], mean: list[float], variance: float) -> list[tuple[float, float]]:
    """Return the interval after each group, trade by trade."""
    rate = (-2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))) / 150
    found, outcomes = [], []
    for count, value in zip(n, mean, strict=True):
        outcomes += [value] * count
        total = len(outcomes)
        middle = math.fsum(outcomes) / total
        inside = variance * 2 * (total * rate + 1) / (total * total * rate)
        half = math.sqrt(inside * math.log(math.sqrt(total * rate + 1) / 0.05))
        found.append((middle - half, middle + half))
    return found


class TestHalfWidth:
    def test_is_as_worked_by_hand(self) -> None:
        """n = 100, variance 4, r = .0529077: 8 * 6.29077 / (10000 * .0529077) * ln(2.50814 / .05) = .372424."""
        assert half_width(np.array([100.0]), 4.0)[0] == pytest.approx(math.sqrt(0.372424), rel=1e-5)

    @given(st.integers(1, 100_000), st.integers(1, 1000), st.floats(1e-6, 1e6))
    def test_shrinks_with_every_trade(self, n: int, more: int, variance: float) -> None:
        before, after = half_width(np.array([float(n), float(n + more)]), variance)
        assert after < before

    @given(st.integers(1, 100_000), st.floats(1e-6, 1e6), st.floats(0.001, 1000))
    def test_has_the_unit_of_the_outcomes(self, n: int, variance: float, scale: float) -> None:
        count = np.array([float(n)])
        assert half_width(count, variance * scale**2)[0] == pytest.approx(scale * half_width(count, variance)[0])

    @given(st.integers(1, 10_000))
    def test_is_wider_than_the_interval_of_one_look(self, n: int) -> None:
        assert half_width(np.array([float(n)]), 1.0)[0] > 1.96 / math.sqrt(n)

    def test_is_nothing_where_outcomes_are_constant(self) -> None:
        assert half_width(np.array([5.0]), 0.0)[0] == 0.0

    def test_is_sharpest_beside_one_look_near_the_trades_it_is_tuned_for(self) -> None:
        n = np.arange(1.0, 5000)
        best = n[np.argmin(half_width(n, 1.0) * np.sqrt(n))]
        assert 75 < best < 300
        assert mixing_rate() * 150 == pytest.approx(-2 * math.log(ALPHA) + math.log(1 - 2 * math.log(ALPHA)))


class TestConfidenceSequence:
    @given(
        st.lists(st.tuples(st.integers(1, 40), st.floats(-10, 10)), min_size=1, max_size=12),
        st.floats(0, 100),
    )
    def test_equals_the_loop(self, groups: list[tuple[int, float]], variance: float) -> None:
        n, mean = [n for n, _ in groups], [mean for _, mean in groups]

        looks = confidence_sequence(np.array(n, dtype=float), np.array(mean), variance)

        expected = naive(n, mean, variance)
        assert looks.low.tolist() == pytest.approx([low for low, _ in expected], abs=1e-9)
        assert looks.high.tolist() == pytest.approx([high for _, high in expected], abs=1e-9)

    def test_says_whether_its_last_look_leaves_zero_out(self) -> None:
        n = np.array([150.0])
        assert confidence_sequence(n, np.array([0.25]), 1.0).excludes_zero
        assert confidence_sequence(n, np.array([-0.25]), 1.0).excludes_zero
        assert not confidence_sequence(n, np.array([0.24]), 1.0).excludes_zero

    def test_refuses_what_has_no_mean(self) -> None:
        with pytest.raises(ValueError, match="every group needs a trade"):
            confidence_sequence(np.array([3.0, 0.0]), np.array([1.0, 1.0]), 1.0)
        with pytest.raises(ValueError, match="variance: -1"):
            confidence_sequence(np.array([3.0]), np.array([1.0]), -1.0)

    def test_covers_zero_at_all_looks_where_the_interval_of_one_look_does_not(self) -> None:
        """Pure noise, checked every 5 trades from 30 to 1000 (docs/method.md 6.3)."""
        outcomes = np.random.default_rng(7).normal(size=(STREAMS, TRADES))
        n = np.arange(FIRST_LOOK, TRADES + 1, 5)
        means = np.cumsum(outcomes, axis=1)[:, n - 1] / n

        ever_outside = (np.abs(means) > half_width(n.astype(float), 1.0)).any(axis=1).mean()
        ever_significant = (np.abs(means) > 1.96 / np.sqrt(n)).any(axis=1).mean()

        assert ever_outside <= ALPHA
        assert ever_significant > 0.3
