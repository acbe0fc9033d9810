"""A coefficient that stopped working is found, and a request to set it to neutral waits for people."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from overrides.models import ChangeRequest, Monitor, Version
from overrides.monitoring.watching.monitor import monitor
from overrides.requests.review import reject
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, approve_and_apply, draft, make_trades, set_mode
from tests.overrides.monitoring.scoring.touched_world import attribute, served_trade

SCOPE = {"chain": "base", "mcap_bucket": "1m-2m"}
NAME = "chain=base"


@pytest.fixture(autouse=True)
def weighed(db: None) -> None:
    """The module dm is on and weighs trades on one chain by 1.3."""
    before = [0.5, -0.5] * 20
    record_trades(make_trades(before, prefix="m", scope=SCOPE, module="dm", action_category="allocation"), now=NOW)
    approve_and_apply(draft(module="dm", lines=[], content={"coefficients": {NAME: 1.3}}))
    set_mode("on", module="dm")


def trades(count: int, rr: float) -> None:
    for day in range(1, count + 1):
        served_trade(f"t{day}", rr, days=day, scope=SCOPE, category="allocation", module="dm")
    attribute()


def asked() -> list[ChangeRequest]:
    return list(ChangeRequest.objects.filter(author_name="the monitor").order_by("pk"))


class TestCoefficients:
    def test_a_dead_one_is_proposed_to_be_neutral_once(self) -> None:
        trades(20, -8.0)
        for _ in range(2):
            monitor(now=NOW + 21 * DAY)

        [request], row = asked(), Monitor.objects.get(name=NAME)
        assert (row.state, row.trades, row.request) == ("red", 20, request)
        assert (request.state, request.route, request.content) == ("in_review", "review", {"coefficients": {}})
        assert Version.objects.get(module="dm", is_active=True).coefficients == {NAME: 1.3}

    def test_one_that_works_is_left_alone(self) -> None:
        trades(20, 0.5)
        monitor(now=NOW + 21 * DAY)

        assert (Monitor.objects.get(name=NAME).state, asked()) == ("watching", [])

    def test_approving_ends_its_monitor(self) -> None:
        trades(20, -8.0)
        monitor(now=NOW + 21 * DAY)
        approve_and_apply(asked()[0], at=NOW + 22 * DAY)

        monitor(now=NOW + 22 * DAY)

        assert not Monitor.objects.filter(name=NAME).exists()

    def test_one_request_names_all_that_are_red(self) -> None:
        both = {NAME: 1.3, "cap=1m-2m": 1.3}
        approve_and_apply(draft(module="dm", lines=[], content={"coefficients": both}))
        trades(20, -8.0)

        monitor(now=NOW + 21 * DAY)

        [request] = asked()
        assert request.content == {"coefficients": {}}
        assert {row.request for row in Monitor.objects.filter(kind="coefficient")} == {request}

    def test_is_asked_anew_where_other_coefficients_came_into_force_meanwhile(self) -> None:
        trades(20, -8.0)
        monitor(now=NOW + 21 * DAY)
        later, others = NOW + 22 * DAY, {"coefficients": {NAME: 1.3, "chain=eth": 1.1}}
        approve_and_apply(draft(module="dm", lines=[], content=others, at=later), at=later)

        for _ in range(2):
            monitor(now=NOW + 22 * DAY)

        before, request = asked()
        assert (before.state, request.state) == ("cancelled", "in_review")
        assert request.content == {"coefficients": {"chain=eth": 1.1}}
        assert Monitor.objects.get(name=NAME).request == request

    def test_is_not_asked_again_soon_after_somebody_rejected_it(self, reviewer: User) -> None:
        trades(20, -8.0)
        monitor(now=NOW + 21 * DAY)
        reject(request_id=asked()[0].pk, by=reviewer, reason="we wait", at=NOW + 21 * DAY)

        monitor(now=NOW + 22 * DAY)

        assert [each.state for each in asked()] == ["rejected"]
