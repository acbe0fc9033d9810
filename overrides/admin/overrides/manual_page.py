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
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.governance.errors import GovernanceError, VersionAltered
from overrides.core.governance.gates import blockers
from overrides.core.governance.overlaps import Pull
from overrides.core.impact.weight_breakdown import weigh
from overrides.models import ChangeRequest, WhatIf
from overrides.requests.gates import foreseen
from overrides.requests.impact.effects_at_once import compare_bringing
from overrides.requests.impact.what_if import EFFECT_DECISIONS
from overrides.requests.manual_entry import draft_by_hand
from overrides.requests.opposing_lines import opposing
from overrides.versions.load_version import InForce, read_in_force
from telemetry.foundation.admin.read_only import FactAdmin, person
from telemetry.foundation.core.refusal import Refused


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
        channel = parameters.channels[form.spec.channel] if form.spec.channel else None
        said = foreseen(form.spec, parameters, at)
        preview = {
            "weighing": weigh(form.spec, channel.weights, at) if channel else None,
            "is_weighed": channel is not None and channel.combiner is Combiner.PLAN,
            "gates": said,
            "is_blocked": bool(blockers(said)),
            "opposing": opposing(Pull.of(form.spec)),
            **_compared(form, form.spec, standing, at),
        }
    context = model_admin.admin_site.each_context(request) | {
        "title": f"Manual override of {module}",
        "opts": model_admin.opts,
        "form": form,
        "way_back": reverse("admin:overrides_override_changelist"),
        **preview,
    }
    return TemplateResponse(request, "overrides/overrides/manual.html", context)


def _compared(form: ManualForm, spec: OverrideSpec, held: InForce, at: datetime) -> dict[str, Any]:
    """Return the effect of the override, computed within the request: the figure that its request will show."""
    try:
        document, estimate = compare_bringing(spec, held, at)
    except (Refused, VersionAltered) as refused:
        form.add_error(None, str(refused))
        return {}
    done = WhatIf.Status.DONE
    row = WhatIf(n=EFFECT_DECISIONS, version=held.number, status=done, document=document, as_of=estimate.as_of)
    return {"row": row, "pictures": histograms(document), "estimate": estimate}


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
