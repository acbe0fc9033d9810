from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.cells.rows import Floats
from learning.core.evidence_method.mixture import local_false_sign_rates, normal_cdf, posterior, responsibilities

GRID = np.square([0.0, 0.1, 0.4, 0.8])
EFFECTS = st.floats(-50, 50)
VARIANCES = st.floats(1e-12, 1e18)
WEIGHTS = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda each: sum(each) > 0.01)


def solved(m: float, v: float, pi: list[float]) -> tuple[Floats, float, float, float]:
    """Return phi, b, var and lfsr of one effect."""
    one, variance = np.array([m]), np.array([v])
    phi = responsibilities(one, variance, np.array(pi) / sum(pi), GRID)
    b, var = posterior(phi, one, variance, GRID)
    return phi[0], float(b[0]), float(var[0]), float(local_false_sign_rates(phi, one, variance, GRID)[0])


class TestPosterior:
    @given(EFFECTS, VARIANCES, WEIGHTS)
    def test_shrinks_towards_zero_and_is_finite(self, m: float, v: float, pi: list[float]) -> None:
        phi, b, var, lfsr = solved(m, v, pi)

        assert phi.sum() == pytest.approx(1.0)
        assert (phi >= 0).all()
        assert 0 <= b * math.copysign(1, m) <= abs(m)
        assert 0 <= var <= (GRID[-1] + abs(m) ** 2) * (1 + 1e-12)
        assert 0 <= lfsr <= 1

    @given(EFFECTS, VARIANCES, WEIGHTS)
    def test_mirrors_a_mirrored_measurement(self, m: float, v: float, pi: list[float]) -> None:
        (_, b, var, lfsr), (_, mirrored, same_var, same_lfsr) = solved(m, v, pi), solved(-m, v, pi)

        assert (mirrored, same_var) == (-b, var)
        assert same_lfsr == pytest.approx(lfsr, abs=1e-12)

    def test_is_what_numerical_integration_says(self) -> None:
        """The density of beta given m on a fine grid, for a prior without a null."""
        m, v, pi = 0.5, 0.09, [0.0, 0.2, 0.5, 0.3]
        beta = np.linspace(-6, 6, 1_200_001)
        prior = sum(p * np.exp(-0.5 * beta**2 / s2) / math.sqrt(s2) for p, s2 in zip(pi[1:], GRID[1:], strict=True))
        density = prior * np.exp(-0.5 * (m - beta) ** 2 / v)
        density /= density.sum()
        mean = float((density * beta).sum())

        _, b, var, lfsr = solved(m, v, pi)

        assert b == pytest.approx(mean, rel=1e-6)
        assert var == pytest.approx(float((density * (beta - mean) ** 2).sum()), rel=1e-6)
        assert lfsr == pytest.approx(float(density[beta < 0].sum()), rel=1e-4)

    def test_gives_a_normal_of_no_weight_no_part(self) -> None:
        phi, *_ = solved(0.0, 1.0, [0.0, 0.5, 0.5, 0.0])

        assert phi[0] == phi[3] == 0.0

    def test_calls_no_effect_a_certain_error_of_sign(self) -> None:
        assert solved(0.3, 1.0, [1.0, 0.0, 0.0, 0.0])[1:] == (0.0, 0.0, 1.0)


class TestNormalCdf:
    def test_is_that_of_the_tables(self) -> None:
        assert normal_cdf(np.array([[-1.959964, 0.0], [1.0, 1.644854]])) == pytest.approx(
            np.array([[0.025, 0.5], [0.841345, 0.95]]), abs=1e-6
        )
