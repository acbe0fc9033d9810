from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.lifetime.spending import horizon_boosts, shares_of_budget


@given(st.integers(1, 300), st.integers(1, 3000))
def test_shares_never_add_up_to_more_than_the_budget(initial: int, arrivals: int) -> None:
    shares = shares_of_budget(np.arange(1, arrivals + 1), initial)

    assert shares.min() > 0
    assert shares.sum() <= 1 + 1e-12


def test_shares_are_those_worked_by_hand() -> None:
    assert shares_of_budget(np.array([1, 4, 5, 6]), 4).tolist() == pytest.approx([1 / 8, 1 / 8, 1 / 10, 1 / 15])


@pytest.mark.parametrize(("number", "initial"), [(0, 5), (1, 0)])
def test_arrivals_and_initial_lines_count_from_one(number: int, initial: int) -> None:
    with pytest.raises(ValueError, match="numbered from 1"):
        shares_of_budget(np.array([number]), initial)


def test_a_longer_horizon_raises_evidence_less() -> None:
    boosts = horizon_boosts(np.array([1.0, 40, 41, 48, 49, 64, 96, 97, 192, 400, 800, 1600, 1601]))

    assert boosts.tolist() == [7.4, 3.55, 3.1, 3.1, 2.55, 2.55, 2.1, 1.7, 1.7, 1.4, 1.28, 1.19, 1.0]
