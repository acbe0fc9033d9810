"""The version that an applied request brought, and how many mandates it signed, as part of the request's own query."""

from __future__ import annotations

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce, JSONObject

from overrides.models import Mandate, Version, VersionKind


def brought_version() -> Subquery:
    """Return the expression over requests: a document of `pk`, `module`, `number`, `n_mandates`; None without one."""
    signed = Mandate.objects.filter(request=OuterRef("request")).order_by().values("request")
    n_mandates = Coalesce(Subquery(signed.annotate(n=Count("pk")).values("n")), 0)
    versions = Version.objects.filter(request=OuterRef("pk")).exclude(kind=VersionKind.RESTORED).order_by("pk")
    document = JSONObject(pk="pk", module="module", number="number", n_mandates=n_mandates)
    return Subquery(versions.values(document=document)[:1])
