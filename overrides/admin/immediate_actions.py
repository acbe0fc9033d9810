"""Actions on a line that take effect at once (veto, pin, cap, retire), each with a page that says what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from overrides.admin.request_form import ReasonForm
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.permissions import LOWER, REVIEW
from overrides.models import ChangeLine, ChangeRequest, HoldKind, Line, LineHold, Mandate, Membership
from telemetry.foundation.admin.site import ModelAdmin
from telemetry.foundation.core.words import moment_of


class HoldForm(ReasonForm):
    """Asks for the reason and the end of a veto, a pin or a cap."""

    expires_at = forms.DateTimeField(
        label="Until, in UTC",
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="empty: until somebody lifts it",
    )
    field_order: Sequence[str] = ("expires_at", "reason")


@dataclass(frozen=True)
class Act:
    """One immediate action, as its page shows it."""

    name: str
    label: str
    permission: str
    effect: str
    button: str = ""


VETO = Act("veto", "Veto", LOWER, "it is not served until the veto ends", "reject")
PIN = Act("pin", "Pin", REVIEW, "no machine may change it until the pin ends; people may, through a request")
CAP = Act("cap", "Cap", REVIEW, "machines may move it no farther from neutral than the cap, until the cap ends")
RETIRE = Act(
    "retire",
    "Retire",
    LOWER,
    "what is retired leaves the version in force at once, and its levers go back to neutral",
    "reject",
)
EVERYTHING_OFF = Act("off", "Everything off", LOWER, "every bot gets neutral levers from every module", "reject")
LIFT = Act("lift", "Lift", REVIEW, "nothing comes back into force by it; that takes a request")


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
    """Return the vetoes, pins and caps that are in effect on a line."""
    holds = LineHold.objects.filter(LineHold.is_live(at), line=line_id)
    return list(holds.select_related("placed_by").order_by("placed_at"))


def mandates_on(lines: Iterable[str], at: datetime) -> QuerySet[Mandate]:
    """Return the mandates on these lines that are neither revoked nor overdue."""
    return Mandate.objects.filter(line_id__in=list(lines), revoked_at=None, review_by__gt=at)


def hold_consequences(act: str, line: Line, at: datetime) -> list[str]:
    """Return what placing a hold by this act does to the line now, in sentences."""
    in_force = Membership.objects.filter(line=line, to_version=None).select_related("override").first()
    targets = ", ".join(f"{name} {value:.4g}" for name, value in in_force.override.levers.items()) if in_force else ""
    mandate = mandates_on([line.pk], at).first()
    named = f"Mandate {mandate.pk}, which runs until {moment_of(mandate.review_by)}," if mandate else ""
    said = [f"In force on it now: {targets}." if in_force else "Nothing is in force on it now."]
    if act == VETO.name:
        said += (
            ["It is retired at once, in a new version, and a reviewer looks at that afterwards."] if in_force else []
        )
        said += [f"{named} ends with it."] if in_force and mandate else []
        said.append("No request, by a machine or a person, can put the line into force until the veto ends.")
    elif act == PIN.name:
        said += ["It stays in force as it is, and its weight fades with age."] if in_force else []
        said += [f"{named} allows nothing meanwhile, not even a withdrawal."] if mandate else []
        said.append("Machines do not propose the line, and their open requests that change it cannot be approved.")
    else:
        said += [f"{named} allows nothing beyond the cap."] if mandate else []
        said.append("Machines propose the line with targets within the cap; people may go farther, through a request.")
    return [*said, *_open_requests(line)]


def lift_consequences(hold: LineHold, at: datetime) -> list[str]:
    """Return what lifting a hold does, in sentences."""
    return LIFTED[HoldKind(hold.kind)](mandates_on([hold.line_id], at).first())


def _veto_lifted(mandate: Mandate | None) -> list[str]:
    return ["What the veto retired stays retired. The next daily draft or a person may propose it again."]


def _pin_lifted(mandate: Mandate | None) -> list[str]:
    return ["The next daily draft may propose the line again.", *_acts_again(mandate, "what it covers")]


def _cap_lifted(mandate: Mandate | None) -> list[str]:
    return ["The next daily draft may propose the line without the cap.", *_acts_again(mandate, "its whole range")]


def _acts_again(mandate: Mandate | None, what: str) -> list[str]:
    """Return what the mandate on the line lets the builder do again."""
    if mandate is None:
        return []
    return [f"Mandate {mandate.pk} lets the builder publish {what} again within the hour, without a person."]


LIFTED: Mapping[HoldKind, Callable[[Mandate | None], list[str]]] = {
    HoldKind.VETO: _veto_lifted,
    HoldKind.PIN: _pin_lifted,
    HoldKind.CAP: _cap_lifted,
}


def _open_requests(line: Line) -> list[str]:
    """Return a sentence with the open requests that change the line."""
    changing = ChangeLine.objects.filter(line=line, request__state__in=ChangeRequest.OPEN)
    numbers = sorted(changing.values_list("request", flat=True))
    if not numbers:
        return []
    return [f"Open requests that change it: {', '.join(map(str, numbers))}."]


def may_act(request: HttpRequest) -> dict[str, bool]:
    """Return which of the action buttons the user gets."""
    return {"may_lower": request.user.has_perm(LOWER), "may_hold": request.user.has_perm(REVIEW)}
