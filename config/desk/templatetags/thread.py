"""Tags of the thread from a trade to who approved what moved it.

`{% behind shares decisions as rows %}` leads from a trade on, `{% brought request as version %}` from a request back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import template
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.template import Context

from config.desk.thread import Behind
from config.desk.thread import behind as behind_of
from overrides.core.governance.permissions import VIEW_REQUESTS
from overrides.models import ChangeRequest, Mandate, Version, VersionKind
from telemetry.models import AttributionShare, Decision

register = template.Library()


@register.simple_tag
def brought(request: Any) -> Version | None:
    """Return the version that an applied request brought, with `n_mandates`, the mandates that it signed."""
    if request.state != ChangeRequest.State.APPLIED:
        return None
    signed = Mandate.objects.filter(request=OuterRef("request")).order_by().values("request")
    counted = Coalesce(Subquery(signed.annotate(n=Count("pk")).values("n")), 0)
    rows = Version.objects.filter(request=request.pk).exclude(kind=VersionKind.RESTORED)
    return rows.only("module", "number", "request").annotate(n_mandates=counted).first()


@register.simple_tag(takes_context=True)
def behind(
    context: Context, shares: Iterable[AttributionShare], decisions: Mapping[UUID, Decision]
) -> list[Behind] | None:
    """Return what earned shares of the trade for people who may see requests, otherwise None."""
    return behind_of(shares, decisions) if context["request"].user.has_perm(VIEW_REQUESTS) else None
