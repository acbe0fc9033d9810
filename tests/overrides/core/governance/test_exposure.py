"""How far a line moves, and how that changes exposure."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.governance.exposure import exposure_change, steps_moved

WEIGHTS = WeightParameters()
sizes = st.floats(0.7, 1.3)


class TestStepsMoved:
    def test_counts_log_levers_in_logs_and_linear_ones_in_their_units(self) -> None:
        assert steps_moved({}, {"size_mult": 1.02**3}, WEIGHTS) == pytest.approx(3, abs=1e-12)
        assert steps_moved({"entry_delay_bars": 1.0}, {"entry_delay_bars": 2.0}, WEIGHTS) == pytest.approx(5)

    def test_takes_the_lever_that_moves_most(self) -> None:
        moved = {"size_mult": 1.02, "entry_aggression_mult": 1.02**4}

        assert steps_moved({}, moved, WEIGHTS) == pytest.approx(4, abs=1e-12)

    def test_measures_by_the_steps_in_force(self) -> None:
        assert steps_moved({}, {"size_mult": 1.02}, WeightParameters(max_steps={"size_mult": 0.01})) == pytest.approx(
            math.log(1.02) / math.log(1.01)
        )

    @given(sizes, sizes)
    def test_is_the_same_there_and_back(self, one: float, other: float) -> None:
        there = steps_moved({"size_mult": one}, {"size_mult": other}, WEIGHTS)

        assert there == pytest.approx(steps_moved({"size_mult": other}, {"size_mult": one}, WEIGHTS))

    def test_of_what_stays_is_nothing(self) -> None:
        assert steps_moved({"size_mult": 1.1}, {"size_mult": 1.1}, WEIGHTS) == 0
        assert steps_moved({}, {}, WEIGHTS) == 0


class TestExposureChange:
    def test_rises_when_a_cut_is_retired(self) -> None:
        assert exposure_change("entry", {"size_mult": 0.8}, {}) == pytest.approx(0.25)

    def test_falls_when_more_is_trimmed_or_sold_more_eagerly(self) -> None:
        assert exposure_change("trim", {}, {"size_mult": 1.25}) == pytest.approx(-0.2)
        assert exposure_change("exit", {}, {"exit_aggression_mult": 1.25}) == pytest.approx(-0.2)

    def test_multiplies_the_levers_of_a_line(self) -> None:
        both = {"size_mult": 1.1, "entry_aggression_mult": 1.2}

        assert exposure_change("entry", {}, both) == pytest.approx(1.1 * 1.2 - 1)

    @given(sizes, sizes)
    def test_undoes_itself(self, one: float, other: float) -> None:
        there = exposure_change("entry", {"size_mult": one}, {"size_mult": other})
        back = exposure_change("entry", {"size_mult": other}, {"size_mult": one})

        assert (1 + there) * (1 + back) == pytest.approx(1)
