"""Actions on a line that take effect at once (veto, pin, retire), each with a page that says what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from overrides.admin.request_form import ReasonForm
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.permissions import LOWER, REVIEW
from overrides.models import LineHold
from telemetry.foundation.admin.site import ModelAdmin


class HoldForm(ReasonForm):
    """Asks for the reason and the end of a veto or a pin."""

    expires_at = forms.DateTimeField(
        label="Until, in UTC",
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="empty: until somebody lifts it",
    )
    field_order = ("expires_at", "reason")


@dataclass(frozen=True)
class Act:
    """One immediate action, as its page shows it."""

    name: str
    label: str
    permission: str
    effect: str
    button: str = ""


VETO = Act(
    "veto", "Veto", LOWER, "it is never served until the veto ends; what stands on it is retired at once", "reject"
)
PIN = Act("pin", "Pin", REVIEW, "no machine may change it until the pin ends; people may, through a request")
RETIRE = Act(
    "retire",
    "Retire",
    LOWER,
    "what is retired leaves the version in force at once, and its levers go back to neutral",
    "reject",
)
EVERYTHING_OFF = Act("off", "Everything off", LOWER, "every bot gets neutral levers from every module", "reject")
LIFT = Act("lift", "Lift", REVIEW, "nothing comes back into force by it: that takes a request")


def refuse_others(request: HttpRequest, model_admin: ModelAdmin, row: Model | None, act: Act) -> None:
    """Raise PermissionDenied unless the user may view the row and perform the action."""
    if not model_admin.has_view_permission(request, row) or not request.user.has_perm(act.permission):
        raise PermissionDenied


def act_page(
    model_admin: ModelAdmin, request: HttpRequest, act: Act, form: ReasonForm, about: Mapping[str, Any], way_back: str
) -> HttpResponse:
    """Return the page that says what the action does and asks for a reason."""
    context = admin.site.each_context(request) | {
        "opts": model_admin.opts,
        "act": act,
        "form": form,
        "way_back": way_back,
        **about,
    }
    return TemplateResponse(request, "overrides/shared/immediate_action.html", context)


def perform(request: HttpRequest, form: ReasonForm, way_back: str, take: Any) -> HttpResponse | None:
    """Perform the action and redirect back; None if it was refused, in which case the form shows why.

    `take` receives the time and returns the message of success; it may raise GateError.
    """
    try:
        message = take(datetime.now(UTC))
    except GovernanceError as refusal:
        form.refuse(refusal)
        return None
    messages.success(request, message)
    return HttpResponseRedirect(way_back)


def holds_on(line_id: str, at: datetime) -> list[LineHold]:
    """Return the vetoes and pins that are in effect on a line."""
    holds = LineHold.objects.filter(LineHold.is_live(at), line=line_id)
    return list(holds.select_related("placed_by").order_by("placed_at"))


def may_act(request: HttpRequest) -> dict[str, bool]:
    """Return which of the action buttons the user gets."""
    return {"may_lower": request.user.has_perm(LOWER), "may_hold": request.user.has_perm(REVIEW)}
