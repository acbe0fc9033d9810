"""A week of hourly learning on real prices: at most one request a day for people, and no line exceeds its mandate.

Every verb commits, so that the database checks each version separately.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from config.demo.backtest.closed_trades import demo_trades
from config.demo.bot import plan_of
from config.demo.market.archive import load
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.proposals.materialize import materialize, publish_what_mandates_cover
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import ChangeRequest, Mandate, Version
from overrides.requests.apply import apply_request
from overrides.requests.review import approve
from overrides.versions.load_version import load_specs
from telemetry.audit.audit_log import verify_audit
from telemetry.audit.verify_trail import verify_trail
from telemetry.recording.intake import receive_trades
from tests.builders import publish

HOUR = timedelta(hours=1)
DAYS = 7
HISTORY_DAYS = 60  # of trades before the week; more of them put hardly another line in force
QUIET_HOURS = 12  # the builder also runs in every twelfth hour in which no trade became known
FAMILY = "donchian"  # a third of the demo's trades: enough to learn from, few enough for a hundred runs


def plans() -> list[tuple[datetime, dict[str, Any]]]:
    found = [plan_of(each) for each in demo_trades(load())]
    mine = [each for each in found if any(a["pattern_key"].startswith(FAMILY) for a in each.payload["actions"])]
    return sorted(((each.known_at, each.payload) for each in mine), key=lambda each: (each[0], each[1]["external_id"]))


class Desk:
    """A bot, a builder and one reviewer, hour by hour."""

    def __init__(self, reviewer: User) -> None:
        self.reviewer, self.requests = reviewer, Counter[str]()
        found = plans()
        self.start = found[-1][0].replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
        self.plans = [each for each in found if each[0] > self.start - timedelta(days=HISTORY_DAYS)]

    def live(self, now: datetime) -> None:
        known = [payload for known_at, payload in self.plans if known_at <= now]
        self.plans = self.plans[len(known) :]
        if known or now.hour % QUIET_HOURS == 0:
            receive_trades(known, now=now)
            aggregate_dirty(module="pm", now=now)
            build_lessons(module="pm", now=now)
        published = publish_what_mandates_cover(module="pm", now=now)
        assert known or published is None, now  # from the same facts the builder learns nothing new
        request = materialize(module="pm", now=now)
        if request is not None:
            self.requests[f"{now:%Y-%m-%d}"] += 1
            approve(request_id=request.pk, by=self.reviewer, at=now)
            apply_request(request_id=request.pk, by=self.reviewer, at=now)


def outside_their_mandates(now: datetime) -> list[str]:
    """Return the lines in force with levers beyond the reach of every live mandate."""
    mandates = {row.line_id: row.terms for row in Mandate.objects.filter(revoked_at=None, review_by__gt=now)}
    version = Version.objects.filter(module="pm", is_active=True).first()
    specs = load_specs("pm", version.number) if version else ()
    return [
        spec.line
        for spec in specs
        if spec.line not in mandates
        or not all(
            mandates[spec.line].reach[name][0] - 1e-12 <= value <= mandates[spec.line].reach[name][1] + 1e-12
            for name, value in spec.levers.items()
        )
    ]


@pytest.mark.django_db(transaction=True)
def test_asks_once_a_day_and_serves_nothing_outside_a_mandate(reviewer: User) -> None:
    desk = Desk(reviewer)
    parameters = ModuleParameters.default("pm")
    lessons = replace(parameters.lessons, lesson_edge_scale=1.0)  # targets that move within a week
    publish(parameters=replace(parameters, lessons=lessons), at=desk.start - HOUR)

    for hour in range(DAYS * 24):
        now = desk.start + hour * HOUR
        desk.live(now)
        assert outside_their_mandates(now) == [], now

    assert max(desk.requests.values()) == 1
    assert len(desk.requests) >= 2  # there were requests on more than one day
    routes = Counter(ChangeRequest.objects.filter(module="pm", state="applied").values_list("route", flat=True))
    assert routes["mandate"] >= 1
    assert Version.objects.filter(module="pm").count() == routes["mandate"] + routes["review"]
    assert verify_audit() == []
    assert verify_trail(full=True).findings == ()
