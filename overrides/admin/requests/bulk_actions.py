"""Decide several requests at once: the selected rows of the list, a page that asks first, and one outcome for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from overrides.admin.request_form import ReasonForm
from overrides.admin.requests.steps import PROOF_STEPS, STEPS, StepInput, StepPage
from overrides.models import ChangeRequest
from overrides.requests.review import BulkOutcome, decide_many
from telemetry.foundation.admin.read_only import FactAdmin, person
from telemetry.foundation.admin.reauthentication import is_proof_due, missing_proof

MOST = 200  # requests that can be decided at once
SEEN = "seen"  # fields that name the content the page showed
BULK_STEPS = ("approve", "reject", "cancel", "renew")


class BulkForm(ReasonForm):
    """Asks for a reason, which is required only if the step needs one."""

    def __init__(self, step: StepPage, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.fields["reason"].required = step.needs_reason


def actions() -> dict[str, tuple[Callable[..., HttpResponse | None], str, str]]:
    """Return the actions of the list as Django expects them: name -> (function, name, description)."""
    return {name: (_action(STEPS[name]), name, f"{STEPS[name].label} the ticked requests…") for name in BULK_STEPS}


def _action(step: StepPage) -> Callable[..., HttpResponse | None]:
    def act(model_admin: FactAdmin, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> HttpResponse:
        return decide_bulk(model_admin, request, queryset, step)

    return act


def decide_bulk(
    model_admin: FactAdmin, request: HttpRequest, queryset: QuerySet[ChangeRequest], step: StepPage
) -> HttpResponse:
    """Return the page that asks, or after its button was pressed the one with the outcome for each request."""
    if not request.user.has_perm(step.permission):
        raise PermissionDenied
    rows = list(queryset.order_by("created_at", "id")[:MOST])
    now, is_pressed = datetime.now(UTC), "decide" in request.POST
    form = BulkForm(step, request.POST if is_pressed else None)
    needs_password = step.name in PROOF_STEPS and is_proof_due(request, now)
    missing = missing_proof(request, now) if needs_password and is_pressed else ""
    is_decided = is_pressed and not missing and form.is_valid()
    reason, hashes = form.cleaned_data["reason"] if is_decided else "", _shown_hashes(request)
    inputs = {row.pk: StepInput(reason, expected_hash=hashes.get(row.pk, "")) for row in rows}
    outcomes = _outcomes(rows, step, person(request), inputs, now) if is_decided else None
    context = model_admin.admin_site.each_context(request) | {
        "title": f"{step.label} {len(rows)} request{'' if len(rows) == 1 else 's'}",
        "opts": model_admin.opts,
        "step": step,
        "rows": rows,
        "outcomes": outcomes,
        "form": form,
        "box": ACTION_CHECKBOX_NAME,
        "seen": SEEN,
        "asks_password": needs_password,
        "missing_proof": missing,
    }
    return TemplateResponse(request, "overrides/requests/bulk_action.html", context)


def _outcomes(
    rows: list[ChangeRequest], step: StepPage, by: User, inputs: Mapping[int, StepInput], at: datetime
) -> list[tuple[ChangeRequest, BulkOutcome]]:
    outcomes = decide_many([row.pk for row in rows], lambda number: step.take(number, by, inputs[number], at))
    return list(zip(rows, outcomes, strict=True))


def _shown_hashes(request: HttpRequest) -> dict[int, str]:
    """Return the hash of each request's content as the page showed it, from fields of the form `number:hash`."""
    pairs = (each.partition(":") for each in request.POST.getlist(SEEN))
    return {int(number): shown for number, _, shown in pairs if number.isdecimal()}
