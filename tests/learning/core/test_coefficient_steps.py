"""Which weight follows the one in force: none flaps at a border."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.coefficient_steps import next_weight

STEP = math.log(1.02)
WEIGHTS = st.floats(0.5, 2.0)


def after(steps: float) -> float:
    """The weight that lies this many steps from 1."""
    return math.exp(steps * STEP)


class TestNextWeight:
    @pytest.mark.parametrize(("steps", "proposed"), [(0.49, 0.0), (-0.49, 0.0), (0.51, 0.51), (-0.51, -0.51)])
    def test_of_a_value_without_one_needs_more_than_half_a_step(self, steps: float, proposed: float) -> None:
        assert next_weight(1.0, after(steps), is_enough=True) == pytest.approx(after(proposed))

    @pytest.mark.parametrize(
        ("in_force", "fresh", "proposed"),
        [
            (3.0, 3.99, 3.0),
            (3.0, 4.0, 4.0),
            (3.0, 2.0, 2.0),
            (0.6, 0.4, 0.6),  # counts as 1, which is less than a step away
            (1.1, 0.4, 0.0),
            (0.6, -0.6, -0.6),
        ],
    )
    def test_replaces_one_in_force_from_a_whole_step_on(self, in_force: float, fresh: float, proposed: float) -> None:
        assert next_weight(after(in_force), after(fresh), is_enough=True) == pytest.approx(after(proposed))

    @pytest.mark.parametrize("in_force", [0.51, 3.0, -20.0])
    def test_on_too_few_trades_or_days_is_one(self, in_force: float) -> None:
        assert next_weight(after(in_force), after(5.0), is_enough=False) == 1.0

    def test_on_too_few_leaves_one_that_counts_as_one_already(self) -> None:
        assert next_weight(after(0.3), after(5.0), is_enough=False) == after(0.3)

    @given(WEIGHTS, WEIGHTS)
    def test_stays_once_it_was_taken(self, in_force: float, fresh: float) -> None:
        taken = next_weight(in_force, fresh, is_enough=True)

        assert next_weight(taken, fresh, is_enough=True) == taken

    @given(st.floats(-0.2, 0.2), WEIGHTS)
    def test_does_not_come_and_go_with_a_small_change(self, change: float, in_force: float) -> None:
        """Two fresh weights that differ by less than half a step never take turns."""
        taken = next_weight(1.0, in_force, is_enough=True)
        moved = next_weight(taken, min(max(in_force * math.exp(change * STEP), 0.5), 2.0), is_enough=True)

        assert next_weight(moved, in_force, is_enough=True) == moved
