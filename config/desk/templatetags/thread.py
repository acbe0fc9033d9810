"""The tag of the thread from a trade to who approved what moved it: `{% behind shares decisions as rows %}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django import template
from django.template import Context

from config.desk.thread import Behind
from config.desk.thread import behind as behind_of
from overrides.core.governance.permissions import VIEW_REQUESTS
from telemetry.models import AttributionShare, Decision

register = template.Library()


@register.simple_tag(takes_context=True)
def behind(
    context: Context, shares: Iterable[AttributionShare], decisions: Mapping[UUID, Decision]
) -> list[Behind] | None:
    """Return what earned shares of the trade for people who may see requests, otherwise None."""
    return behind_of(shares, decisions) if context["request"].user.has_perm(VIEW_REQUESTS) else None
