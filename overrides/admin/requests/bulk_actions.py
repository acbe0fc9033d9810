"""Many at once: the ticked rows of a list, a page that says what would happen and asks why, one outcome for each."""

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
from overrides.admin.requests.steps import PROVEN, STEPS, StepInput, StepPage
from overrides.models import ChangeRequest
from overrides.requests.review import BulkOutcome, decide_many
from telemetry.foundation.admin.read_only import FactAdmin, person
from telemetry.foundation.admin.reauthentication import is_proof_due, missing_proof

MOST = 200  # requests decided with one press
TOGETHER = ("approve", "reject", "cancel")


class Together(ReasonForm):
    """Why; needed only where the step needs a reason."""

    def __init__(self, step: StepPage, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.fields["reason"].required = step.needs_reason


def actions() -> dict[str, tuple[Callable[..., HttpResponse | None], str, str]]:
    """Django's table of the actions of a list: name -> function, name, description."""
    return {name: (_action(STEPS[name]), name, f"{STEPS[name].label} the ticked requests…") for name in TOGETHER}


def _action(step: StepPage) -> Callable[..., HttpResponse | None]:
    def act(model_admin: FactAdmin, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> HttpResponse:
        return decide_together(model_admin, request, queryset, step)

    return act


def decide_together(
    model_admin: FactAdmin, request: HttpRequest, queryset: QuerySet[ChangeRequest], step: StepPage
) -> HttpResponse:
    """The page that asks; with its own button pressed, the one that tells what became of each."""
    if not request.user.has_perm(step.permission):
        raise PermissionDenied
    rows = list(queryset.order_by("created_at", "id")[:MOST])
    now, is_pressed = datetime.now(UTC), "decide" in request.POST
    form = Together(step, request.POST if is_pressed else None)
    asks_password = step.name in PROVEN and is_proof_due(request, now)
    missing = missing_proof(request, now) if asks_password and is_pressed else ""
    is_decided = is_pressed and not missing and form.is_valid()
    outcomes = _outcomes(rows, step, person(request), form, now) if is_decided else None
    context = model_admin.admin_site.each_context(request) | {
        "title": f"{step.label} {len(rows)} request{'' if len(rows) == 1 else 's'}",
        "opts": model_admin.opts,
        "step": step,
        "rows": rows,
        "outcomes": outcomes,
        "form": form,
        "box": ACTION_CHECKBOX_NAME,
        "asks_password": asks_password,
        "missing_proof": missing,
    }
    return TemplateResponse(request, "overrides/requests/bulk_action.html", context)


def _outcomes(
    rows: list[ChangeRequest], step: StepPage, by: User, form: Together, at: datetime
) -> list[tuple[ChangeRequest, BulkOutcome]]:
    given = StepInput(form.cleaned_data["reason"])
    found = decide_many([row.pk for row in rows], lambda number: step.take(number, by, given, at))
    return list(zip(rows, found, strict=True))
