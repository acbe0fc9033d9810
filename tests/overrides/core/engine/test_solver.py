"""The tail of the combiner, proved: what step and bounds leave of a target, for every real input and not for samples.

The tail and the mandate's reach are transcribed once, in operations that plain numbers and the solver's terms share.
The same transcription runs beside the product on random input, so that the proof is of what is served.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import z3
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.combination import Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import Path, Stats
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Blend, Combiner
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import exceeded, grant

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
LOG_LEVERS = [name for name, lever in LEVERS.items() if lever.blend is Blend.LOG]
LINEAR_LEVERS = [name for name, lever in LEVERS.items() if lever.blend is Blend.LINEAR]


def larger(a: Any, b: Any) -> Any:
    return z3.If(a >= b, a, b) if isinstance(a, z3.ExprRef) or isinstance(b, z3.ExprRef) else max(a, b)


def smaller(a: Any, b: Any) -> Any:
    return z3.If(a <= b, a, b) if isinstance(a, z3.ExprRef) or isinstance(b, z3.ExprRef) else min(a, b)


def within(value: Any, low: Any, high: Any) -> Any:
    return smaller(larger(value, low), high)


def reach(start: Any, step: Any, blend: Blend) -> tuple[Any, Any]:
    return (start / (1 + step), start * (1 + step)) if blend is Blend.LOG else (start - step, start + step)


def tail(target: Any, current: Any, low: Any, high: Any, step: Any, blend: Blend) -> tuple[Any, Any]:
    """(the clipped current value, the served value) of the plan combiner, from a target."""
    start = within(current, low, high)
    lowest, highest = reach(start, step, blend)
    return start, within(smaller(larger(target, lowest), highest), low, high)


def holds_always(claim: Any, *given: Any) -> None:
    solver = z3.Solver()
    solver.set("timeout", 20_000)
    solver.add(*given, z3.Not(claim))
    assert solver.check() == z3.unsat, solver.model() if solver.check() == z3.sat else "the solver gave up"


class TestTailOfThePlanCombiner:
    target, current, low, high, step = z3.Reals("target current low high step")

    def premises(self, blend: Blend) -> list[Any]:
        positive = [self.target > 0, self.current > 0, self.low > 0] if blend is Blend.LOG else []
        return [self.low <= self.high, self.step > 0, *positive]

    @pytest.mark.parametrize("blend", Blend)
    def test_always_ends_within_the_bounds(self, blend: Blend) -> None:
        _, value = tail(self.target, self.current, self.low, self.high, self.step, blend)

        holds_always(z3.And(self.low <= value, value <= self.high), *self.premises(blend))

    @pytest.mark.parametrize("blend", Blend)
    def test_moves_at_most_one_step_from_the_clipped_current_value(self, blend: Blend) -> None:
        start, value = tail(self.target, self.current, self.low, self.high, self.step, blend)
        lowest, highest = reach(start, self.step, blend)

        holds_always(z3.And(lowest <= value, value <= highest), *self.premises(blend))

    @pytest.mark.parametrize("blend", Blend)
    def test_never_goes_past_the_target(self, blend: Blend) -> None:
        start, value = tail(self.target, self.current, self.low, self.high, self.step, blend)
        between = z3.And(smaller(start, self.target) <= value, value <= larger(start, self.target))

        holds_always(between, *self.premises(blend))

    def test_is_not_claimed_from_the_unclipped_current_value(self) -> None:
        """Tightened bounds move a bot that stands outside them at once, farther than one step."""
        _, value = tail(self.target, self.current, self.low, self.high, self.step, Blend.LOG)
        solver = z3.Solver()
        solver.add(*self.premises(Blend.LOG), value < self.current / (1 + self.step))

        assert solver.check() == z3.sat

    @given(
        name=st.sampled_from(list(LEVERS)), wanted=st.floats(0, 1), stands=st.floats(0, 1), tightened=st.floats(0, 1)
    )
    def test_is_what_the_product_computes(self, name: str, wanted: float, stands: float, tightened: float) -> None:
        lever = LEVERS[name]
        target, current = (lever.low + share * (lever.high - lever.low) for share in (wanted, stands))
        low = lever.low + tightened * (lever.neutral - lever.low)
        parameters = WeightParameters(bounds={name: (low, lever.high)}, max_scope_dims=1, min_total_weight=0.0)
        spec = override(name, target)

        answer = combine(
            compile_overrides([spec], parameters, Combiner.PLAN),
            Request(spec.module, spec.pattern_key, spec.action_category, spec.scope, AT, {name: current}),
        ).levers[name]

        start, value = tail(answer.target, current, low, lever.high, lever.max_step, lever.blend)
        assert answer.current == start
        assert answer.value == pytest.approx(value, rel=1e-12, abs=1e-12)
        assert answer.target == pytest.approx(target, rel=1e-9, abs=1e-9)


class TestMandates:
    def test_contain_every_value_between_neutral_and_what_they_publish(self) -> None:
        """A ramp runs between what stood and the published target; with both inside the reach it stays inside."""
        approved, published, stood, share = z3.Reals("approved published stood share")
        neutral = z3.RealVal(1)
        low, high = smaller(neutral, approved), larger(neutral, approved)
        inside = [low <= published, published <= high, low <= stood, stood <= high]
        served = stood + share * (published - stood)

        holds_always(z3.And(low <= served, served <= high), share >= 0, share <= 1, approved > 0, *inside)

    @given(name=st.sampled_from(LOG_LEVERS), approved=st.floats(0, 1), wanted=st.floats(0, 1))
    def test_cover_in_the_product_what_the_transcription_contains(
        self, name: str, approved: float, wanted: float
    ) -> None:
        lever = LEVERS[name]
        signed, target = (lever.low + share * (lever.high - lever.low) for share in (approved, wanted))
        terms = grant(override(name, signed), GovernancePolicy(), AT)
        low, high = smaller(lever.neutral, signed), larger(lever.neutral, signed)

        is_covered = not exceeded(terms, override(name, target), AT + timedelta(days=1))

        assert is_covered == (low - 1e-12 <= target <= high + 1e-12)


def override(name: str, target: float, path: Path | None = None) -> OverrideSpec:
    lever = LEVERS[name]
    return OverrideSpec(
        id="a" * 64, module="pm", channel=None, policy=None, pattern_key="a.b.c", action_category=lever.categories[0],
        scope={"timeframe": "4h"}, stats=Stats(0.8, 40, 0.1, 30.0, AT), levers={name: target}, path=path,
    )  # fmt: skip
