"""A small world with content on every page: learned from trades, approved, served, attributed, with open requests.

Forty days of breakouts: in a Good phase each earned 2 R, in a Dip nothing. Then a second pattern is recorded, and its
lessons wait for a reviewer. It all ends now, because pages weigh as of the time they are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User

from config.access.keys import issue_key
from learning.coefficients.coefficient_evidence import measure_coefficients
from learning.coefficients.coefficient_memory import update_coefficients
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.proposals.materialize import materialize
from learning.validation.noise_twin_runs import count_twins
from learning.validation.walk_forward_runs import CHOICES, walk_forward
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.models import ChangeRequest, EarnedDay, HoldbackDay, Membership
from overrides.requests.apply import apply_request
from overrides.requests.emergency import pin_line
from overrides.requests.review import approve
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.resolve import resolve
from overrides.serving.resolve_request import read_question
from telemetry.core.trades import parse_trade
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.job_runs import run_once
from telemetry.models import UnitOfRisk
from telemetry.recording.record_episodes import receive_episodes
from telemetry.recording.record_trades import record_trades
from tests.browser.addresses import Address, page_addresses
from tests.builders import DAY, action_payload, approve_and_apply, decision_ids, draft, set_mode, trade_payload
from tests.conftest import make_user
from tests.learning.opinions import make_strength
from tests.overrides.admin.serving.test_arms_page import ARM, explored
from tests.people import make_person, settled
from tests.stored_rows import Rows, keep_rows, put_back
from tests.telemetry.core.episode_builders import entered_payload, episode_payload, window_payload

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
SECOND_KEY = "rsi.long.dip"
PASSWORD = "a walk in the browser"
LASTS = timedelta(minutes=10)
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "author": ("overrides.add_changerequest",),
    "reviewer": ("overrides.review_changerequest", "overrides.apply_changerequest"),
    "operator": ("overrides.lower_modulemode", "access.add_apikey"),
}


@dataclass(frozen=True)
class World:
    """What the walks look for."""

    waiting: ChangeRequest
    override_id: str  # in the Good phase; it moved a decision whose trade has closed
    decision_id: str
    addresses: list[Address]


def make_world() -> World:
    now = datetime.now(UTC)
    began = now - 3 * DAY
    people = make_people()
    _learn({2.0: GOOD, 0.0: DIP}, at=began)
    request = materialize(module="pm", now=began)
    assert request is not None
    _put_into_force(request, people["reviewer"], began)
    set_mode("on", at=began, arms={"entry_delay_bars": ARM})
    set_mode("off", module="dm", at=began)
    decisions = _serve([GOOD, DIP, {"macro_phase": "Recover"}], at=began + timedelta(hours=1))
    _report(decisions, [3.0, -1.0, 5.0], closed_at=began + DAY)
    attribute_trades(now=began + DAY)
    _learn({1.5: GOOD, -0.5: DIP}, at=now, pattern_key=SECOND_KEY)
    waiting = materialize(module="pm", now=now)
    assert waiting is not None
    _fill_the_rest(people, now)
    _earn(now)
    explored(40)
    override = Membership.objects.get(line__scope=GOOD, line__channel="pm_strength").override_id
    return World(waiting, override, str(decisions[0].decision_id), page_addresses())


def _earn(now: datetime) -> None:
    """Store sums of 60 days, so that the page Earned has a chart and a contrast."""
    for back in range(60):
        day = {"book": "paper", "day": (now - (61 - back) * DAY).date(), "positions": 10, "computed_at": now}
        swing = (-1) ** back
        for module in ("", "pm"):
            sums = {"moved": 8, "replayed": 0.4 + 0.6 * swing, "exposure": 0.5, "rr": 1.0 + 2.0 * swing}
            left_out = {"superseded": 2, "without_rr": 0, "waiting": 0, "opened_before": 1}
            unmoved = {"without_leg": 1, "unknown_decision": 1, "unfit_decision": 0}
            EarnedDay.objects.create(module=module, **day, **sums, **unmoved, **left_out)
        drawn = {"served": 8, "held_back": 2, "expected_held_back": 2.0, "replayed": 0.4, "unseen": 3.0 * swing}
        HoldbackDay.objects.create(**day, **drawn)


@dataclass(frozen=True)
class Made:
    """A world, and all its rows at the time when it was made."""

    world: World
    rows: Rows
    at: datetime


_made: dict[Callable[[], World], Made] = {}  # by this process


def renewed(make: Callable[[], World]) -> World:
    """Return the world that `make` made within the last ten minutes, put back as it was, or make one now.

    It ages, because pages are opened at the real time. The database must be empty.
    """
    now = datetime.now(UTC)
    if make in _made and now - _made[make].at < LASTS:
        put_back(_made[make].rows)
        ENGINE_ROOM.refresh()
    else:
        _made[make] = Made(make(), keep_rows(), now)
    return _made[make].world


def make_people() -> dict[str, User]:
    """Create the author, the reviewer and the operator, who may see all our pages, and the owner, who may do all."""
    looking = Permission.objects.filter(codename__startswith="view_").exclude(content_type__app_label="auth")
    people = {name: make_user(name, *permissions) for name, permissions in PEOPLE.items()}
    people["owner"] = make_person("owner", is_staff=True, is_superuser=True)
    with settled():
        for person in people.values():
            person.user_permissions.add(*looking)
            person.set_password(PASSWORD)
            person.save()
    return people


def _learn(outcomes: Mapping[float, dict[str, str]], *, at: datetime, **action: Any) -> None:
    """Record forty trades per outcome, one a day until the day before `at`, and build their lessons."""
    for rr, scope in outcomes.items():
        for day in range(1, 41):
            times = {"opened_at": utc_text(at - DAY * (day + 1)), "closed_at": utc_text(at - DAY * day)}
            actions = [action_payload(scope=scope, at=times["opened_at"], **action)]
            payload = trade_payload(f"{at:%m%d} {rr:g} R, {day}", rr=rr, actions=actions, **times)
            record_trades([parse_trade(payload, now=at)], now=at)
    aggregate_dirty(now=at)
    build_lessons(module="pm", now=at)


def _allocate(*, at: datetime) -> None:
    """Record allocations that win on one chain and lose on another, and propose their weights with their evidence."""
    payloads = []
    for number in range(44):
        day = number // 2
        times = {"opened_at": utc_text(at - DAY * (day + 2)), "closed_at": utc_text(at - DAY * (day + 1))}
        scope = {"chain": "base" if number % 2 else "sol", "curator": "a"}
        action = action_payload(module="dm", action_category="allocation", scope=scope, at=times["opened_at"])
        rr = (1.5 if number % 2 else -1.0) + day % 3 / 10
        payloads.append(trade_payload(f"allocated {number}", rr=rr, actions=[action], **times))
    record_trades([parse_trade(payload, now=at) for payload in payloads], now=at)
    update_coefficients(now=at)
    walk_forward(module="dm", choices=CHOICES[:1], now=at)
    measure_coefficients(now=at)
    materialize(module="dm", now=at)


def _put_into_force(request: ChangeRequest, reviewer: User, at: datetime) -> None:
    approve(request_id=request.pk, by=reviewer, at=at, reason="forty trades on either side")
    apply_request(request_id=request.pk, by=reviewer, at=at)


def _serve(scopes: Sequence[dict[str, str]], *, at: datetime) -> list[DecisionRecord]:
    ENGINE_ROOM.refresh()
    payloads = [action_payload(scope=scope, at=utc_text(at)) for scope in scopes]
    found = resolve([read_question(payload, now=at) for payload in payloads], now=at)
    decisions = [each.record for each in found]
    record_decisions(decisions)
    return decisions


def _report(decisions: Sequence[DecisionRecord], outcomes: Sequence[float], *, closed_at: datetime) -> None:
    for decision, rr in zip(decisions, outcomes, strict=True):
        times = {"opened_at": utc_text(decision.at), "closed_at": utc_text(closed_at)}
        scope, ids = dict(decision.scope), decision_ids(decision)
        actions = [action_payload(scope=scope, at=times["opened_at"], decision_ids=ids)]
        payload = trade_payload(f"served {rr:g} R", rr=rr, actions=actions, **times)
        record_trades([parse_trade(payload, now=closed_at)], now=closed_at)


def _fill_the_rest(people: Mapping[str, User], now: datetime) -> None:
    """Create one of each thing that the pipeline has not produced here."""
    draft(
        kind="mode", module="dm", title="Switch dm on", reason="A month of shadow looked right.",
        content={"mode": "on"}, lines=[], author=people["author"], at=now,
    )  # fmt: skip
    line = Membership.objects.get(line__scope=GOOD, line__channel="pm_strength").line_id
    pin_line(line_id=line, by=people["reviewer"], reason="Let it stand until the month is over", at=now)
    approve_and_apply(draft(kind="policy", content={"approvals": 1}, title="The rules as they are", at=now), at=now)
    issue_key(name="bot 1", role="record", owner=people["author"], by=people["operator"], at=now)
    _allocate(at=now)
    walk_forward(module="pm", now=now)
    make_strength(0.62, 0.94, 0.12, as_of=now - DAY, asked_at=now - DAY)
    build_lessons(module="pm", policy=LearningMethod.EVIDENCE, now=now)
    for policy in LearningMethod:
        count_twins(module="pm", policy=policy, now=now)
    receive_episodes([episode_payload(windows=[window_payload(), entered_payload()])], gates=settings.GATES, now=now)
    UnitOfRisk.objects.create(strategy="Ichi", unit="atr", trades=40, real_stops=3, chosen_at=now)
    run_once("attribute", now=now, every=timedelta(minutes=5), work=lambda: 3)
    with settled():
        Group.objects.create(name="risk desk")
