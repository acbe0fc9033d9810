from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.attribution_parts import PRIOR, attribution_parts, starting_value
from overrides.core.engine.combination import Combination, Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Combiner
from tests.overrides.core.builders import make_request, make_spec, requests, specs, weighing


def two(combiner: Combiner, prior: float = 0.0) -> Combination:
    """Return the combination of size_mult 1.10 with weight .3 and .95 with weight .1, from 1.05."""
    overrides = (
        make_spec("a", {"size_mult": 1.10}, stats=weighing(0.3)),
        make_spec("b", {"size_mult": 0.95}, stats=weighing(0.1)),
    )
    compiled = compile_overrides(overrides, WeightParameters(max_scope_dims=1, prior_weight=prior), combiner)
    return combine(compiled, make_request(current={"size_mult": 1.05}))


class TestAttributionParts:
    def test_measure_from_the_current_value_under_plan(self) -> None:
        found = attribution_parts(two(Combiner.PLAN), "size_mult")

        assert found == pytest.approx(
            {"a": 0.3 * math.log(1.10 / 1.05) / 0.4, "b": 0.1 * math.log(0.95 / 1.05) / 0.4}, rel=1e-9
        )

    def test_give_the_prior_its_own_part(self) -> None:
        found = attribution_parts(two(Combiner.PLAN, prior=0.6), "size_mult")

        assert found[PRIOR] == pytest.approx(0.6 * math.log(1 / 1.05) / 1.0, rel=1e-9)
        assert found["a"] == pytest.approx(0.3 * math.log(1.10 / 1.05) / 1.0, rel=1e-9)

    def test_measure_from_a_stated_value(self) -> None:
        found = attribution_parts(two(Combiner.PLAN), "size_mult", m0=1.0)

        assert found["b"] == pytest.approx(0.1 * math.log(0.95) / 0.4, rel=1e-9)

    def test_measure_from_neutral_under_evidence(self) -> None:
        found = attribution_parts(two(Combiner.EVIDENCE), "size_mult")

        assert found == pytest.approx({"a": math.log(1.10), "b": math.log(0.95)}, rel=1e-12)

    def test_name_the_winner_alone_under_most_specific(self) -> None:
        assert list(attribution_parts(two(Combiner.MOST_SPECIFIC), "size_mult")) == ["a"]

    def test_refuse_a_lever_that_was_not_moved(self) -> None:
        with pytest.raises(KeyError):
            attribution_parts(two(Combiner.PLAN), "trail_mult")

    @given(found=specs, request=requests, combiner=st.sampled_from(Combiner), prior=st.sampled_from((0.0, 0.3)))
    def test_and_the_cut_lead_from_the_start_to_the_value(
        self, found: list[OverrideSpec], request: Request, combiner: Combiner, prior: float
    ) -> None:
        parameters = WeightParameters(max_scope_dims=3, prior_weight=prior)
        answer = combine(compile_overrides(found, parameters, combiner), request)

        for name, lever in answer.levers.items():
            moved = LEVERS[name].unit(lever.value) - LEVERS[name].unit(starting_value(answer, name))
            parts = attribution_parts(answer, name)
            assert sum(parts.values()) + lever.cut == pytest.approx(moved, abs=1e-12)
            assert (PRIOR in parts) is (combiner is Combiner.PLAN and prior > 0)
