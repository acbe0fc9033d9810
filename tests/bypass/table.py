"""Who may write what: every governed table, every operation, and what refuses it.

Each cell has two outcomes: for writes that bypass the verbs, and for those that forge an audit entry as well. A pattern
is the message of the refusal. `Open` names the verb that decides whether a person may: the database accepts the fact,
because it has no effect yet (a draft, a comment, a stored override that no version contains) or goes towards neutral.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.db.models import Model

from overrides.models import (
    ArmOutcome,
    Challenge,
    EarnedDay,
    GuardDay,
    HoldbackDay,
    IdleOverride,
    KeyUse,
    LineUse,
    ModuleGuard,
    Monitor,
    MonitorDay,
    MonitorTrade,
    Scorecard,
    ServingConfirmation,
    UseCounted,
    ValueUse,
    WhatIf,
)
from telemetry.models import AuditEntry


class Open(str):
    """The verb that gates the write."""


AUDIT = "without an audit entry"
KEPT = "is append-only: (UPDATE|DELETE) refused"
PRIVILEGE = "permission denied for table"
CLOSES = "is immutable: only (to_version|revoked_at|lifted_at) is set, once and later"
REPLAYED = "was applied in another transaction"
LINES = "its lines change only with its edition"
EVIDENCE = "its evidence is written only with its edition"
READ = "what reviewers read is not changed under them"
COUNTED = "a change counts the revision up by one"
STORED = Open("publish.store_override: content that no version names")

Cell = tuple[str, str]  # bypassing the verbs; with a forged audit entry too


def both(outcome: str) -> Cell:
    return outcome, outcome


@dataclass(frozen=True)
class Row:
    """One table. `close` sets the column that ends or lowers a row; `role` is what the processes' role may try."""

    insert: Cell
    update: Cell
    delete: Cell
    role: str
    close: Cell | None = None

    def cell(self, operation: str) -> Cell | None:
        found: Cell | None = getattr(self, operation)
        return found


TABLE: dict[str, Row] = {
    "Line": Row(both(STORED), both(KEPT), both(KEPT), "insert"),
    "Override": Row(both(STORED), both(KEPT), both(KEPT), "insert"),
    "ParameterSet": Row(both(STORED), both(KEPT), both(KEPT), "insert"),
    "ChangeRequest": Row(
        insert=(AUDIT, Open("draft.draft_request")),
        update=both(READ),
        close=(AUDIT, Open("review.cancel")),
        delete=both(f"{KEPT}|{LINES}"),  # Django tries its lines first
        role="insert update close",
    ),
    "ChangeLine": Row(
        insert=both(LINES),
        update=both(LINES),
        delete=both(LINES),
        role="insert delete",
    ),
    "RequestEvidence": Row(both(EVIDENCE), both(KEPT), both(KEPT), "insert"),
    "Vote": Row((AUDIT, Open("review.approve: never one's own")), both(KEPT), both(KEPT), "insert"),
    "Comment": Row((AUDIT, Open("review.comment")), both(KEPT), both(KEPT), "insert"),
    "HoldbackSecret": Row(both("there_is_one_holdback_secret"), both(KEPT), both(KEPT), "insert"),
    "ArmPosition": Row(
        insert=both("no mode explores this position"),
        update=both(KEPT),
        delete=both(KEPT),
        role="insert",
    ),
    "Version": Row(
        insert=(AUDIT, "is not applied, or of another kind"),
        update=both("is immutable; another one replaces it"),
        close=both("was taken out of force without another in its place"),
        delete=both(KEPT),
        role="insert close",
    ),
    "Membership": Row(
        insert=both("is opened or closed only by the version that does it"),
        update=both(CLOSES),
        close=both("is opened or closed only by the version that does it"),
        delete=both(KEPT),
        role="insert close",
    ),
    "ModulePolicy": Row(
        insert=(f"{AUDIT}|{REPLAYED}", REPLAYED),
        update=both("is immutable; another one replaces it"),
        close=both("is immutable; another one replaces it"),
        delete=both(KEPT),
        role="insert close",
    ),
    "Mandate": Row(
        insert=(AUDIT, REPLAYED),
        update=both(CLOSES),
        close=(AUDIT, Open("neutralize.retire_lines")),
        delete=both(KEPT),
        role="insert close",
    ),
    "MandateRenewal": Row(both("is not due for renewal"), both(KEPT), both(KEPT), "insert"),
    "LineHold": Row(
        insert=(AUDIT, "a veto takes it out of force in the same transaction"),
        update=both(CLOSES),
        close=(AUDIT, Open("neutralize.lift_hold")),
        delete=both(KEPT),
        role="insert close",
    ),
    "Quarantine": Row(
        insert=(AUDIT, Open("neutralize.quarantine_builder")),
        update=both(CLOSES),
        close=(AUDIT, Open("neutralize.lift_quarantine")),
        delete=both(KEPT),
        role="insert close",
    ),
    "ModuleMode": Row(
        insert=both("going away from neutral takes an applied request"),
        update=both(COUNTED),
        close=both(COUNTED),
        delete=both(KEPT),
        role="insert update close",
    ),
    "WeeklyReport": Row(
        insert=(AUDIT, Open("weekly_reports.keep_report: states what happened, decides nothing")),
        update=both(KEPT),
        delete=both(KEPT),
        role="insert",
    ),
    "AuditEntry": Row(
        insert=both(Open("audit.write_audit: numbered, linked and hashed by the database")),
        update=both(KEPT),
        delete=both(KEPT),
        role="insert",
    ),
}


UNGOVERNED = (
    ArmOutcome, Challenge, EarnedDay, GuardDay, HoldbackDay, IdleOverride, KeyUse, LineUse, ModuleGuard, Monitor,
    MonitorDay, MonitorTrade, Scorecard, ServingConfirmation, UseCounted, ValueUse, WhatIf,
)  # fmt: skip


def governed() -> Iterable[type[Model]]:
    """Return every model of the governed state, and the audit log.

    What monitors and scorecards count, what was earned or lost, and what requests met grants nothing: what monitors do
    because of it is a request. A what-if, a comparison, a report of what a process serves and the mark of an override
    that is not in force are excluded too, as nothing is decided by their rows.
    """
    return [
        *(each for each in apps.get_app_config("overrides").get_models() if each not in UNGOVERNED),
        AuditEntry,
    ]


MODELS = {model.__name__: model for model in governed()}
