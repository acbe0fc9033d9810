"""Renew: the reviewer renews the mandates that are due, without which the builder may not keep a line fresh."""

from __future__ import annotations

from config.demo.planted.stage import Stage
from overrides.models import Mandate
from overrides.requests.mandate_terms import due_among, renew_mandate, why_not_renewed

REASON = "The line still stands on its evidence."


def renew(stage: Stage) -> None:
    """Renew what the reviewer may renew at the beginning of the week."""
    reviewer, at = stage.people["reviewer"], stage.since
    live = list(Mandate.objects.filter(revoked_at=None).order_by("pk"))
    due = due_among(live, at)
    mandates = [mandate for mandate in live if mandate.pk in due]
    for pk, why in why_not_renewed(mandates, reviewer, at).items():
        if not why:
            renew_mandate(mandate_id=pk, by=reviewer, reason=REASON, at=at)
