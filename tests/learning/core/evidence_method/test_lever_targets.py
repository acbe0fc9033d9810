from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.cells.rows import Floats
from learning.core.evidence_method.fit import fit
from learning.core.evidence_method.fold_down import Overrides, fold_down
from learning.core.evidence_method.lever_targets import lever_targets, likely, log_size_multipliers, verified
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.parameters import WeightParameters
from tests.learning.core.evidence_method.builders import AS_OF, random_observations

REGISTRY = WeightParameters()


def overrides(**columns: Any) -> Overrides:
    """Return three overrides with the given columns."""
    three = fold_down(fit(random_observations(1), AS_OF, EvidenceParameters(n_min=5))).take(np.arange(3))
    return replace(three, **{name: np.array(column) for name, column in columns.items()})


def multipliers(three: Overrides, parameters: EvidenceParameters) -> Floats:
    return log_size_multipliers(three, verified(three, parameters), parameters)


class TestVerified:
    def test_needs_a_sure_sign_and_enough_trades_of_its_own(self) -> None:
        three = overrides(lfsr=[0.05, 0.051, 0.01], n=[20, 900, 19])

        assert verified(three, EvidenceParameters()).tolist() == [True, False, False]

    def test_is_not_likely_besides(self) -> None:
        three = overrides(lfsr=[0.05, 0.1, 0.11], n=[20, 20, 20])

        assert likely(three, EvidenceParameters()).tolist() == [False, True, False]


class TestContributions:
    def test_of_the_unverified_stay_within_one_cap(self) -> None:
        three = overrides(lfsr=[0.01, 0.3, 0.3], n=[50, 50, 50], b=[0.2, -0.2, 0.01])

        assert multipliers(three, EvidenceParameters()) == pytest.approx([0.2, -math.log(1.02), 0.01])

    def test_grow_with_kappa_inside_the_cap(self) -> None:
        three = overrides(lfsr=[0.01, 0.3, 0.3], n=[50, 50, 50], b=[0.1, -0.2, 0.005])

        assert multipliers(three, EvidenceParameters(kappa=2)) == pytest.approx([0.2, -math.log(1.02), 0.01])

    def test_are_not_held_once_the_cap_is_off(self) -> None:
        three = overrides(lfsr=[0.3, 0.3, 0.3], b=[0.2, -0.2, 0.1])

        assert multipliers(three, EvidenceParameters(cap_unverified=False)).tolist() == [0.2, -0.2, 0.1]


class TestLeverTargets:
    @pytest.mark.parametrize(
        ("category", "levers"),
        [
            ("allocation", ["alloc_mult"]),
            ("entry", ["size_mult", "entry_aggression_mult"]),
            ("trim", ["size_mult", "exit_aggression_mult"]),
            ("exit", ["exit_aggression_mult"]),
        ],
    )
    def test_move_the_levers_of_the_category_with_the_sign_of_the_edge(self, category: str, levers: list[str]) -> None:
        up, down = lever_targets(category, 0.05, REGISTRY), lever_targets(category, -0.05, REGISTRY)

        assert list(up) == list(down) == levers
        assert all(target.value > 1 for target in up.values())
        assert all(target.value < 1 for target in down.values())

    def test_reach_the_bounds_of_every_lever_together(self) -> None:
        """c = ln 1.3 gives size 1.3 and aggression 1.2; below that both are at the same fraction of their range."""
        full = lever_targets("entry", math.log(1.3), REGISTRY)

        assert {name: target.value for name, target in full.items()} == pytest.approx(
            {"size_mult": 1.3, "entry_aggression_mult": 1.2}
        )

    def test_take_a_step_of_two_percent_a_day(self) -> None:
        target = lever_targets("allocation", math.log(1.02) * 3.5, REGISTRY)["alloc_mult"]

        assert target.days == pytest.approx(3.5)

    def test_keep_tightened_bounds_and_steps(self) -> None:
        weights = WeightParameters(bounds={"size_mult": (0.9, 1.1)}, max_steps={"size_mult": 0.01})

        target = lever_targets("entry", -5.0, weights)["size_mult"]

        assert target.value == 0.9
        assert target.days == pytest.approx(-math.log(0.9) / math.log(1.01))

    @given(st.floats(-1e9, 1e9), st.sampled_from(["entry", "add", "trim", "exit", "allocation"]))
    def test_never_leave_their_bounds(self, c: float, category: str) -> None:
        for name, target in lever_targets(category, c, REGISTRY).items():
            assert LEVERS[name].low <= target.value <= LEVERS[name].high
            assert 0 <= target.days < 50
