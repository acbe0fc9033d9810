from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.cells.cell_history import Days
from learning.core.plan_method.lever_movement import lever_movements
from learning.core.tuning.alternatives import GRADES, Grade
from learning.core.tuning.tuning_targets import LADDERS, SIGNAL_TARGETS, tuning_targets
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from overrides.core.engine.definitions.vocabulary import Channel

PLAN = LessonParameters()


def days(*edges: float) -> Days:
    return Days(np.arange(len(edges)), np.full(len(edges), 12), np.array(edges, dtype=np.float64))


def grade(name: str, *, is_later: bool) -> Grade:
    return Grade(name, "2", is_later, 0.8, 0.1, 12)


def targets(
    category: str, found: Grade | None = None, *edges: float, weights: WeightParameters | None = None
) -> dict[str, float]:
    return tuning_targets(category, found, days(*(edges or (0.0,))), 0.0, 10, PLAN, weights or WeightParameters())


@pytest.mark.parametrize("category", ["entry", "add"])
@pytest.mark.parametrize(
    ("name", "bars", "fraction"), [("none", 0, 1), ("small", 1, 0.95), ("medium", 2, 0.85), ("large", 3, 0.7)]
)
def test_the_better_waiting_is_the_later_and_smaller_an_entry_becomes(
    category: str, name: str, bars: float, fraction: float
) -> None:
    assert targets(category, grade(name, is_later=True)) == {"phase1_frac_mult": fraction, "entry_delay_bars": bars}


@pytest.mark.parametrize("name", GRADES)
def test_nothing_enters_earlier_than_its_signal(name: str) -> None:
    assert targets("entry", grade(name, is_later=False)) == {"phase1_frac_mult": 1.0, "entry_delay_bars": 0.0}


@pytest.mark.parametrize(
    ("name", "sooner", "later"), [("none", 1, 1), ("small", 1, 1), ("medium", 0.8, 1.25), ("large", 0.5, 2)]
)
def test_a_trim_moves_either_way_and_mirrors(name: str, sooner: float, later: float) -> None:
    assert targets("trim", grade(name, is_later=False))["trim_delay_mult"] == sooner
    assert targets("trim", grade(name, is_later=True))["trim_delay_mult"] == later
    assert sooner * later == 1


@pytest.mark.parametrize("category", ["trim", "exit"])
def test_the_trail_is_shorter_where_selling_was_right(category: str) -> None:
    """Two days at +2 R over the baseline: movement 2 * ln 1.02 / 10, the distance its inverse."""
    assert targets(category, None, 2.0, 2.0)["trail_mult"] == pytest.approx(1.02**-0.2, rel=1e-12)
    assert targets(category, None, -2.0, -2.0)["trail_mult"] == pytest.approx(1.02**0.2, rel=1e-12)


def test_the_trail_mirrors_the_movement_of_strength() -> None:
    history = days(*[30.0] * 9, *[-4.0] * 3)
    strength = lever_movements("exit", history, 0.0, 10, PLAN, WeightParameters())["exit_aggression_mult"]

    trail = tuning_targets("exit", None, history, 0.0, 10, PLAN, WeightParameters())["trail_mult"]

    assert trail * strength.target == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(("category", "lever", "target"), [
    ("entry", "min_ts_for_add", 0.55), ("add", "min_ts_for_add", 0.55), ("trim", "min_ox_for_trim", 0.40),
])  # fmt: skip
@pytest.mark.parametrize(("edge", "moves"), [(0.3, False), (0.31, True), (-0.31, False), (-5.0, False)])
def test_a_signal_threshold_is_let_down_by_an_edge_above_three_tenths(
    category: str, lever: str, target: float, edge: float, moves: bool
) -> None:
    assert targets(category, None, edge).get(lever) == (target if moves else None)


def test_the_edge_of_the_last_day_counts() -> None:
    assert "min_ts_for_add" not in targets("entry", None, 5.0, 0.1)


def test_levers_without_anything_to_read_are_left_out() -> None:
    assert targets("entry") == {}
    assert targets("trim") == {"trail_mult": 1.0}
    assert tuning_targets("add", None, days(), 0.0, 10, PLAN, WeightParameters()) == {}


def test_only_the_five_live_levers_of_a_category_are_told() -> None:
    live = {"entry_delay_bars", "phase1_frac_mult", "trim_delay_mult", "trail_mult", *SIGNAL_TARGETS}

    for category in ("entry", "add", "trim", "exit"):
        values = targets(category, grade("large", is_later=True), 2.0)
        assert values.keys() == {
            name for name in live if category in LEVERS[name].categories and LEVERS[name].channel is Channel.PM_TUNING
        }
    assert targets("allocation", grade("large", is_later=True), 2.0) == {}


def test_ladders_start_at_neutral() -> None:
    assert {name: (each.sooner[0], each.later[0]) for name, each in LADDERS.items()} == {
        name: (LEVERS[name].neutral, LEVERS[name].neutral) for name in LADDERS
    }


@given(
    st.sampled_from(["entry", "add", "trim", "exit"]), st.sampled_from(GRADES), st.booleans(),
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30),
)  # fmt: skip
def test_no_target_leaves_tightened_bounds(category: str, name: str, is_later: bool, edges: list[float]) -> None:
    bounds = {
        "entry_delay_bars": (0.0, 1.5), "phase1_frac_mult": (0.9, 1.1), "trim_delay_mult": (0.8, 1.1),
        "trail_mult": (0.9, 1.05), "min_ts_for_add": (0.58, 0.7), "min_ox_for_trim": (0.5, 0.7),
    }  # fmt: skip
    values = targets(category, grade(name, is_later=is_later), *edges, weights=WeightParameters(bounds=bounds))

    for lever, target in values.items():
        low, high = bounds[lever]
        assert math.isfinite(target)
        assert low <= target <= high
