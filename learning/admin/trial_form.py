"""The form that drafts a challenger trial: a learning method and combiner for each channel, and a reason."""

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

from learning.models import BuilderRun
from learning.proposals.challenger_trial import Choice, draft_trial
from overrides.admin.request_form import ReasonForm
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import PAIRS, Channel, Combiner, LearningMethod
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.permissions import DRAFT
from overrides.versions.load_version import current_parameters
from telemetry.foundation.admin.read_only import person
from telemetry.models import MODULES


class TrialForm(ReasonForm):
    """A field for each channel of the module, initially as it is live."""

    def __init__(self, current: ModuleParameters, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self._channels = list(current.channels)
        for channel, each in current.channels.items():
            pairs = [(policy, name) for (of, policy), names in PAIRS.items() if of is channel for name in names]
            self.fields[channel.value] = forms.ChoiceField(
                label=f"{channel.value}: method and combiner",
                choices=[(f"{policy}/{name}", f"{policy}, combined by {name}") for policy, name in pairs],
                initial=f"{each.policy}/{each.combiner}",
            )
        self.order_fields([*(channel.value for channel in self._channels), "reason"])

    @property
    def choices(self) -> dict[Channel, Choice]:
        """The chosen learning method and combiner of each channel."""
        chosen = {channel: self.cleaned_data[channel.value].split("/") for channel in self._channels}
        return {channel: (LearningMethod(policy), Combiner(name)) for channel, (policy, name) in chosen.items()}


def trial_page(request: HttpRequest, module: str) -> HttpResponse:
    """Show the form; POST drafts the trial, which others approve."""
    if module not in dict(MODULES):
        raise Http404(f"there is no module {module}")
    if not request.user.has_perm("learning.view_builderrun") or not request.user.has_perm(DRAFT):
        raise PermissionDenied
    form = TrialForm(current_parameters(module), request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            drafted = draft_trial(
                module=module,
                choices=form.choices,
                author=person(request),
                reason=form.cleaned_data["reason"],
                at=datetime.now(UTC),
            )
        except GovernanceError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"Request {drafted.pk} is drafted and waits for a reviewer")
            return HttpResponseRedirect(reverse("admin:overrides_changerequest_change", args=[drafted.pk]))
    context = admin.site.each_context(request) | {
        "title": f"Try another method beside the live one: {module}",
        "opts": BuilderRun._meta,
        "form": form,
        "module": module,
        "way_back": reverse("admin:overrides_modulemode_change", args=[module]),
    }
    return TemplateResponse(request, "learning/proposals/challenger_trial.html", context)
