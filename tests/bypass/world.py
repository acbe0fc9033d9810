"""A module with a row in every governed table, and for each another row or another value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from psycopg import sql

from overrides.models import (
    ArmPosition,
    ChangeLine,
    ChangeRequest,
    Mandate,
    Membership,
    Override,
    Version,
)
from overrides.monitoring.weekly_reports import keep_report
from overrides.requests.emergency import pin_line, quarantine_builder
from overrides.requests.mandate_terms import renew_mandate
from overrides.requests.review import comment
from telemetry.audit.audit_log import write_audit
from telemetry.models import AuditEntry
from tests.builders import NOW, approve_and_apply, draft, make_spec, publish, set_mode, without_triggers
from tests.bypass.table import MODELS
from tests.people import make_person

DIP = {"macro_phase": "Dip"}
LINE, OTHER = make_spec().line, make_spec(scope=DIP).line
FIRST_FREE = 900_001
WEEK = date(2026, 2, 23)  # the last one that had ended


def furnish() -> None:
    """Create versions, a renewed mandate, a mode, a policy, an open request with a comment, a pin and a quarantine."""
    publish(make_spec())
    publish(make_spec({"size_mult": 1.2}))
    set_mode("shadow", rollout_percent=20)
    approve_and_apply(draft(kind="policy", content={}))
    voter = make_person("voter", "overrides.review_changerequest", is_staff=True)
    mandate = Mandate.objects.get(revoked_at=None)
    renew_mandate(mandate_id=mandate.pk, by=voter, reason="it still holds", at=NOW + timedelta(days=80))
    present = datetime.now(UTC)  # pages read the clock
    request = draft(make_spec(scope=DIP), author=make_person("writer"), at=present)
    chief = User.objects.get(username="somebody")
    comment(request_id=request.pk, by=chief, text="so", at=NOW)
    pin_line(line_id=LINE, by=chief, reason="until May", at=NOW)
    quarantine_builder(module="pm", by=chief, reason="looks wrong", at=NOW)
    keep_report(WEEK, {"week": "2026-W09"}, by="voter", at=NOW)
    with transaction.atomic(), without_triggers():  # of a time when the module was on and explored the lever
        ArmPosition.objects.create(
            module="pm", lever="trail_mult", position_key="a", share_draw=1.0, draw=0.1, drawn_at=NOW, week=WEEK,
            alternative=2.0, probability=0.5, share_percent=100.0, rr_per_week=1.0, reserved=0.5, spent=0.0,
            is_admitted=True, is_alternative=True,
        )  # fmt: skip


def open_request() -> ChangeRequest:
    return ChangeRequest.objects.get(state="in_review")


def existing_row(name: str) -> Any:
    """Return the row to attempt writes on: the open request and its line, or the newest."""
    if name == "ChangeRequest":
        return open_request()
    if name == "ChangeLine":
        return ChangeLine.objects.get(request=open_request())
    rows = Version.objects.filter(is_active=True) if name == "Version" else MODELS[name]._default_manager.all()
    if name == "Membership":
        rows = rows.filter(to_version=None)
    if name == "Mandate":
        rows = rows.filter(revoked_at=None)
    return rows.order_by("pk").last()


def another(name: str) -> Any:
    """Return an unsaved row that would be valid but for governance."""
    model = MODELS[name]
    values = {field.attname: getattr(existing_row(name), field.attname) for field in _stored(model)}
    return model(**values | {model._meta.pk.attname: FIRST_FREE} | DIFFERS[name]())


def _stored(model: Any) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not getattr(field, "generated", False)]


def _nothing() -> dict[str, Any]:
    return {}


def _voter() -> User:
    return User.objects.get(username="voter")


def applied(kind: str) -> int:
    return ChangeRequest.objects.filter(kind=kind, state="applied").order_by("-pk")[0].pk


DIFFERS: dict[str, Callable[[], dict[str, Any]]] = {
    "Line": lambda: {"id": "f" * 64},
    "Override": lambda: {"id": "e" * 64},
    "ParameterSet": lambda: {"id": "d" * 64},
    "ChangeRequest": lambda: {"state": "draft"},
    "ChangeLine": lambda: {
        "line_id": LINE, "action": "withdraw", "before_id": Membership.objects.get(to_version=None).override_id,
        "after_id": None,
    },
    "RequestEvidence": lambda: {"request_id": open_request().pk, "edition": 2},
    "Vote": lambda: {
        "request_id": open_request().pk, "content_hash": open_request().content_hash, "voter_id": _voter().pk,
        "evidence_id": open_request().evidence.get().pk,
    },
    "Comment": _nothing,
    "Version": lambda: {"number": 3, "is_active": False, "request_id": open_request().pk},
    "Membership": lambda: {
        "line_id": OTHER, "override_id": Override.objects.get(line_id=OTHER).pk, "from_version": 3,
    },
    "ModulePolicy": lambda: {"number": 2, "is_active": False, "request_id": applied("policy")},
    "Mandate": lambda: {"line_id": OTHER, "request_id": applied("lines"), "renews_id": None},
    "MandateRenewal": lambda: {"voter_id": User.objects.get(username="somebody").pk},
    "LineHold": lambda: {"kind": "veto"},
    "Quarantine": lambda: {"module": "dm"},
    "ModuleMode": lambda: {"module": "dm", "mode": "on", "revision": 1},
    "HoldbackSecret": _nothing,
    "ArmPosition": lambda: {"position_key": "another"},
    "WeeklyReport": lambda: {"revision": 2},
    "AuditEntry": lambda: {"previous_hash": "", "hash": "x", "content": AuditEntry.objects.earliest("seq").content},
}  # fmt: skip

CHANGES: dict[str, tuple[str, Any]] = {
    "Line": ("scope", {}),
    "Override": ("levers", {"size_mult": 1.4}),
    "ParameterSet": ("document", {}),
    "ChangeRequest": ("title", "something else"),
    "ChangeLine": ("differences", ["something else"]),
    "RequestEvidence": ("document", "{}"),
    "Vote": ("decision", "reject"),
    "Comment": ("text", "never said"),
    "Version": ("content_hash", "x"),
    "Membership": ("path_since", NOW),
    "ModulePolicy": ("document", {"approvals": 0}),
    "Mandate": ("review_by", NOW + timedelta(days=9_999)),
    "MandateRenewal": ("reason", "another"),
    "LineHold": ("reason", "another"),
    "Quarantine": ("reason", "another"),
    "ModuleMode": ("rollout_percent", 50.0),
    "HoldbackSecret": ("secret", bytes(32)),
    "ArmPosition": ("rr_per_week", 100.0),
    "WeeklyReport": ("document", "{}"),
    "AuditEntry": ("content", "{}"),
}
CLOSING: dict[str, tuple[str, Any]] = {
    "ChangeRequest": ("state", "cancelled"),
    "Version": ("is_active", False),
    "Membership": ("to_version", 3),
    "ModulePolicy": ("is_active", False),
    "Mandate": ("revoked_at", NOW),
    "LineHold": ("lifted_at", NOW),
    "Quarantine": ("lifted_at", NOW),
    "ModuleMode": ("mode", "off"),
}
NAMES: dict[str, Callable[[Any], str]] = {
    "ChangeRequest": lambda row: f"request {row.pk}",
    "ChangeLine": lambda row: f"request {row.request_id}",
    "RequestEvidence": lambda row: f"request {row.request_id}",
    "Vote": lambda row: f"request {row.request_id}",
    "Comment": lambda row: f"request {row.request_id}",
    "Version": lambda row: f"version {row.module}/{row.number}",
    "ModulePolicy": lambda row: f"policy {row.module}/{row.number}",
    "LineHold": lambda row: f"line {row.line_id}",
    "Quarantine": lambda row: f"builder {row.module}",
    "ModuleMode": lambda row: f"mode {row.module}",
    "WeeklyReport": lambda row: f"weekly report {row.week}/{row.revision}",
    "AuditEntry": lambda row: "the trail itself",
}


def forge(name: str, row: Any) -> None:
    """Write an audit entry that makes the write look governed, also one of a request it rests on."""
    names = {NAMES.get(name, str)(row), f"request {getattr(row, 'request_id', 0)}"}
    for named in sorted(names):
        write_audit(actor="mallory", action="apply", object=named, reason="x", before=None, after=None, at=NOW)


@contextmanager
def undone(role: str = "owner") -> Iterator[None]:
    """Run a transaction of the role whose deferred checks run as at its commit, and roll it back."""
    with transaction.atomic(), connection.cursor() as cursor:
        if role != "owner":
            set_role = sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(settings.APPLICATION_ROLE))
            cursor.execute(set_role.as_string(cursor.connection))
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)
