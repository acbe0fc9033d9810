"""The lists of an answer as columns say the same as the lists as objects, whatever the combiner."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.combination import Combination, Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides, join
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Channel, Combiner
from overrides.core.engine.taken import NO_CONTRIBUTIONS, NO_EXCLUSIONS, Contribution, Excluded
from overrides.core.engine.weights import MULTIPLIED
from tests.overrides.core.builders import SEEDS, make_request, make_spec, random_request, random_specs, requests

PARAMETERS = WeightParameters(max_scope_dims=3, max_evidence_age_days=20)


def hashed(specs: list[OverrideSpec]) -> list[OverrideSpec]:
    """Return the overrides with ids and lines that are hashes."""
    return [OverrideSpec.from_document({**spec.to_document(), "id": spec.content_id}) for spec in specs]


def of_channel(seed: int, channel: Channel) -> list[OverrideSpec]:
    """Return random overrides whose levers are all of one channel."""
    found = []
    for spec in random_specs(Random(seed), 30):
        levers = {name: value for name, value in spec.levers.items() if LEVERS[name].channel is channel}
        found.append(replace(spec, levers=levers))
    unique = {spec.content_id: spec for spec in hashed(found)}
    return list(unique.values())


def two_sections(seed: int, one: Combiner, other: Combiner, request: Request) -> Combination:
    sections = []
    for number, (channel, combiner) in enumerate(((Channel.PM_STRENGTH, one), (Channel.PM_TUNING, other))):
        section = compile_overrides(of_channel(seed + number, channel), PARAMETERS, combiner).sections[0]
        sections.append(Compiled((replace(section, channel=channel),)))
    return combine(join(*sections), request)


def contributions_of(found: Combination) -> list[Contribution]:
    """Return the contributions that the columns state."""
    columns = found.contributions.columns
    assert columns.ids is not None
    assert columns.lines is not None
    listed = []
    for row in range(len(columns.parts)):
        has = np.ones(len(columns.levers), bool) if columns.has is None else columns.has[row]
        acts = has if columns.acts is None else columns.acts[row]
        weight = None if columns.weights is None or np.isnan(columns.weights[row]) else float(columns.weights[row])
        listed.append(
            Contribution(
                columns.ids[row].tobytes().hex(),
                columns.lines[row].tobytes().hex(),
                {name: float(columns.parts[row, at]) for at, name in enumerate(columns.levers) if acts[at]},
                {name: float(columns.targets[row, at]) for at, name in enumerate(columns.levers) if has[at]},
                None if weight is None or columns.factors is None else tuple(columns.factors[row].tolist()),
                weight,
                () if columns.ramping is None else tuple(np.array(columns.levers)[columns.ramping[row]].tolist()),
            )
        )
    return listed


def excluded_of(found: Combination) -> list[Excluded]:
    columns = found.excluded.columns
    assert columns.ids is not None
    assert columns.lines is not None
    weights = [None] * len(found.excluded) if columns.weights is None else columns.weights.tolist()
    return [
        Excluded(
            id.tobytes().hex(), line.tobytes().hex(), reason, None if weight is None or weight != weight else weight
        )
        for id, line, reason, weight in zip(columns.ids, columns.lines, columns.reasons, weights, strict=True)
    ]


class TestColumns:
    @given(seed=SEEDS, request=requests, combiner=st.sampled_from(Combiner))
    def test_state_what_the_objects_state(self, seed: int, request: Request, combiner: Combiner) -> None:
        specs = {spec.content_id: spec for spec in hashed(random_specs(Random(seed), 40))}

        found = combine(compile_overrides(specs.values(), PARAMETERS, combiner), request)

        assert contributions_of(found) == list(found.contributions)
        assert excluded_of(found) == list(found.excluded)

    @given(seed=SEEDS, one=st.sampled_from(Combiner), other=st.sampled_from(Combiner))
    def test_state_it_for_two_channels(self, seed: int, one: Combiner, other: Combiner) -> None:
        found = two_sections(seed, one, other, random_request(Random(seed)))

        assert contributions_of(found) == list(found.contributions)
        assert excluded_of(found) == list(found.excluded)
        assert [each.id for each in found.excluded] == sorted(each.id for each in found.excluded)

    def test_have_no_hashes_where_ids_are_words(self) -> None:
        found = combine(compile_overrides([make_spec("plain")], PARAMETERS, Combiner.PLAN), make_request())

        assert [each.id for each in found.contributions] == ["plain"]
        assert found.contributions.columns.ids is None

    def test_have_no_rows_for_nothing(self) -> None:
        assert len(NO_CONTRIBUTIONS.columns.parts) == len(NO_EXCLUSIONS.columns.reasons) == 0

    @given(seed=SEEDS, request=requests)
    def test_have_the_factors_of_the_weight_in_their_order(self, seed: int, request: Request) -> None:
        specs = {spec.content_id: spec for spec in hashed(random_specs(Random(seed), 40))}
        columns = combine(compile_overrides(specs.values(), PARAMETERS, Combiner.PLAN), request).contributions.columns

        assert columns.factors is None or columns.factors.shape == (len(columns.parts), len(MULTIPLIED))
