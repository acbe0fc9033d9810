"""The page of a manual override: previewed against recent decisions, then drafted as a change request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from overrides.admin.charts.impact_histogram import histograms
from overrides.admin.overrides.manual_form import ManualForm
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.gates import blockers
from overrides.core.governance.overlaps import Pull
from overrides.core.impact.weight_breakdown import weigh
from overrides.models import ChangeRequest, WhatIf
from overrides.requests.gates import foreseen
from overrides.requests.impact.what_if import compare
from overrides.requests.kinds.kind import Proposed
from overrides.requests.manual_entry import draft_by_hand
from overrides.requests.opposing_lines import opposing
from overrides.versions.load_version import read_in_force
from telemetry.foundation.admin.read_only import FactAdmin, person
from telemetry.foundation.core.refusal import Refused

PREVIEWED = 2000  # decisions


def manual_page(model_admin: FactAdmin, request: HttpRequest, module: str) -> HttpResponse:
    """Return the form; with a preview once it is valid, or the drafted request if its button was pressed."""
    at = datetime.now(UTC)
    standing = read_in_force(module)
    parameters = standing.parameters
    form = ManualForm(parameters, request.POST if request.method == "POST" else None, at)
    preview: dict[str, Any] = {}
    if form.is_valid() and form.spec is not None:
        if "draft" in request.POST and (response := _drafted(request, form, form.spec, at)):
            return response
        weighing = weigh(form.spec, parameters.channels[form.spec.channel].weights, at) if form.spec.channel else None
        said = foreseen(form.spec, parameters, at)
        against = opposing(Pull.of(form.spec))
        preview = {"weighing": weighing, "gates": said, "is_blocked": bool(blockers(said)), "opposing": against}
        preview |= _compared(form, form.spec, standing.number, at)
    context = model_admin.admin_site.each_context(request) | {
        "title": f"An override of {module} by hand",
        "opts": model_admin.opts,
        "form": form,
        "way_back": reverse("admin:overrides_override_changelist"),
        **preview,
    }
    return TemplateResponse(request, "overrides/overrides/manual.html", context)


def _compared(form: ManualForm, spec: OverrideSpec, version: int | None, at: datetime) -> dict[str, Any]:
    """Return what the override would do to the newest decisions, computed within the request."""
    try:
        document = compare(Proposed(spec.module, bring=[spec]), n=PREVIEWED)
    except Refused as refused:
        form.add_error(None, str(refused))
        return {}
    row = WhatIf(n=PREVIEWED, version=version, status=WhatIf.Status.DONE, document=document, asked_at=at, seen_at=at)
    return {"row": row, "pictures": histograms(document)}


def _drafted(request: HttpRequest, form: ManualForm, spec: OverrideSpec, at: datetime) -> HttpResponse | None:
    try:
        drafted: ChangeRequest = draft_by_hand(
            spec, by=person(request), at=at, **{name: form.cleaned_data[name] for name in ("reason", "despite")}
        )
    except GovernanceError as refusal:
        form.refuse(refusal)
        return None
    messages.success(request, f"Request {drafted.pk} is drafted and waits for a reviewer")
    return HttpResponseRedirect(reverse("admin:overrides_changerequest_change", args=[drafted.pk]))
