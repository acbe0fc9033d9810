"""A list of requests is answered as each of them is alone, to the bit."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine import plan_combiner, scope_packing
from overrides.core.engine.combination import Combination
from overrides.core.engine.combine import combine
from overrides.core.engine.combine_many import combine_many
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.engine.definitions.vocabulary import Combiner, Reason
from overrides.core.engine.serve import Asked, answer, answer_many
from tests.overrides.core.builders import SEEDS, make_request
from tests.overrides.core.engine.worlds import random_asked, random_world, reachable

MODES = st.sampled_from(
    (
        ServingMode(Mode.ON),
        ServingMode(Mode.SHADOW),
        ServingMode(Mode.OFF),
        ServingMode(Mode.ON, rollout_percent=50.0),
        ServingMode(Mode.ON, allow={"bucket": ("nano", "mid")}),
        ServingMode(Mode.ON, rollout_percent=50.0, rollout_salt="5f2c", holdback_percent=20.0),
    )
)
PROTECTED = ("emergency_exit",)


def everything(found: Combination) -> Any:
    """Return all that a combination states, with its lists both as objects and as columns."""
    return (
        found,
        tuple(found.contributions.brief),
        [column.tolist() for column in found.contributions.columns if isinstance(column, np.ndarray)],
        [column.tolist() for column in found.excluded.columns if isinstance(column, np.ndarray)],
    )


def text(values: Any) -> str:
    """Return every number to the last bit, NaN included."""
    return repr(values)


class TestCombineMany:
    @given(seed=SEEDS, count=st.integers(0, 12))
    def test_agrees_with_each_request_alone(self, seed: int, count: int) -> None:
        random = Random(seed)
        world = random_world(random)
        requests = [random_asked(random).request for _ in range(count)]

        found = combine_many(world.compiled, requests)

        alone = [combine(world.compiled, request) for request in requests]
        assert text([everything(each) for each in found]) == text([everything(each) for each in alone])

    @given(seed=SEEDS)
    def test_agrees_where_scopes_are_looked_up_and_compared_in_blocks(self, seed: int) -> None:
        random = Random(seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scope_packing, "JOINED_FROM", random.choice((0, 10**6)))
            patch.setattr(scope_packing, "COMPARED_AT_ONCE", 7)
            world = random_world(random)
            requests = [random_asked(random).request for _ in range(8)]

            found = combine_many(world.compiled, requests)

            assert text(found) == text([combine(world.compiled, request) for request in requests])

    @given(seed=SEEDS, few=st.sampled_from((0, 10**6)))
    def test_agrees_with_the_loop_and_with_the_columns_of_one_request(self, seed: int, few: int) -> None:
        random = Random(seed)
        world, requests = random_world(random, 40), [random_asked(random).request for _ in range(4)]
        found = combine_many(world.compiled, requests)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plan_combiner, "FEW", few)
            assert text(found) == text([combine(world.compiled, request) for request in requests])


class Fragile(Compiled):
    """An engine that fails for one pattern."""

    @property
    def sections(self) -> Any:
        raise RuntimeError("no sections")


class TestAnswerMany:
    @given(seed=SEEDS, mode=MODES, count=st.integers(0, 12))
    def test_agrees_with_each_request_alone(self, seed: int, mode: ServingMode, count: int) -> None:
        random = Random(seed)
        world = random_world(random)
        asked = [random_asked(random) for _ in range(count)]

        found = answer_many(world.compiled, mode, asked, protected_motifs=PROTECTED, scaling=world.scaling)

        assert text(found) == text(
            [
                answer(
                    world.compiled,
                    mode,
                    each.request,
                    rollout_key=each.rollout_key,
                    draw=each.draw,
                    protected_motifs=PROTECTED,
                    scaling=world.scaling,
                    upstream_multiplier=each.upstream_multiplier,
                )
                for each in asked
            ]
        )

    @given(seed=SEEDS, mode=MODES)
    def test_keeps_bounds_and_steps_and_never_raises(self, seed: int, mode: ServingMode) -> None:
        random = Random(seed)
        world = random_world(random)
        asked = [random_asked(random) for _ in range(6)]

        for each, found in zip(asked, answer_many(world.compiled, mode, asked), strict=True):
            assert found.reason is not Reason.ERROR, found.error
            for name, value in found.levers.items():
                assert math.isfinite(value)
                assert LEVERS[name].low <= value <= LEVERS[name].high
            moved = {} if found.combination is None else found.combination.levers
            for name, lever in moved.items():
                low, high = reachable(each.request, name)
                if lever.combiner is Combiner.PLAN:
                    assert low - 1e-12 <= lever.value <= high + 1e-12

    def test_is_neutral_for_each_where_the_engine_fails(self) -> None:
        found = answer_many(Fragile.__new__(Fragile), ServingMode(Mode.ON), [Asked(make_request())] * 2)

        assert [each.reason for each in found] == [Reason.ERROR] * 2

    def test_fails_for_one_request_and_answers_the_others(self) -> None:
        world = random_world(Random(1))
        good = [random_asked(Random(seed)) for seed in range(3)]
        bad = Asked(make_request({"bucket": ["no", "text"]}))  # type: ignore[dict-item]  # as a caller might

        found = answer_many(world.compiled, ServingMode(Mode.ON), [*good, bad])

        alone = [answer(world.compiled, ServingMode(Mode.ON), each.request) for each in good]
        assert text(found[:3]) == text(alone)
        assert found[3].reason is answer(world.compiled, ServingMode(Mode.ON), bad.request).reason
