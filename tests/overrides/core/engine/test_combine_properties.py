"""Properties of any overrides and any request, and the engine compared with a naive loop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.combination import Combination, Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Combiner, Reason
from tests.overrides.core.builders import NOW, SEEDS, make_request, make_spec, requests, specs
from tests.overrides.core.engine.naive import naive

COMBINERS = st.sampled_from(Combiner)
PRIORS = st.sampled_from((0.0, 0.3, 1.0))


def combined(found: list[OverrideSpec], request: Request, combiner: Combiner, prior: float = 0.0) -> Combination:
    return combine(compile_overrides(found, parameters(prior), combiner), request)


def parameters(prior: float = 0.0) -> WeightParameters:
    return WeightParameters(max_scope_dims=3, prior_weight=prior)


class TestCombine:
    @given(found=specs, request=requests, combiner=COMBINERS, prior=PRIORS)
    def test_agrees_with_the_naive_loop(
        self, found: list[OverrideSpec], request: Request, combiner: Combiner, prior: float
    ) -> None:
        expected = naive(combiner, found, request, parameters(prior))

        answer = combined(found, request, combiner, prior)

        assert list(answer.levers) == list(expected["levers"])
        for name, (value, target) in expected["levers"].items():
            assert answer.levers[name].value == pytest.approx(value, rel=1e-9, abs=1e-12)
            assert answer.levers[name].target == pytest.approx(target, rel=1e-9, abs=1e-12)
        assert [each.id for each in answer.contributions] == expected["contributions"]
        assert [each.id for each in answer.excluded] == expected["excluded"]

    @given(found=specs, request=requests, combiner=COMBINERS)
    def test_stays_inside_the_bounds(self, found: list[OverrideSpec], request: Request, combiner: Combiner) -> None:
        for name, lever in combined(found, request, combiner).levers.items():
            assert LEVERS[name].low <= lever.value <= LEVERS[name].high

    @given(found=specs, request=requests)
    def test_moves_at_most_one_step_under_plan(self, found: list[OverrideSpec], request: Request) -> None:
        for name, lever in combined(found, request, Combiner.PLAN).levers.items():
            low, high = LEVERS[name].reach(request.current.get(name, lever.neutral), LEVERS[name].max_step)
            assert low - 1e-12 <= lever.value <= high + 1e-12

    @given(found=specs, request=requests, combiner=COMBINERS, seed=SEEDS)
    def test_does_not_depend_on_the_order_of_overrides(
        self, found: list[OverrideSpec], request: Request, combiner: Combiner, seed: int
    ) -> None:
        shuffled = Random(seed).sample(found, len(found))

        assert combined(shuffled, request, combiner) == combined(found, request, combiner)

    @given(found=specs, request=requests, combiner=COMBINERS, prior=PRIORS)
    def test_has_parts_and_cut_that_add_up_to_the_value(
        self, found: list[OverrideSpec], request: Request, combiner: Combiner, prior: float
    ) -> None:
        answer = combined(found, request, combiner, prior)

        for name, lever in answer.levers.items():
            parts = sum(each.parts.get(name, 0.0) for each in answer.contributions)
            assert parts == pytest.approx(LEVERS[name].unit(lever.target), abs=1e-12)
            assert parts + lever.cut == pytest.approx(LEVERS[name].unit(lever.value), abs=1e-12)

    @given(found=specs, combiner=COMBINERS)
    def test_moves_nothing_where_nothing_matches(self, found: list[OverrideSpec], combiner: Combiner) -> None:
        answer = combined(found, make_request(pattern_key="range.R1.entry"), combiner)

        assert (answer.levers, tuple(answer.contributions), answer.reason) == ({}, (), Reason.NO_MATCH)

    @given(found=specs, request=requests, combiner=COMBINERS)
    def test_gives_the_reason_that_fits(self, found: list[OverrideSpec], request: Request, combiner: Combiner) -> None:
        answer = combined(found, request, combiner)

        counts = (min(len(answer.contributions), 2), min(len(answer.excluded), 1))
        expected = {0: (Reason.NO_MATCH, Reason.ALL_EXCLUDED)[counts[1]], 1: Reason.SINGLE, 2: Reason.COMBINED}
        assert answer.reason is expected[counts[0]]


class TestWeight:
    """The weight of a single override, however light."""

    def weight(self, spec: OverrideSpec) -> float:
        compiled = compile_overrides([spec], WeightParameters(min_total_weight=0.0), Combiner.PLAN)
        (contribution,) = combine(compiled, make_request()).contributions
        assert contribution.w_total is not None
        return contribution.w_total

    @given(n=st.floats(0, 1e4), more=st.floats(0, 1e4), edge=st.floats(-3, 3))
    def test_does_not_fall_with_more_evidence(self, n: float, more: float, edge: float) -> None:
        spec = make_spec(stats={"n": n, "edge_raw": edge})

        assert self.weight(replace(spec, stats=replace(spec.stats, n=n + more))) >= self.weight(spec)

    @given(days=st.floats(0, 500), more=st.floats(0.01, 500))
    def test_falls_with_age(self, days: float, more: float) -> None:
        younger, older = (
            make_spec(stats={"updated_at": NOW - timedelta(days=age), "half_life_days": 90})
            for age in (days, days + more)
        )

        assert self.weight(older) < self.weight(younger)

    @given(variance=st.floats(0, 100), more=st.floats(0, 100))
    def test_does_not_rise_with_variance(self, variance: float, more: float) -> None:
        calm, wild = (make_spec(stats={"variance": each}) for each in (variance, variance + more))

        assert self.weight(wild) <= self.weight(calm)
