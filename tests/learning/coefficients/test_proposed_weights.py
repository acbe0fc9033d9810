from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from learning.coefficients.coefficient_memory import update_coefficients
from learning.coefficients.proposed_weights import proposed_weights, weigh_all
from learning.models import Coefficient
from learning.proposals.materialize import materialize, publish_what_mandates_cover
from overrides.models import ChangeRequest, Version
from overrides.requests.apply import apply_request
from overrides.requests.review import approve
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, approve_and_apply, draft, make_lesson, publish
from tests.learning.coefficients.test_coefficient_memory import allocated

pytestmark = pytest.mark.django_db

HALF_STEP = 1.02**0.5


def traded(**rr: float) -> None:
    """Record two allocations on each of the last twelve days for each chain, each with this outcome in R."""
    for chain, outcome in rr.items():
        trades = [allocated(f"{chain}{n}", outcome, 1 + n // 2, {"chain": chain}) for n in range(24)]
        record_trades(trades, now=NOW)
    update_coefficients(now=NOW)


def serve(weights: Mapping[str, float]) -> Version:
    return Version.objects.get(request=approve_and_apply(draft(module="dm", content={"coefficients": weights})))


def proposed(at: datetime = NOW) -> dict[str, Any]:
    return proposed_weights(module="dm", at=at)


def fresh() -> dict[str, float]:
    return {name: round(each.weight, 6) for name, each in weigh_all(at=NOW)[1].items()}


class TestProposedWeights:
    def test_are_the_fresh_ones_with_what_they_rest_on(self) -> None:
        traded(base=0.4, sol=-0.4)

        content = proposed()

        assert content["coefficients"] == fresh()
        row = Coefficient.objects.get(key="base")
        assert content["evidence"]["values"]["chain=base"] == {
            "n": 24, "short": pytest.approx(row.rr_short), "long": pytest.approx(row.rr_long)
        }  # fmt: skip
        assert content["evidence"] == content["evidence"] | {"n": 48, "moved": 2, "as_of": "2026-03-02T12:00:00Z"}

    def test_are_none_without_trades_or_for_pm(self) -> None:
        assert proposed() == {}
        traded(base=0.4, sol=-0.4)
        assert proposed_weights(module="pm", at=NOW) == {}

    def test_are_none_within_half_a_step_of_those_in_force(self) -> None:
        traded(base=0.4, sol=-0.4)
        serve({name: weight * HALF_STEP * 0.9999 for name, weight in fresh().items()})

        assert proposed() == {}

    @pytest.mark.parametrize(("steps", "moves"), [(0.9, False), (-0.9, False), (1.1, True), (-1.1, True)])
    def test_replace_one_in_force_from_a_whole_step_on(self, steps: float, moves: bool) -> None:
        traded(base=0.4, sol=-0.4)
        serve({name: weight * 1.02**steps for name, weight in fresh().items()})

        assert bool(proposed()) is moves

    def test_leave_those_alone_that_moved_by_less(self) -> None:
        traded(base=0.4, sol=-0.4)
        near = fresh()["chain=sol"] * 1.001
        serve({"chain=base": 1.0, "chain=sol": near})

        assert proposed()["coefficients"] == {"chain=base": fresh()["chain=base"], "chain=sol": near}
        assert set(proposed()["evidence"]["values"]) == {"chain=base"}

    def test_need_twenty_trades_of_their_own_and_eight_effective_days(self) -> None:
        for chain, trades, days in (("few", 19, 19), ("sudden", 24, 2), ("base", 24, 12), ("sol", 24, 12)):
            outcome = -0.8 if chain == "sol" else 0.8
            made = [allocated(f"{chain}{n}", outcome, 1 + n % days, {"chain": chain}) for n in range(trades)]
            record_trades(made, now=NOW)
        update_coefficients(now=NOW)

        assert set(proposed()["coefficients"]) == {"chain=base", "chain=sol"}
        assert abs(math.log(fresh()["chain=sudden"])) > math.log(HALF_STEP)

    def test_leave_by_a_request_where_they_are_in_force_on_too_few(self) -> None:
        traded(base=0.8, sol=-0.8)
        record_trades([allocated(f"two{n}", 3.0, 1, {"chain": "two"}) for n in range(2)], now=NOW)
        update_coefficients(now=NOW)
        serve({"chain=two": 1.5})

        content = proposed()

        assert "chain=two" not in content["coefficients"]
        assert content["evidence"]["values"]["chain=two"]["too_few"]

    def test_go_back_to_one_where_no_trade_is_learned_from_any_more(self) -> None:
        traded(base=0.4, sol=-0.4)
        serve(fresh() | {"chain=gone": 1.4, "curator=near": 1.004})

        assert proposed()["coefficients"] == fresh() | {"curator=near": 1.004}

    def test_are_weighed_as_of_now_and_not_of_the_last_update(self) -> None:
        traded(base=0.4, sol=-0.4)

        later = proposed(NOW + 60 * DAY)

        assert 1 < later["coefficients"]["chain=base"] < fresh()["chain=base"]


class TestMaterialize:
    def test_asks_for_weights_alone(self, reviewer: User) -> None:
        traded(base=0.4, sol=-0.4)

        request = materialize(module="dm", now=NOW)

        assert request is not None
        assert (request.title, request.kind, request.lines.count()) == ("Coefficients: 2 weights", "lines", 0)
        approve(request_id=request.pk, by=reviewer, at=NOW)
        apply_request(request_id=request.pk, by=reviewer, at=NOW)
        assert Version.objects.get(is_active=True).coefficients == fresh()
        assert materialize(module="dm", now=NOW + DAY) is None

    def test_asks_for_lines_and_weights_in_one_request_a_day(self) -> None:
        traded(base=0.4, sol=-0.4)
        make_lesson(
            {"alloc_mult_target": 1.05}, type="dm_alloc", module="dm", action_category="allocation",
            pattern_key="dm_pattern.allocation.allocation", scope={"chain": "sol"},
        )  # fmt: skip

        request = materialize(module="dm", now=NOW)

        assert request is not None
        assert (request.title, request.lines.count()) == ("Lessons: 1 new; coefficients: 2 weights", 1)
        assert materialize(module="dm", now=NOW) is None

    def test_leaves_coefficients_to_people(self) -> None:
        """Mandates do not cover coefficients; automatic publication publishes lines only."""
        traded(base=0.4, sol=-0.4)
        publish(module="dm", parameters=None, withdraw=())

        assert publish_what_mandates_cover(module="dm", now=NOW) is None
        assert not ChangeRequest.objects.filter(route="mandate").exists()
        assert Version.objects.get(is_active=True).coefficients == {}
