"""Alarms on the first page: what a nightly check found, what to do about it, and the page to acknowledge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from overrides.admin.request_form import ReasonForm
from overrides.core.governance.permissions import REVIEW
from telemetry.audit.alarms import (
    CHECKS,
    EVIDENCE,
    REPLAY,
    VERIFY_AUDIT,
    Alarm,
    NothingToAcknowledge,
    acknowledge_alarm,
    alarm_of,
    alarms,
)
from telemetry.foundation.admin.read_only import person
from telemetry.foundation.admin.reauthentication import is_proof_due, missing_proof

SEES = "telemetry.view_auditentry"


@dataclass(frozen=True)
class Meaning:
    """The meaning of an alarm in words, and what to do first."""

    title: str
    advice: str


MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        VERIFY_AUDIT: Meaning(
            "The audit trail does not verify",
            "Somebody who can write the database past its rules may have changed what is in force, or an older backup "
            "was restored. Copy the database and the file of heads before anything else, compare the rows named here "
            "with the last evidence pack or backup, and switch everything off where you cannot tell what was approved. "
            "./dev manage verify_audit names every row; the alarm ends once it finds nothing.",
        ),
        REPLAY: Meaning(
            "What was served is not what is stored",
            "Decisions or stored content computed again differ from what they were. Compare the rows named here with "
            "the last backup, and switch the module off where a version in force is among them. ./dev manage replay "
            "names every difference; the alarm ends once the nightly check finds nothing. While there is none, that "
            "check covers what is in force and what is new every night, and each other override once in 32 nights.",
        ),
        EVIDENCE: Meaning(
            "The builder published evidence that it did not find",
            "Overrides went into force under mandates with trades or an edge that no run of the builder found, so "
            "something other than the builder may have published them. Quarantine the builder of the module, retire "
            "the lines named here, and build the lessons again; the alarm ends two days after the last such request.",
        ),
    }
)


@dataclass(frozen=True)
class Shown:
    """An alarm, as the first page shows it."""

    alarm: Alarm
    meaning: Meaning
    raised_at: datetime | None


def shown_alarms() -> list[Shown]:
    """Return the current alarms, unacknowledged ones first."""
    return [_shown(alarm) for alarm in alarms()]


def acknowledge_page(request: HttpRequest, check: str) -> HttpResponse:
    """Ask for a reason, and acknowledge an alarm with it."""
    if not request.user.has_perms((SEES, REVIEW)):
        raise PermissionDenied
    alarm = alarm_of(check) if check in CHECKS else None
    if alarm is None or alarm.is_acknowledged:
        raise Http404(f"no alarm of {check} waits to be acknowledged")
    now = datetime.now(UTC)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    missing = missing_proof(request, now) if request.method == "POST" else ""
    if form.is_valid() and not missing:
        try:
            acknowledge_alarm(
                check,
                digest=request.POST.get("digest", ""),
                by=person(request).get_username(),
                reason=form.cleaned_data["reason"],
                at=now,
            )
        except NothingToAcknowledge as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Acknowledged, with your reason in the audit trail")
            return HttpResponseRedirect(reverse("admin:index"))
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Acknowledge an alarm",
        "shown": _shown(alarm),
        "form": form,
        "asks_password": is_proof_due(request, now),
        "missing_proof": missing,
    }
    return TemplateResponse(request, "desk/acknowledge_alarm.html", context)


def _shown(alarm: Alarm) -> Shown:
    try:
        raised_at = datetime.fromisoformat(alarm.raised_at)
    except ValueError:  # of an entry that this system did not write
        raised_at = None
    return Shown(alarm, MEANINGS[alarm.check], raised_at)
