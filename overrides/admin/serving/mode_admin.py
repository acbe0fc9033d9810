"""Admin of serving modes: lowering takes effect at once with a reason; every other change drafts a request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from overrides.admin.immediate_actions import EVERYTHING_OFF, act_page, perform, refuse_others
from overrides.admin.request_form import ReasonForm, draft
from overrides.admin.serving.arm_forms import ArmForm, EndArmForm
from overrides.admin.serving.arms_page import arms_page
from overrides.admin.serving.challenger_page import challenger_page
from overrides.admin.serving.mode_forms import CombinerForm, FewerForm, LowerForm, ModeForm, StopForm
from overrides.admin.serving.mode_page import ModuleStatus, mode_page, module_status
from overrides.admin.serving.switching_effect import effects_of_everything_off
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.permissions import DRAFT, LOWER, REVIEW
from overrides.models import ModuleMode
from overrides.requests.emergency import (
    lift_quarantine,
    lower_mode_with_request,
    quarantine_builder,
    switch_everything_off,
)
from telemetry.foundation.admin.read_only import FactAdmin, person
from telemetry.models import MODULES

REQUEST_FORMS: dict[str, type[ModeForm | CombinerForm | ArmForm]] = {
    "mode": ModeForm, "combiner": CombinerForm, "arms": ArmForm
}  # fmt: skip
BUILDER: dict[str, tuple[str, Callable[..., object], str]] = {
    "quarantine": (LOWER, quarantine_builder, "is in quarantine: it publishes nothing by itself"),
    "lift_quarantine": (REVIEW, lift_quarantine, "is out of quarantine"),
}
LOWERING_FORMS: dict[str, type[LowerForm | FewerForm | StopForm | EndArmForm]] = {
    "lower": LowerForm, "fewer": FewerForm, "stop_challenger": StopForm, "end_arm": EndArmForm
}  # fmt: skip
FOLLOWS = "Processes follow within about a second, local clients within five; this page lists who has not confirmed it."
LOWERED = ("to", "rollout_percent", "stop_challenger", "end_arm")


@admin.register(ModuleMode)
class ModuleModeAdmin(FactAdmin):
    """A page for every module, including modules without a row, which are off."""

    def get_urls(self) -> list[URLPattern]:
        lowering = [self._url(f"<str:module>/{name}/", self.lower, name) for name in LOWERING_FORMS]
        requests = [self._url(f"<str:module>/ask/{name}/", self.request_change, name) for name in REQUEST_FORMS]
        builder = [self._url(f"<str:module>/{name}/", self.builder, name) for name in BUILDER]
        off = path("everything-off/", self.admin_site.admin_view(self.everything_off), name="overrides_everything_off")
        compare = self.admin_site.admin_view(challenger_page)
        against = path("<str:module>/challenger/", compare, name="overrides_modulemode_challenger")
        explored = path(
            "<str:module>/arms/", self.admin_site.admin_view(arms_page), name="overrides_modulemode_arms_shown"
        )
        return [off, against, explored, *lowering, *requests, *builder, *super().get_urls()]

    def _url(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        acts = require_POST(self.admin_site.admin_view(view))
        return path(route, acts, {"name": name}, name=f"overrides_modulemode_{name}")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """List one row per module; the admin's own list would leave out modules without a row."""
        self._require_view_permission(request)
        context = self.admin_site.each_context(request) | {
            "title": "Module modes",
            "opts": self.opts,
            "modules": [module_status(module) for module, _ in MODULES],
        }
        return TemplateResponse(request, "overrides/serving/modes.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return self._page(request, self._status(request, object_id))

    def lower(self, request: HttpRequest, module: str, name: str) -> HttpResponseBase:
        """Lower the module's mode at once."""
        status = self._permitted_status(request, module, LOWER)
        form = LOWERING_FORMS[name](request.POST, auto_id=f"{name}_%s")
        if form.is_valid():
            lowered = {key: form.cleaned_data[key] for key in LOWERED if key in form.fields}
            try:
                row = lower_mode_with_request(
                    module=module,
                    by=person(request),
                    reason=form.cleaned_data["reason"],
                    at=datetime.now(UTC),
                    **lowered,
                )
            except GovernanceError as refusal:
                form.refuse(refusal)
            else:
                self.message_user(request, f"{_now_serves(row)} {FOLLOWS}", messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:overrides_modulemode_change", args=[module]))
        return self._page(request, status, **{name: form})

    def request_change(self, request: HttpRequest, module: str, name: str) -> HttpResponseBase:
        """Draft the request that the form describes; somebody else decides on it."""
        status = self._permitted_status(request, module, DRAFT)
        form = REQUEST_FORMS[name](status, request.POST)
        response = draft(request, module, form, form.proposed_request) if form.is_valid() else None
        return response or self._page(request, status, **{name: form})

    def builder(self, request: HttpRequest, module: str, name: str) -> HttpResponseBase:
        """Put the module's builder in quarantine, or lift the quarantine."""
        permission, verb, outcome = BUILDER[name]
        status = self._permitted_status(request, module, permission)
        form = ReasonForm(request.POST, auto_id=f"{name}_%s")
        if form.is_valid():
            try:
                verb(module=module, by=person(request), reason=form.cleaned_data["reason"], at=datetime.now(UTC))
            except GovernanceError as refusal:
                form.refuse(refusal)
            else:
                self.message_user(request, f"The builder of {module} {outcome}", messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:overrides_modulemode_change", args=[module]))
        return self._page(request, status, **{name: form})

    def everything_off(self, request: HttpRequest) -> HttpResponseBase:
        """The master switch: turn every module off at once; GET shows the page that asks for a reason."""
        refuse_others(request, self, None, EVERYTHING_OFF)
        home = reverse("admin:index")
        form = ReasonForm(request.POST if request.method == "POST" else None)

        def take(at: datetime) -> str:
            modules = switch_everything_off(by=person(request), reason=form.cleaned_data["reason"], at=at)
            return f"Off within a second: {', '.join(modules)}" if modules else "Every module was off already"

        response = perform(request, form, home, take) if form.is_valid() else None
        if response is not None:
            return response
        about = {"title": "Everything off", "estimates": effects_of_everything_off(datetime.now(UTC))}
        return act_page(self, request, EVERYTHING_OFF, form, about, home)

    def _require_view_permission(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _status(self, request: HttpRequest, module: str) -> ModuleStatus:
        self._require_view_permission(request)
        if module not in dict(MODULES):
            raise Http404(f"there is no module {module}")
        return module_status(module)

    def _permitted_status(self, request: HttpRequest, module: str, permission: str) -> ModuleStatus:
        status = self._status(request, module)
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return status

    def _page(self, request: HttpRequest, status: ModuleStatus, **refused: ReasonForm) -> HttpResponse:
        """Return the module's page; a refused form is shown in its place, with the input and the errors."""
        forms: dict[str, ReasonForm] = {name: form(auto_id=f"{name}_%s") for name, form in LOWERING_FORMS.items()}
        forms |= {name: form(status) for name, form in REQUEST_FORMS.items()}
        forms |= {name: ReasonForm(auto_id=f"{name}_%s") for name in BUILDER}
        context = self.admin_site.each_context(request) | {
            "title": f"Module {status.module}",
            "opts": self.opts,
            "forms": forms | refused,
            "refused": list(refused.values()),
            "may_lower": request.user.has_perm(LOWER),
            "may_hold": request.user.has_perm(REVIEW),
            "may_ask": request.user.has_perm(DRAFT),
            **mode_page(status, datetime.now(UTC)),
        }
        return TemplateResponse(request, "overrides/serving/mode.html", context)


def _now_serves(row: ModuleMode) -> str:
    """Return in a sentence what a module serves in its mode."""
    if row.mode == ModuleMode.Mode.OFF:
        return f"Module {row.module} is off and serves neutral levers."
    if row.mode == ModuleMode.Mode.SHADOW:
        return f"Module {row.module} is in shadow mode: it serves neutral levers and logs its answers."
    return f"Module {row.module} is on, rolled out to {row.rollout_percent:g} %."
