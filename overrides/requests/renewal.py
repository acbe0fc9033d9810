"""Suspended mandates: which they are, and how reviewers bring them back by signing the applied request again.

A mandate rests on the approvals of the request that signed it, and is suspended while too few of their givers may still
vote under the policy at its signing. Another approval of that same content takes the place of one that lapsed; the
terms of the mandates and the date of their review stay. `mandate_terms` renews mandates whose review is due.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from overrides.core.governance.errors import GateError
from overrides.core.governance.governance_policy import may_count
from overrides.core.governance.permissions import REVIEW
from overrides.models import ChangeRequest, Mandate, Membership, Vote
from overrides.requests.review import write_vote
from overrides.requests.transitions import audit_request, locked
from overrides.requests.votes import suspended

# The requests of which a standing mandate, never renewed, is suspended: the votes of each are counted once. Then the
# standing mandates that were renewed by people of whom too few may still vote.
REQUESTS = """
SELECT signed.request_id FROM (
    SELECT request_id, voter_groups, approvals_needed FROM overrides_mandate
    WHERE revoked_at IS NULL AND renews_id IS NULL GROUP BY request_id, voter_groups, approvals_needed
) AS signed JOIN overrides_changerequest AS r ON r.id = signed.request_id
WHERE approvers_of(r.id, r.content_hash, r.author_id, signed.voter_groups) < signed.approvals_needed
"""
SIGNERS = Func(F("pk"), function="signers_of", output_field=IntegerField())
RENEWED = """
SELECT id FROM overrides_mandate
WHERE revoked_at IS NULL AND renews_id IS NOT NULL AND signers_of(id) < approvals_needed
"""
OF_LINES_IN_FORCE = Exists(Membership.objects.filter(line=OuterRef("line"), to_version=None))


def suspended_at(at: datetime) -> Q:
    """Return the condition for mandates on lines in force that are suspended and not overdue."""
    never_renewed = Q(request__in=RawSQL(REQUESTS, ()), renews=None)
    return Q(OF_LINES_IN_FORCE, never_renewed | Q(pk__in=RawSQL(RENEWED, ())), revoked_at=None, review_by__gt=at)


def suspended_of(request: ChangeRequest, at: datetime) -> dict[int, str]:
    """Return the suspended mandates of a request that were never renewed, by id, with the reason in words."""
    return reasons_of(Mandate.objects.filter(OF_LINES_IN_FORCE, request=request, renews=None, review_by__gt=at))


def reasons_of(mandates: QuerySet[Mandate]) -> dict[int, str]:
    """Return the suspended ones of these mandates, by id, with the reason: one query where none is."""
    gone = mandates.filter(revoked_at=None).annotate(n_signers=SIGNERS).filter(n_signers__lt=F("approvals_needed"))
    return suspended(list(gone))


@transaction.atomic
def renew_mandates(*, request_id: int, by: User, at: datetime, reason: str = "") -> int:
    """Sign an applied request again, whose mandates are suspended; return how many of them stand again.

    Raises GateError for its author, for people whose vote does not count, and where no mandate is suspended.
    """
    request = locked(request_id)
    before = suspended_of(request, at)
    mandate = Mandate.objects.filter(pk__in=before).first()
    if mandate is None:
        raise GateError.because("no mandate of this request is suspended")
    if not by.has_perm(REVIEW):
        raise GateError.because("you may not decide about requests; ask a reviewer")
    if request.author_id == by.pk:
        raise GateError.because("you drafted this request; somebody else has to sign it")
    if not may_count(list(by.groups.values_list("name", flat=True)), mandate.voter_groups):
        groups = ", ".join(mandate.voter_groups)
        raise GateError.because(f"votes of {groups} alone count here; ask a member of {groups}")
    vote = write_vote(request, by, Vote.Decision.APPROVE, reason, at)
    audit_request(request, "approve", by.get_username(), reason, at, vote)
    return len(before) - len(suspended_of(request, at))
