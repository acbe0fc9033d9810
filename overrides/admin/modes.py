"""Modes: off and shadow in one click with a reason; on only through a reviewed request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from overrides.mode import ORDER, NotTowardsNeutral, lower_mode
from overrides.models import ModuleMode
from telemetry.admin.display import badge, moment, number
from telemetry.admin.facts import FactAdmin, person

LOWER = "overrides.lower_modulemode"
EFFECTS = {
    ModuleMode.Mode.OFF: "every bot gets neutral levers, and nothing is computed",
    ModuleMode.Mode.SHADOW: "every bot gets neutral levers; what would have been served is logged",
}


@admin.register(ModuleMode)
class ModuleModeAdmin(FactAdmin):
    nothing_yet = "A module without one is off: bots get neutral levers."
    change_form_template = "overrides/mode.html"
    list_display = ("module", "mode_shown", "rollout", "challenger", "changed", "changed_by", "reason")
    list_select_related = ("challenger",)
    fields = (
        ("module", "mode_shown", "rollout"),
        ("allow", "challenger"),
        ("changed", "changed_by", "revision"),
        "reason",
    )
    readonly_fields = ("mode_shown", "rollout", "changed")

    def get_urls(self) -> list[URLPattern]:
        lower = path("<str:module>/lower/", self.admin_site.admin_view(self.lower), name="overrides_modulemode_lower")
        return [lower, *super().get_urls()]

    def lower(self, request: HttpRequest, module: str) -> HttpResponseBase:
        """Take the module towards neutral at once."""
        if self.get_object(request, module) is None:
            raise Http404
        if not request.user.has_perm(LOWER) or request.method != "POST":
            raise PermissionDenied
        to, reason = request.POST.get("to", ""), request.POST.get("reason", "")
        try:
            row = lower_mode(
                module=module, to=to, by=person(request).get_username(), reason=reason, at=datetime.now(UTC)
            )
        except NotTowardsNeutral as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            self.message_user(request, f"{module} is {row.mode} for every bot within a second", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:overrides_modulemode_change", args=[module]))

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        standing = ORDER[ModuleMode.Mode(obj.mode)]
        return {
            "row": obj,
            "may_lower": request.user.has_perm(LOWER),
            "lower_modes": [(mode.value, effect) for mode, effect in EFFECTS.items() if ORDER[mode] < standing],
        }

    @admin.display(description="mode", ordering="mode")
    def mode_shown(self, row: ModuleMode) -> SafeString:
        return badge(row.mode)

    @admin.display(description="roll-out", ordering="rollout_percent")
    def rollout(self, row: ModuleMode) -> SafeString:
        return number(row.rollout_percent, 0, unit="%")

    @admin.display(description="since", ordering="changed_at")
    def changed(self, row: ModuleMode) -> SafeString:
        return moment(row.changed_at)
