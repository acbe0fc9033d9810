"""Content of a mandate's page: its terms and what is left of them, who signs it, and what was published under it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from overrides.admin.mandate_display import headroom, signers_of, state_badge, term
from overrides.core.governance.permissions import LOWER, REVIEW
from overrides.models import ChangeLine, ChangeRequest, Mandate, Override, Version, Vote
from overrides.requests.mandate_terms import rules_of, why_not_renewed
from overrides.requests.votes import rows_behind

MOST_PUBLISHED = 12


@dataclass(frozen=True)
class Signature:
    """An approval that the mandate rests on: by whom, when, and why."""

    by: str
    at: datetime
    reason: str


def mandate_page(mandate: Any, reader: User, at: datetime) -> dict[str, Any]:
    """Return the template context."""
    in_force = Override.objects.select_related("line").filter(pk=mandate.in_force_id).first()
    rows = rows_behind([mandate])
    signers = signers_of([mandate], rows)[mandate.pk]
    reviews, rules = reader.has_perm(REVIEW), rules_of([mandate])
    stands = mandate.revoked_at is None
    why_not = why_not_renewed([mandate], reader, at, rules)[mandate.pk] if reviews and stands else ""
    published = _published(mandate)
    versions = _versions([mandate.request_id, *(change.request_id for change in published)])
    return {
        "mandate": mandate,
        "title": f"Mandate {mandate.pk}",
        "state": state_badge(mandate, in_force=in_force is not None, suspended=signers.suspended, at=at),
        "signers": signers,
        "signatures": [
            Signature(row.voter.get_username(), row.voted_at, row.reason)
            for row in _approvals(mandate, rows[mandate.pk])
        ],
        "term": term(mandate.review_by - at),
        "stands": stands,
        "is_overdue": mandate.review_by <= at,
        "in_force": in_force,
        "headroom": list(headroom(mandate, in_force, at)),
        "renewals": list(mandate.renewals.all()) if why_not or (reviews and stands) else [],
        "renewed_by": getattr(mandate, "renewed_by", None),
        "rules": rules[mandate.pk],
        "may_renew": reviews and stands and not why_not,
        "why_not": why_not,
        "may_sign_again": reviews and stands and bool(signers.suspended) and mandate.renews_id is None,
        "may_revoke": stands and reader.has_perm(LOWER),
        "signed_version": versions.get(mandate.request_id),
        "published": [(change, versions.get(change.request_id)) for change in published],
    }


def _approvals(mandate: Mandate, rows: list[Any]) -> list[Any]:
    """Return the approvals of the content, or of the renewal, that the mandate was signed by."""
    if mandate.renews_id is not None:
        return rows
    content = mandate.request.content_hash
    return [row for row in rows if row.decision == Vote.Decision.APPROVE and row.content_hash == content]


def _published(mandate: Mandate) -> list[ChangeLine]:
    """Return what the builder published on the line under the mandate, newest first."""
    changes = ChangeLine.objects.filter(
        line=mandate.line_id,
        request__route=ChangeRequest.Route.MANDATE,
        request__closed_at__gte=mandate.granted_at,
        **({} if mandate.revoked_at is None else {"request__closed_at__lte": mandate.revoked_at}),
    )
    return list(changes.select_related("request").order_by("-request__closed_at")[:MOST_PUBLISHED])


def _versions(requests: list[int]) -> dict[int | None, Version]:
    """Return the versions that these requests brought, by request."""
    rows = Version.objects.filter(request__in=requests).only("module", "number", "request")
    return {version.request_id: version for version in rows}
