"""Renew a mandate whose review is due, and revoke one.

Approving a line signs a mandate until a date of review. A renewal is another approval of that same content: it takes as
many approvals, of the same groups, as the policy of today asks for the request, never of its author; the next review is
at most the `mandate_days` of that policy away, and everything else stays. With the last approval the renewed mandate
takes the place of the one before it. Revoking is towards neutral: at once, by one person, with a reason.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Prefetch, prefetch_related_objects

from overrides.core.governance.errors import GateError
from overrides.core.governance.governance_policy import GovernancePolicy, may_count
from overrides.core.governance.mandates import DUE_BEFORE
from overrides.core.governance.permissions import LOWER, REVIEW
from overrides.models import ChangeLine, Mandate, MandateRenewal, Membership
from overrides.requests.governance_store import mandate_document
from overrides.requests.transitions import MANDATES, audit_request, locked
from overrides.requests.votes import suspended
from overrides.versions.publish import lock_module

WITH_RENEWALS = Prefetch("renewals", MandateRenewal.objects.select_related("voter").order_by("pk"))
SIGN_RENEWAL = "sign renewal"  # the action of the entry about one approval of a renewal


@dataclass(frozen=True)
class Renewal:
    """What a person's approval of a renewal brought: the renewed mandate, or None while approvals are missing."""

    mandate: Mandate | None
    approvals: int
    needed: int


@dataclass(frozen=True)
class Rules:
    """What renewing a mandate takes under the policy of today: so many approvals, of members of these groups."""

    needed: int
    groups: tuple[str, ...]
    policy: GovernancePolicy

    @property
    def days(self) -> float:
        """How many days a renewed mandate lasts."""
        return self.policy.mandate_days


def rules_of(mandates: Collection[Mandate]) -> dict[int, Rules]:
    """Return what renewing each of these mandates takes under the policies of today, by id."""
    requests = [mandate.request_id for mandate in mandates]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, approvals_needed(r), groups_for(r)::text, policy_for(r)::text "
            "FROM overrides_changerequest AS r WHERE r.id = ANY(%s)",
            [requests],
        )
        rows = cursor.fetchall()
    found = {
        request: Rules(needed, tuple(json.loads(groups)), GovernancePolicy.from_document(json.loads(policy)))
        for request, needed, groups, policy in rows
    }
    return {mandate.pk: found[mandate.request_id] for mandate in mandates}


def why_not_renewed(
    mandates: Collection[Mandate], by: User, at: datetime, rules: Mapping[int, Rules] | None = None
) -> dict[int, str]:
    """Return, by id, why a person may not approve the renewal of these mandates; an empty text if they may."""
    if not by.has_perm(REVIEW):
        return {mandate.pk: "you may not decide about requests; ask a reviewer" for mandate in mandates}
    due, rules = due_among(mandates, at), rules or rules_of(mandates)
    prefetch_related_objects(list(mandates), WITH_RENEWALS)
    is_closed = any(rules[mandate.pk].groups for mandate in mandates)
    groups = list(by.groups.values_list("name", flat=True)) if is_closed else []
    found = {}
    for mandate in mandates:
        named = rules[mandate.pk].groups
        if mandate.request.author_id == by.pk:
            why = "you drafted its request; somebody else has to renew it"
        elif mandate.pk not in due:
            why = _not_due(mandate)
        elif any(each.voter_id == by.pk for each in mandate.renewals.all()):
            why = "you have approved its renewal already; somebody else has to as well"
        else:
            listed = ", ".join(named)
            why = "" if may_count(groups, named) else f"votes of {listed} alone count here; ask a member of {listed}"
        found[mandate.pk] = why
    return found


def due_among(mandates: Collection[Mandate], at: datetime) -> set[int]:
    """Return the ids of the mandates that may be renewed.

    Their review is due, or the people who renewed them may not vote any more. A mandate that ended, or of a line that
    is not in force, is not renewed.
    """
    lines = {mandate.line_id for mandate in mandates if mandate.revoked_at is None}
    in_force = set(Membership.objects.filter(line__in=lines, to_version=None).values_list("line", flat=True))
    standing = [mandate for mandate in mandates if mandate.revoked_at is None and mandate.line_id in in_force]
    early = [mandate for mandate in standing if mandate.review_by > at + DUE_BEFORE]
    unsigned = suspended([mandate for mandate in early if mandate.renews_id is not None])
    return {mandate.pk for mandate in standing if mandate not in early} | set(unsigned)


def _not_due(mandate: Mandate) -> str:
    if mandate.revoked_at is not None:
        return "it has ended"
    return f"its review is not due before {mandate.review_by - DUE_BEFORE:%Y-%m-%d}, or its line is not in force"


@transaction.atomic
def renew_mandate(*, mandate_id: int, by: User, reason: str, at: datetime) -> Renewal:
    """Approve the renewal of a mandate; with enough approvals it is renewed.

    Raises GateError for its author, for people whose vote does not count, and where its review is not due.
    """
    mandate = _locked_mandate(mandate_id)
    _refuse_empty(reason)
    if why := why_not_renewed([mandate], by, at)[mandate.pk]:
        raise GateError.because(why)
    request = locked(mandate.request_id)
    signed = MandateRenewal.objects.create(mandate=mandate, voter=by, reason=reason, voted_at=at)
    named = {"renewal": {"id": signed.pk, "mandate": mandate.pk, "voter": by.pk}}
    audit_request(request, SIGN_RENEWAL, by.get_username(), reason, at, named)
    rules = rules_of([mandate])[mandate.pk]
    approvals = _approvals(mandate, rules)
    if approvals < rules.needed:
        return Renewal(None, approvals, rules.needed)
    renewed = Mandate.objects.create(**_terms(mandate, rules, at))
    renewed.refresh_from_db()  # with what the database has set
    written = {"signed": [mandate_document(renewed)], "ended": [mandate.pk]}
    audit_request(request, MANDATES, by.get_username(), reason, at, written)
    return Renewal(renewed, approvals, rules.needed)


@transaction.atomic
def revoke_mandate(*, mandate_id: int, by: User, reason: str, at: datetime) -> Mandate:
    """End a mandate at once: from now on every change of its line needs a person. Raises GateError.

    The override in force stays as it is.
    """
    if not by.has_perm(LOWER):
        raise GateError.because("you may not do this; an operator or a reviewer has the permission")
    _refuse_empty(reason)
    mandate = _locked_mandate(mandate_id)
    if mandate.revoked_at is not None:
        raise GateError.because("this mandate has ended already")
    mandate.revoked_at = at
    mandate.save(update_fields=["revoked_at"])
    written = {"signed": [], "ended": [mandate.pk]}
    audit_request(locked(mandate.request_id), MANDATES, by.get_username(), reason, at, written)
    return mandate


def _terms(mandate: Mandate, rules: Rules, at: datetime) -> dict[str, Any]:
    """Return the renewed mandate: the same, but for its dates, and for more evidence if the policy asks for it now."""
    approved = ChangeLine.objects.select_related("after").get(request=mandate.request_id, line=mandate.line_id).after
    assert approved is not None  # a mandate is signed on what a request brings
    kept, floor = rules.policy.evidence_kept, mandate.evidence_floor
    return {
        "line_id": mandate.line_id,
        "request_id": mandate.request_id,
        "direction": mandate.direction,
        "reach": mandate.reach,
        "evidence_floor": {
            "least_n": max(floor["least_n"], kept * approved.n),
            "least_edge": max(floor["least_edge"], kept * abs(approved.edge_raw)),
        },
        "review_by": at + timedelta(days=rules.days),
        "granted_at": at,
        "renews": mandate,
    }


def _locked_mandate(mandate_id: int) -> Mandate:
    """Return the mandate, with its module locked, so that no publication ends it meanwhile."""
    found = Mandate.objects.select_related("line", "request").filter(pk=mandate_id).first()
    if found is None:
        raise GateError.because(f"there is no mandate {mandate_id}")
    lock_module(found.line.module)
    return Mandate.objects.select_for_update(of=("self",)).select_related("line", "request").get(pk=mandate_id)


def _approvals(mandate: Mandate, rules: Rules) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT renewers_of(m.id, groups_for(r)) FROM overrides_mandate AS m "
            "JOIN overrides_changerequest AS r ON r.id = m.request_id WHERE m.id = %s",
            [mandate.pk],
        )
        (approvals,) = cursor.fetchone()
    return int(approvals)


def _refuse_empty(reason: str) -> None:
    if not reason.strip():
        raise GateError("reason", "say why; it stands in the audit trail")
