"""A world with something of every kind that the trail tells of, committed once for a file of tests."""

from __future__ import annotations

from datetime import datetime

from overrides.models import ChangeRequest
from overrides.requests.apply import apply_request
from overrides.requests.emergency import (
    acknowledge,
    lift_hold,
    lift_quarantine,
    pin_line,
    quarantine_builder,
    retire_lines,
    switch_everything_off,
    veto_line,
)
from overrides.requests.review import approve, cancel, reject, request_changes, schedule, unschedule
from telemetry.audit.verify_trail import verify_trail
from tests.builders import DAY, approve_and_apply, draft, make_parameters, make_spec, publish, set_mode
from tests.conftest import make_user
from tests.people import make_person

DIP, RECOVER = {"macro_phase": "Dip"}, {"macro_phase": "Recover"}
LINE = make_spec().line


def found(*, full: bool = False) -> list[str]:
    """What a check of the trail finds, in words."""
    return [str(each) for each in verify_trail(full=full).findings]


def furnish(at: datetime) -> None:
    """Something of every kind that the trail tells of, by people and by machines, begun and ended."""
    author = make_user("author", "overrides.propose_parameters")
    reviewer = make_user("reviewer", "overrides.review_changerequest", "overrides.apply_changerequest")
    chief = make_person("chief", is_superuser=True)
    make_user("operator", "overrides.lower_modulemode")
    publish(make_spec(), make_spec(scope=DIP))
    publish(make_spec({"size_mult": 1.2}))
    set_mode("on", rollout_percent=20)
    approve_and_apply(draft(kind="policy", content={}))
    approve_and_apply(draft(kind="policy", content={"daily_cap": 40}))
    approve_and_apply(draft(kind="rollback", content={"to": 1}))
    approve_and_apply(draft(make_spec({"size_mult": 1.25}), kind="trial", content=make_parameters().to_document()))
    both = draft(make_spec(scope=RECOVER), make_spec({"size_mult": 0.9}), author=author)
    approve(request_id=both.pk, by=reviewer, at=at, only=[make_spec(scope=RECOVER).line])
    apply_request(request_id=both.pk, by=reviewer, at=at)
    rest = ChangeRequest.objects.get(split_from=both)
    request_changes(request_id=rest.pk, by=reviewer, reason="smaller", at=at)
    reject(request_id=rest.pk, by=chief, reason="noise", at=at)
    later = draft(make_spec({"size_mult": 1.15}), author=author)
    approve(request_id=later.pk, by=chief, at=at)
    schedule(request_id=later.pk, by=chief, due=at + DAY, at=at)
    unschedule(request_id=later.pk, by=chief, at=at)
    cancel(request_id=later.pk, by=author, reason="changed my mind", at=at)
    retired = retire_lines(module="pm", lines=[make_spec(scope=DIP).line], by=chief, reason="harm", at=at)
    acknowledge(request_id=retired.pk, by=reviewer, reason="seen", at=at)
    pin_line(line_id=LINE, by=chief, reason="a day", at=at, expires_at=at + DAY)
    pin_line(line_id=LINE, by=chief, reason="for good", at=at + 2 * DAY)
    veto = veto_line(line_id=make_spec(scope=DIP).line, by=chief, reason="harm", at=at)
    lift_hold(hold_id=veto.pk, by=chief, reason="over", at=at)
    quarantine_builder(module="pm", by=chief, reason="odd", at=at)
    lift_quarantine(module="pm", by=chief, reason="fine", at=at)
    switch_everything_off(by=chief, reason="drill", at=at)
