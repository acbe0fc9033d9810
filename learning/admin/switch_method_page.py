"""The page that switches a channel to its other learning method: a preview, and the form that drafts the request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from learning.lessons.candidates import LEARNED_CHANNELS
from learning.models import BuilderRun
from learning.proposals.switch_method import Switch, draft_switch, other_policy, switch_to
from learning.validation.run_evidence import run_evidence
from learning.validation.strength_gate import deciding_strength
from overrides.admin.request_form import ReasonForm
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import PAIRS, Channel, Combiner, LearningMethod
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.evidence_bar import clears_evidence_bar
from overrides.core.governance.permissions import DRAFT
from overrides.versions.load_version import current_parameters
from telemetry.foundation.admin.read_only import person

SHOWN = 12  # number of new lines listed, those with most evidence


class SwitchForm(ReasonForm):
    """The reason of the switch, and a combiner if the method allows several."""

    def __init__(self, combiners: tuple[Combiner, ...], data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        if len(combiners) > 1:
            self.fields["combiner"] = forms.ChoiceField(choices=[(each.value, each.value) for each in combiners])
            self.order_fields(["combiner", "reason"])

    @property
    def combiner(self) -> Combiner | None:
        """The chosen combiner; None if the method allows only one."""
        return Combiner(self.cleaned_data["combiner"]) if "combiner" in self.fields else None


def switch_page(request: HttpRequest, module: str) -> HttpResponse:
    """Show the effect of switching a channel and a form for the reason; POST drafts it.

    The query names the channel, by default the module's learned one.
    """
    if module not in LEARNED_CHANNELS:
        raise Http404(f"there is no module {module}")
    if not request.user.has_perm("learning.view_builderrun") or not request.user.has_perm(DRAFT):
        raise PermissionDenied
    current, at = current_parameters(module), datetime.now(UTC)
    named = request.GET.get("channel", LEARNED_CHANNELS[module].value)
    if named not in current.channels:
        raise Http404(f"{named} is no channel of {module}")
    channel = Channel(named)
    policy = other_policy(current, channel)
    form = SwitchForm(PAIRS[channel, policy], request.POST if request.method == "POST" else None)
    if form.is_valid() and (response := _drafted(request, form, module, channel, policy, at)):
        return response
    context = admin.site.each_context(request) | {
        "title": f"Learning method of {channel}: {current.channels[channel].policy} → {policy}",
        "opts": BuilderRun._meta,
        "form": form,
        "module": module,
        "channel": channel,
        "way_back": reverse("admin:overrides_modulemode_change", args=[module]),
        **_described(module, channel, policy, at),
    }
    return TemplateResponse(request, "learning/proposals/switch_method.html", context)


def _drafted(
    request: HttpRequest, form: SwitchForm, module: str, channel: Channel, policy: LearningMethod, at: datetime
) -> HttpResponse | None:
    """Draft the request and redirect to it; None if it was refused, with the reason in the form."""
    try:
        drafted = draft_switch(
            module=module,
            channel=channel,
            policy=policy,
            combiner=form.combiner,
            author=person(request),
            reason=form.cleaned_data["reason"],
            at=at,
        )
    except GovernanceError as refusal:
        form.refuse(refusal)
        return None
    messages.success(request, f"Request {drafted.pk} is drafted and waits for a reviewer")
    return HttpResponseRedirect(reverse("admin:overrides_changerequest_change", args=[drafted.pk]))


def _described(module: str, channel: Channel, policy: LearningMethod, at: datetime) -> dict[str, Any]:
    """Return the effect of the switch, or why it cannot be requested."""
    try:
        switch = switch_to(module=module, channel=channel, policy=policy, at=at)
    except GovernanceError as refusal:
        return {"obstacle": refusal.message}
    evidence = run_evidence(module, policy, switch.parameters)
    return {
        "switch": switch,
        "run": evidence.run,
        "coming": _heaviest(switch),
        "evidence": evidence,
        "strength": deciding_strength(module, switch.strength),
    }


def _heaviest(switch: Switch) -> list[tuple[OverrideSpec, bool]]:
    """Return the new lines with most evidence, n times the edge squared, and whether each is verified."""
    ranked = sorted(switch.coming.values(), key=lambda spec: -spec.stats.n * spec.stats.edge_raw**2)
    return [(spec, clears_evidence_bar(spec, switch.parameters.evidence)) for spec in ranked[:SHOWN]]
