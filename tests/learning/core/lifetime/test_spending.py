from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.lifetime.e_process import SCALES
from learning.core.lifetime.publication import FEWEST, LEAST_E
from learning.core.lifetime.spending import SURPLUS, horizon_boosts, share_spent, shares_of_budget


@given(st.integers(1, 300), st.integers(1, 3000))
def test_shares_never_add_up_to_more_than_the_budget(initial: int, arrivals: int) -> None:
    shares = shares_of_budget(np.arange(1, arrivals + 1), initial)

    assert shares.min() > 0
    assert shares.sum() <= 1 + 1e-12
    assert share_spent(arrivals, initial) == pytest.approx(shares.sum(), abs=1e-12)


def test_shares_are_those_worked_by_hand() -> None:
    assert shares_of_budget(np.array([1, 4, 5, 6]), 4).tolist() == pytest.approx([1 / 8, 1 / 8, 1 / 10, 1 / 15])


@pytest.mark.parametrize(("number", "initial"), [(0, 5), (1, 0)])
def test_arrivals_and_initial_lines_count_from_one(number: int, initial: int) -> None:
    with pytest.raises(ValueError, match="numbered from 1"):
        shares_of_budget(np.array([number]), initial)


@given(st.floats(1, 1e5), st.floats(1, 10))
def test_a_longer_horizon_raises_evidence_less(expected: float, longer: float) -> None:
    shorter_life, longer_life = horizon_boosts(np.array([expected, expected * longer]))

    assert 1 <= longer_life <= shorter_life <= 12.2


def test_boosts_never_exceed_the_inverse_of_the_chance_to_reach_thirty() -> None:
    random, lines, most = np.random.default_rng(7), 40_000, 2200
    edge = random.normal(size=lines) * random.choice(SCALES, lines)
    score, has_reached = np.zeros(lines), np.zeros(lines, dtype=bool)
    for n in range(1, most + 1):
        score += edge + random.normal(size=lines)
        spread = 1 + np.square(SCALES)[:, None] * n
        e = (np.exp(np.minimum(np.square(score * SCALES[:, None]) / (2 * spread), 700)) / np.sqrt(spread)).mean(axis=0)
        has_reached |= (n >= FEWEST) & (e >= LEAST_E)
        if n in (22, 35, 45, 70, 95, 170, 350, 700, 1500, 2200):
            boost = float(horizon_boosts(np.array([n / SURPLUS]))[0])
            assert boost * has_reached.mean() <= 1, n
            assert boost * has_reached.mean() >= 0.9, n
