"""All weights at once agree with the engine's own, one by one."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.weights import decay_weight, edge_weight, sample_weight, specificity_weight, variance_weight
from overrides.core.impact.reweighing import Evidence, reweighed
from tests.builders import NOW, make_parameters


def evidence(name: str = "a", **over: object) -> Evidence:
    fields = {
        "channel": "pm_strength", "dims": 3, "edge_raw": -0.82, "n": 37.0, "variance": 0.45, "half_life_days": 18.0,
        "updated_at": NOW - timedelta(days=9),
    }  # fmt: skip
    return Evidence(name, **fields | over)  # type: ignore[arg-type]


def parameters(**weights: object) -> ModuleParameters:
    defaults = make_parameters().to_document()["channels"]["pm_strength"]["weights"]
    return make_parameters({"weights": defaults | weights})


class TestReweighed:
    def test_weighs_as_the_engine_does(self) -> None:
        found = reweighed([evidence()], parameters(), parameters(n_target=40), NOW)

        rest = edge_weight(0.82, 1) * variance_weight(0.45, 1) * specificity_weight(3, 8, 1.5) * decay_weight(9, 18)
        assert found.mean_before == pytest.approx(rest * sample_weight(37, 25), abs=1e-12)
        assert found.mean_after == pytest.approx(rest * sample_weight(37, 40), abs=1e-12)
        assert math.isclose(found.largest, found.mean_before - found.mean_after, abs_tol=1e-12)

    def test_names_who_starts_and_who_stops_acting(self) -> None:
        light, heavy = evidence("light", n=1.0), evidence("heavy")

        raised = reweighed([light, heavy], parameters(), parameters(min_total_weight=0.5), NOW)
        lowered = reweighed([light, heavy], parameters(), parameters(min_total_weight=0.0), NOW)

        assert ([each.name for each in raised.stopping], raised.n_starting) == (["heavy"], 0)
        assert ([each.name for each in lowered.starting], lowered.n_stopping) == (["light"], 0)
        assert (lowered.acting_before, lowered.acting_after) == (1, 2)

    def test_of_the_same_parameters_is_nothing(self) -> None:
        assert reweighed([evidence(), evidence("b", dims=0)], parameters(), parameters(), NOW).is_nothing

    def test_of_nothing_in_force_is_nothing(self) -> None:
        assert reweighed([], parameters(), parameters(n_target=40), NOW).is_nothing

    def test_leaves_out_channels_that_do_not_weigh(self) -> None:
        other = make_parameters({"combiner": "most_specific"})

        assert reweighed([evidence()], parameters(), other, NOW).weighed == 0

    def test_gives_fresh_evidence_no_negative_age(self) -> None:
        ahead = evidence(updated_at=NOW + timedelta(days=5))

        found = reweighed([ahead], parameters(), parameters(), NOW)

        assert found.mean_before == reweighed([evidence(updated_at=NOW)], parameters(), parameters(), NOW).mean_before
