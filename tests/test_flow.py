"""The complete pipeline once: closed trades, lessons, review, a served decision, and what it earned.

The data: forty days of breakouts. In a Good phase each earned 2 R, in a Dip 0 R. The baseline is 1 R, the edges are +1
R and -1 R.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import exp, log, tanh
from typing import Any

import pytest
from django.contrib.auth.models import User

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import Cell, Lesson
from learning.proposals.materialize import materialize
from overrides.models import Version
from overrides.requests.apply import apply_request
from overrides.requests.review import approve
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.mode import lower_mode
from overrides.serving.resolve import Resolved, resolve
from telemetry.audit.audit_log import verify_audit
from telemetry.audit.verify_trail import verify_trail
from telemetry.core.trades import parse_trade
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import AttributionShare, AuditEntry, Decision, DecisionOutcome, DirtyGroup
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, action_payload, decision_ids, draft, make_question, make_trades, trade_payload

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
# One update a day from the tenth trade on: 31 updates of ln 1.02 * 1 R / 20 each.
TARGET = 31 * log(1.02) / 20
WEIGHT = tanh(1) * (1 - exp(-40 / 25)) * 1 * (1 / 8) ** 1.5


def ask(scope: dict[str, str], at: datetime) -> Resolved:
    ENGINE_ROOM.refresh()
    return resolve([make_question(scope=scope, at=at.isoformat())], now=at)[0]


def sign_and_apply(request: Any, reviewer: User, at: datetime) -> None:
    approve(request_id=request.pk, by=reviewer, at=at)
    apply_request(request_id=request.pk, by=reviewer, at=at)


@pytest.mark.django_db
def test_from_facts_to_policy_and_back(author: User, reviewer: User, now: datetime) -> None:
    # Facts.
    record_trades(make_trades([2.0] * 40, scope=GOOD, prefix="good"), now=now)
    record_trades(make_trades([0.0] * 40, scope=DIP, prefix="dip"), now=now)

    # Learning.
    assert aggregate_dirty(now=now) == 1
    assert sorted(Cell.objects.values_list("n", "mean")) == [(40, 0.0), (40, 2.0), (80, 1.0)]
    assert build_lessons(module="pm", now=now).n_active == 3
    lessons = {lesson.scope["macro_phase"]: lesson for lesson in Lesson.objects.filter(type="pm_strength")}
    assert {name: lesson.edge_raw for name, lesson in lessons.items()} == {"Good": 1.0, "Dip": -1.0}
    assert lessons["Good"].weight == pytest.approx(WEIGHT, abs=1e-12)
    assert log(lessons["Good"].targets["size_mult"]) == pytest.approx(TARGET, abs=1e-12)
    tuning = Lesson.objects.get(type="pm_tuning")  # derived from the edge above .3 R in the same cell
    assert (tuning.scope, tuning.targets) == (GOOD, {"min_ts_for_add": 0.55})

    # Nothing changes until somebody decides.
    request = materialize(module="pm", now=now)
    assert request is not None
    assert ask(GOOD, now).answer.levers["size_mult"] == 1.0

    # Policy.
    sign_and_apply(request, reviewer, now + timedelta(hours=1))
    assert materialize(module="pm", now=now + timedelta(hours=2)) is None
    assert ask(GOOD, now).record.reason == "MODULE_OFF"
    sign_and_apply(draft(kind="mode", content={"mode": "on"}, author=author), reviewer, now + timedelta(hours=2))

    # Serving: one step of 2 % in each direction, with the weight of evidence that is a day old. Six weeks of the same
    # edge show no decay, so the half-life is the longest possible.
    later = now + timedelta(hours=3)
    answers = {"Good": ask(GOOD, later), "Dip": ask(DIP, later), "elsewhere": ask({"macro_phase": "Recover"}, later)}
    served = {name: found.answer.levers["size_mult"] for name, found in answers.items()}
    assert served == {"Good": 1.02, "Dip": pytest.approx(1 / 1.02, abs=1e-9), "elsewhere": 1.0}
    assert answers["Good"].answer.levers["min_ts_for_add"] == 0.55
    assert {name: found.record.reason for name, found in answers.items()} == {
        "Good": "COMBINED", "Dip": "SINGLE", "elsewhere": "NO_MATCH",
    }  # fmt: skip
    contributions = {each["line"]: each for each in answers["Good"].record.contributions}
    assert contributions.keys() == {lessons["Good"].line_id, tuning.line_id}
    contribution = contributions[lessons["Good"].line_id]
    assert contribution["w_total"] == pytest.approx(WEIGHT * exp(-27 / 24 / 365), abs=1e-12)
    assert contribution["parts"]["size_mult"] == pytest.approx(TARGET, abs=1e-12)

    # What it earned: 2 % of the 3 R won, 1 - 1 / 1.02 of the 1 R not lost, nothing where neutral was served.
    record_decisions([found.record for found in answers.values()])
    closed = now + DAY
    for name, rr in (("Good", 3.0), ("Dip", -1.0), ("elsewhere", 5.0)):
        record = answers[name].record
        action = action_payload(scope=dict(record.scope), at=utc_text(later), decision_ids=decision_ids(record))
        times = {"opened_at": utc_text(later), "closed_at": utc_text(closed)}
        payload = trade_payload(f"new {name}", rr=rr, actions=[action], **times)
        record_trades([parse_trade(payload, now=closed)], now=closed)
    assert attribute_trades(now=closed) == 3
    shares = dict(AttributionShare.objects.values_list("line_id", "share"))
    assert shares == {
        lessons["Good"].line_id: pytest.approx(0.06, abs=1e-12),
        lessons["Dip"].line_id: pytest.approx(1 - 1 / 1.02, abs=1e-12),
    }
    assert sorted(DecisionOutcome.objects.values_list("rr", flat=True)) == [-1.0, 3.0, 5.0]
    assert Decision.objects.count() == 3

    # Afterwards: the new trades are learned from, and one rollback withdraws everything at once.
    assert DirtyGroup.objects.count() == 3
    aggregate_dirty(now=closed)
    assert Cell.objects.get(scope=GOOD).n == 41
    lower_mode(module="pm", to="off", by="operator", reason="enough for today", at=closed)
    assert ask(GOOD, closed).answer.levers["size_mult"] == 1.0

    assert Version.objects.get(is_active=True).n_overrides == 3
    assert list(AuditEntry.objects.order_by("seq").values_list("action", flat=True)) == [
        "draft", "approve", "apply", "publish", "mandates", "draft", "approve", "apply", "mode", "mode",
    ]  # fmt: skip
    assert verify_audit() == []
    assert verify_trail(full=True).findings == ()
