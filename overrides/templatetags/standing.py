"""What stands and what waits, for the admin's first page: `{% load standing %}{% standing as now %}`."""

from __future__ import annotations

from typing import Any

from django import template

from overrides.models import ChangeRequest, ModuleMode, Version
from telemetry.models import MODULES

register = template.Library()

MOST_WAITING = 8


@register.simple_tag
def standing() -> dict[str, Any]:
    """Per module its mode and active version, and the requests that wait for a person, oldest first."""
    modes = {row.module: row for row in ModuleMode.objects.all()}
    versions = Version.objects.filter(is_active=True).defer("config_data", "coefficients")
    active = {version.module: version for version in versions}
    waiting = ChangeRequest.objects.filter(state__in=(ChangeRequest.State.IN_REVIEW, ChangeRequest.State.APPROVED))
    return {
        "modules": [(module, modes.get(module), active.get(module)) for module, _ in MODULES],
        "waiting": waiting.order_by("created_at")[:MOST_WAITING],
    }
