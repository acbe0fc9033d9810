"""Which overrides act: in one pass over columns, the same as the engine's own rows say."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from overrides.core.engine.combination import Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.impact.acting import EvidenceColumns, acting, acting_in
from overrides.core.impact.reweighing import Evidence
from tests.builders import DAY, KEY, NOW, make_parameters, make_spec


def columns(*specs: OverrideSpec) -> EvidenceColumns:
    return EvidenceColumns.of(
        [
            Evidence(
                each.id, str(each.channel), len(each.scope), each.stats.edge_raw, each.stats.n, each.stats.variance,
                each.stats.half_life_days, each.stats.updated_at,
            )
            for each in specs
        ]
    )  # fmt: skip


def some(chance: random.Random, number: int, policy: str) -> OverrideSpec:
    stats = {
        "edge_raw": chance.uniform(-2, 2),
        "n": chance.randint(1, 80),
        "variance": chance.uniform(0, 1),
        "half_life_days": chance.uniform(5, 200),
        "updated_at": (NOW - DAY * chance.uniform(0, 100)).isoformat(),
    }
    return make_spec(scope={"bucket": f"b{number}", "macro_phase": "Good"}, stats=stats, policy=policy)


@pytest.mark.parametrize(
    "channel",
    [
        {},
        {"weights": {"min_total_weight": 0.05}},
        {"combiner": "most_specific"},
        {"policy": "evidence", "combiner": "evidence", "weights": {"max_evidence_age_days": 30}},
    ],
)
@pytest.mark.parametrize("later", [0, 40])
def test_counts_what_the_combiner_does_not_exclude(channel: dict[str, object], later: int) -> None:
    chance, at = random.Random(11), NOW + DAY * later
    parameters = make_parameters(channel)
    policy = parameters.channels[next(iter(parameters.channels))].policy.value
    specs = [some(chance, number, policy) for number in range(60)]
    compiled = compile_module(parameters, specs)

    acts = acting(columns(*specs), parameters, at)

    found = [is_taken(compiled, each, at) for each in specs]
    assert acts.tolist() == found
    assert acting_in(compiled, at) == sum(found)


def is_taken(compiled: object, spec: OverrideSpec, at: datetime) -> bool:
    """Whether the combiner lists the override for a request that only it matches."""
    request = Request("pm", KEY, "entry", dict(spec.scope), at)
    return bool(combine(compiled, request).contributions)  # type: ignore[arg-type]


def test_of_nothing_is_nothing() -> None:
    assert acting(EvidenceColumns.of(()), make_parameters(), NOW + timedelta(days=1)).tolist() == []
