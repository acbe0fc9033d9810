from __future__ import annotations

import math
from typing import Any

import pytest

from overrides.core.engine.combination import Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.monitoring.replaying.lever_path import Movement, movements
from tests.builders import KEY, NOW, SCOPE, make_spec


def moved(*targets: float, current: float | None = None, **parameters: Any) -> Movement:
    """Return how overrides of these targets and equal weights move size."""
    scopes = (SCOPE, {"macro_phase": "Good"}, {"bucket": "micro"})
    specs = [make_spec({"size_mult": target}, scope=scope) for target, scope in zip(targets, scopes, strict=False)]
    compiled = compile_overrides(specs, WeightParameters(**parameters), Combiner.PLAN)
    current_values = {} if current is None else {"size_mult": current}
    found = combine(compiled, Request("pm", KEY, "entry", SCOPE, NOW, current_values))
    levers = {name: lever._asdict() for name, lever in found.levers.items()}
    return movements(levers, [each._asdict() for each in found.contributions])["size_mult"]


class TestMovements:
    @pytest.mark.parametrize("targets", [(1.1,), (1.25, 0.8), (1.01, 1.005, 0.999)])
    def test_add_up_from_neutral_to_the_value(self, targets: tuple[float, ...]) -> None:
        found = moved(*targets)

        whole = sum(found.parts.values()) + found.step_cut + found.bounds_cut
        assert whole == pytest.approx(found.total, abs=1e-12)
        assert found.total == pytest.approx(math.log(found.value), abs=1e-12)

    def test_give_the_step_limit_what_it_took(self) -> None:
        found = moved(1.1)

        assert found.step_cut == pytest.approx(math.log(1.02 / 1.1), abs=1e-12)
        assert found.bounds_cut == 0.0

    def test_separate_the_cut_of_the_bounds_from_that_of_the_step(self) -> None:
        found = moved(1.25, current=1.09, bounds={"size_mult": (0.9, 1.1)})

        assert found.step_cut == pytest.approx(math.log(1.09 * 1.02 / 1.25), abs=1e-12)
        assert found.bounds_cut == pytest.approx(math.log(1.1 / (1.09 * 1.02)), abs=1e-12)

    def test_cut_nothing_where_nothing_limits(self) -> None:
        found = moved(1.01)

        assert (found.step_cut, found.bounds_cut) == (0.0, 0.0)

    def test_name_first_what_moved_most(self) -> None:
        found = moved(1.01, 0.8)

        assert [abs(part) for part in found.parts.values()] == sorted(map(abs, found.parts.values()), reverse=True)

    @pytest.mark.parametrize(("is_limited", "cuts"), [(True, (-0.1, 0.0)), (False, (0.0, -0.1))])
    def test_lay_the_whole_cut_of_an_older_decision_to_what_it_flags(
        self, is_limited: bool, cuts: tuple[float, float]
    ) -> None:
        detail = {"target": math.exp(0.3), "value": math.exp(0.2), "step_limited": is_limited}

        found = movements({"size_mult": detail}, [{"id": "o", "parts": {"size_mult": 0.3}}])["size_mult"]

        assert (found.step_cut, found.bounds_cut) == pytest.approx(cuts)

    def test_leave_out_unmoved_levers(self) -> None:
        assert movements({"size_mult": {"served": 1.0}}, []) == {}
