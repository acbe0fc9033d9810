"""The page on which a reviewer requests changes on a machine's request: wishes line by line, and its next draft."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from overrides.admin.requests.consequences import redraft_consequences
from overrides.admin.requests.wish_form import WishForm, wish_groups, wishes_of
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.gates import blocking
from overrides.core.governance.permissions import LOWER
from overrides.core.governance.request_states import Step
from overrides.core.governance.situation import Attempt
from overrides.models import ChangeRequest
from overrides.requests.gates import gate_person, read_situation
from overrides.requests.learned import drafter_of
from overrides.requests.redraft import Redrafted, redraft
from telemetry.foundation.admin.read_only import FactAdmin, person
from telemetry.foundation.core.words import moment_of


def redraft_page(model_admin: FactAdmin, request: HttpRequest, asked: ChangeRequest, at: datetime) -> HttpResponseBase:
    """Return the form; POST returns the request and leads to its successor, or shows what was refused."""
    who = person(request)
    page = reverse("admin:overrides_changerequest_change", args=[asked.pk])
    read = read_situation(asked, at)
    form = WishForm(at, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            found = redraft(
                request_id=asked.pk,
                by=who,
                wishes=wishes_of(read.changes, request.POST),
                until=form.until_at,
                reason=form.cleaned_data["reason"],
                at=at,
                expected_hash=request.POST.get("seen", ""),
            )
        except GovernanceError as refusal:
            form.refuse(refusal)
        else:
            return _leave(request, found, form.until_at)
    gates = blocking(read.situation, Attempt(Step.REDRAFT, gate_person(who, asked, read.situation), at))
    no_drafter = "" if drafter_of(asked) else f"{asked.author_name} drafts no next request; comment, or reject it"
    context = model_admin.admin_site.each_context(request) | {
        "title": f"Request changes: {asked.title}",
        "opts": model_admin.opts,
        "asked": asked,
        "form": form,
        "groups": wish_groups(read.changes, request.POST, may_veto=who.has_perm(LOWER)),
        "consequences": redraft_consequences(asked, read.changes, at, may_veto=who.has_perm(LOWER)),
        "blocked": "; ".join([f"{gate.message}; {gate.way_past}" for gate in gates] or [no_drafter]),
        "seen": request.POST.get("seen") or request.GET.get("seen") or asked.content_hash,
        "way_back": page,
    }
    return TemplateResponse(request, "overrides/requests/redraft.html", context)


def _leave(request: HttpRequest, found: Redrafted, until: datetime) -> HttpResponseRedirect:
    """Lead to the successor, or back to the returned request if there is none, and say what was done."""
    done, next_one = f"Request {found.request.pk} was returned and is cancelled", found.successor
    if next_one is None:
        messages.success(request, f"{done}. Your wishes leave nothing to propose until {moment_of(until)}")
    else:
        messages.success(request, f"{done}. This is its next draft, request {next_one.pk}")
    shown = found.request if next_one is None else next_one
    return HttpResponseRedirect(reverse("admin:overrides_changerequest_change", args=[shown.pk]))
