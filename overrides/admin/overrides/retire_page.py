"""Retire overrides, one from its page or those selected in the list, after showing the effect on exposure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from overrides.admin.immediate_actions import RETIRE, act_page, perform, refuse_others
from overrides.admin.request_form import ReasonForm
from overrides.models import Line, Membership, Override
from overrides.requests.emergency import retire_lines
from overrides.requests.impact.effects_at_once import effect_of_retiring, shown
from telemetry.foundation.admin.read_only import FactAdmin, person


def retire_selected(model_admin: FactAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
    """Action of the list: lead to the page that asks; the button of that page retires the lines."""
    found = list(queryset.filter(is_in_force=True).order_by("line__pattern_key", "id"))
    return retire_page(model_admin, request, found, reverse("admin:overrides_override_changelist"), is_ticked=True)


def retire_page(
    model_admin: FactAdmin, request: HttpRequest, overrides: Sequence[Override], way_back: str, is_ticked: bool = False
) -> HttpResponse:
    """Return the page that asks for a reason; on submission retire the lines and redirect."""
    refuse_others(request, model_admin, None, RETIRE)
    modules = {each.line.module for each in overrides}
    if len(modules) != 1:
        message = "None of them is in force" if not modules else "They are of several modules: tick those of one"
        messages.error(request, message)
        return HttpResponseRedirect(way_back)
    module = modules.pop()
    form = ReasonForm(request.POST if "decide" in request.POST else None)

    def take(at: datetime) -> str:
        lines = [each.line_id for each in overrides]
        by, reason = person(request), form.cleaned_data["reason"]
        request_made = retire_lines(module=module, lines=lines, by=by, reason=reason, at=at)
        return f"{request_made}: done; somebody else acknowledges it"

    response = perform(request, form, way_back, take) if form.is_valid() else None
    if response is not None:
        return response
    ticked = [(ACTION_CHECKBOX_NAME, each.pk) for each in overrides]
    about = {
        "title": f"Retire {len(overrides)} line{'' if len(overrides) == 1 else 's'}",
        "module": module,
        "retired": overrides,
        "ticked": [("action", "retire"), *ticked] if is_ticked else [],
        **_effect([each.line for each in overrides]),
    }
    return act_page(model_admin, request, RETIRE, form, about, way_back)


def veto_effect(line: Line) -> dict[str, Any]:
    """Return the effect of a veto, which retires what is in force on the line."""
    if not Membership.objects.filter(line=line, to_version=None).exists():
        return {"effect_words": "none: the line is not in force"}
    return _effect([line])


def _effect(lines: Sequence[Line]) -> dict[str, Any]:
    return shown(lambda: effect_of_retiring(lines, datetime.now(UTC)))
