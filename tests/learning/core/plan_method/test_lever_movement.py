from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.cells.cell_history import Days, days_of
from learning.core.cells.rows import DAY
from learning.core.lesson_levers import LESSON_NAMES, LEVER_NAMES, strength_levers
from learning.core.plan_method.lever_movement import LeverMovement, lever_movements, move_multiplier
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from tests.learning.core.builders import make_rows

CASES = json.loads(Path(__file__).with_name("movement.json").read_text())
PLAN: dict[str, Any] = {"n_min": 10, "learning_rate": 0.02, "lesson_edge_scale": 20.0, "low": 0.7, "high": 1.3}


def days_from(lists: list[list[float]]) -> Days:
    closed = [DAY * day for day, outcomes in enumerate(lists) for _ in outcomes]
    return days_of(make_rows([outcome for outcomes in lists for outcome in outcomes], closed_at=closed))


def means(*values: float, n: int = 10) -> Days:
    return Days(np.arange(len(values)), np.full(len(values), n), np.array(values))


class TestMove:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: f"days-{len(case['given']['days'])}")
    def test_reproduces_the_golden_cases(self, case: dict[str, Any]) -> None:
        given = dict(case["given"])

        moved = move_multiplier(days_from(given.pop("days")), given.pop("baseline"), **given)

        assert moved.target == pytest.approx(case["expect"]["target"], rel=1e-9)
        assert moved.updates == case["expect"]["updates"]
        assert moved.edge_raw == pytest.approx(case["expect"]["edge_raw"], rel=1e-9)

    def test_clips_the_edge_at_the_scale(self) -> None:
        assert move_multiplier(means(500.0), 0.0, **PLAN).target == pytest.approx(1.02, rel=1e-12)
        assert move_multiplier(means(-500.0), 0.0, **PLAN).target == pytest.approx(1 / 1.02, rel=1e-12)

    def test_turns_at_once_at_a_bound(self) -> None:
        """Thirty full steps up end at 1.3 (13.2 steps would suffice); the first step down leaves it."""
        days = means(*[1e6] * 30, -1e6)

        assert move_multiplier(days, 0.0, **PLAN).target == pytest.approx(1.3 / 1.02, rel=1e-12)

    def test_waits_for_enough_trades(self) -> None:
        days = Days(np.arange(3), np.array([4, 9, 10]), np.array([9.0, 9.0, 1.0]))

        moved = move_multiplier(days, 0.0, **PLAN)

        assert moved.target == pytest.approx(1.02 ** (1 / 20), rel=1e-12)
        assert moved.updates == 1

    def test_stays_neutral_without_days(self) -> None:
        assert move_multiplier(means(), 0.3, **PLAN) == LeverMovement(target=1.0, updates=0, edge_raw=0.0)

    @given(st.lists(st.floats(-1e9, 1e9), max_size=60), st.floats(-1e9, 1e9))
    def test_never_leaves_the_bounds(self, values: list[float], baseline: float) -> None:
        moved = move_multiplier(means(*values), baseline, **PLAN)

        assert 0.7 <= moved.target <= 1.3
        assert math.isfinite(moved.edge_raw)

    @given(st.lists(st.floats(-40, 40), max_size=20))
    def test_mirrors_a_mirrored_history_inside_the_bounds(self, values: list[float]) -> None:
        bounds = PLAN | {"low": 0.1, "high": 10.0}
        up, down = (
            move_multiplier(means(*values), 0.0, **bounds),
            move_multiplier(means(*(-value for value in values)), 0.0, **bounds),
        )

        assert up.target * down.target == pytest.approx(1.0, rel=1e-12)


class TestLeverMovements:
    @pytest.mark.parametrize(
        ("category", "levers"),
        [
            ("allocation", ["alloc_mult"]),
            ("entry", ["size_mult", "entry_aggression_mult"]),
            ("add", ["size_mult", "entry_aggression_mult"]),
            ("trim", ["size_mult", "exit_aggression_mult"]),
            ("exit", ["exit_aggression_mult"]),
            ("unheard_of", []),
        ],
    )
    def test_moves_the_levers_of_the_category(self, category: str, levers: list[str]) -> None:
        assert [lever.name for lever in strength_levers(category)] == levers

    def test_keeps_each_lever_in_its_own_bounds_and_its_sign(self) -> None:
        weights = WeightParameters(bounds={"exit_aggression_mult": (0.95, 1.1)})

        up = lever_movements("trim", means(*[1e6] * 40), 0.0, 10, LessonParameters(), weights)
        down = lever_movements("trim", means(*[-1e6] * 40), 0.0, 10, LessonParameters(), weights)

        assert {name: moved.target for name, moved in up.items()} == {"size_mult": 1.3, "exit_aggression_mult": 1.1}
        assert {name: moved.target for name, moved in down.items()} == {"size_mult": 0.7, "exit_aggression_mult": 0.95}

    def test_applies_one_movement_to_all_of_them(self) -> None:
        moved = lever_movements("entry", means(3.0, 4.0), 1.0, 10, LessonParameters(), WeightParameters())

        assert moved["size_mult"] == moved["entry_aggression_mult"]
        assert moved["size_mult"].target == pytest.approx(1.02 ** (5 / 20), rel=1e-12)

    def test_names_the_target_of_an_allocation_as_the_plan_does(self) -> None:
        assert {LEVER_NAMES[name]: name for name in LESSON_NAMES.values()} == {"alloc_mult": "alloc_mult_target"}
        assert LESSON_NAMES.keys() <= LEVERS.keys()
