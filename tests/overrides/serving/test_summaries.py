"""The short explanations of answers say what their contributions do, to the bit, however many are written at once."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.combine import combine
from overrides.core.engine.combine_many import combine_many
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.engine.listing import Blending
from overrides.core.engine.taken import Contributions
from overrides.serving.blended_rows import blended_rows
from overrides.serving.summaries import summaries
from tests.overrides.core.builders import SEEDS, make_request, make_spec
from tests.overrides.core.engine.worlds import random_asked, random_world


def written(lists: list[Contributions]) -> Any:
    return orjson.loads(orjson.dumps(summaries(lists)))


def said(contributions: Contributions) -> list[dict[str, Any]]:
    """Return the summary that the contributions as objects make."""
    return [{"id": each.id, "line": each.line, "w_total": each.w_total, "parts": each.parts} for each in contributions]


@given(seed=SEEDS, count=st.integers(0, 8))
def test_they_are_those_of_the_contributions(seed: int, count: int) -> None:
    random = Random(seed)
    world = random_world(random)
    requests = [random_asked(random).request for _ in range(count)]
    lists = [each.contributions for each in combine_many(world.compiled, requests)]
    lists += [combine(world.compiled, each).contributions for each in requests]

    assert written(lists) == [said(each) for each in lists]
    assert [written([each])[0] for each in lists] == [said(each) for each in lists]


def test_names_that_are_no_hashes_are_written_as_text() -> None:
    spec = replace(make_spec(), id='a "name"')
    compiled = compile_overrides([spec], WeightParameters(max_scope_dims=3), Combiner.PLAN)
    found = combine(compiled, make_request()).contributions

    assert written([found, found]) == [said(found)] * 2


def test_weights_that_are_rounded_alike_are_listed_by_id() -> None:
    (section,) = compile_overrides([make_spec()], WeightParameters(max_scope_dims=3), Combiner.PLAN).sections
    (bucket,) = section.buckets.values()
    weights = [0.5, 0.5 + 1e-16, 0.2, 0.5 + 1e-13]
    blend = Blending(bucket, np.zeros(4, np.intp), [[0.9] * 4], weights, [[0.1] * 4], [1.0])
    other = blend._replace(weights=[0.1, 0.2, 0.3, 0.4])

    found = blended_rows([other, blend])

    assert (found.weights.tolist(), found.ends) == ([0.4, 0.3, 0.2, 0.1, 0.5, 0.5 + 1e-16, 0.5 + 1e-13, 0.2], [4, 8])
