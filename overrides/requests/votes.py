"""The votes on a request as values for `core.governance.votes`, each with what its giver may do at this moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.contrib.auth.models import Permission, User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet

from overrides.core.governance.votes import Signatures, Standing, VoteCast, signatures, standings
from overrides.models import ChangeRequest, Mandate, Vote

REVIEW_CODENAME = "review_changerequest"


def reviewers() -> QuerySet[User]:
    """Everybody who may decide about requests now: active, and with the permission, directly or by a group."""
    permission = Permission.objects.filter(content_type__app_label="overrides", codename=REVIEW_CODENAME)
    direct = Exists(permission.filter(user=OuterRef("pk")))
    by_group = Exists(permission.filter(group__user=OuterRef("pk")))
    return User.objects.filter(Q(is_superuser=True) | direct | by_group, is_active=True)


def votes_on(requests: Collection[int]) -> dict[int, list[VoteCast]]:
    """Return the votes on each of these requests, with their givers as they are now: one query, however many."""
    groups = User.groups.through.objects.filter(user_id=OuterRef("voter_id"))
    rows = Vote.objects.filter(request_id__in=requests).annotate(
        may_review=Exists(reviewers().filter(pk=OuterRef("voter_id"))),
        groups=ArraySubquery(groups.order_by("group__name").values("group__name")),
    )
    found: dict[int, list[VoteCast]] = {request: [] for request in requests}
    for row in rows.select_related("voter").order_by("id"):
        found[row.request_id].append(
            VoteCast(
                sequence=row.pk,
                voter=row.voter_id,
                name=row.voter.get_username(),
                approves=row.decision == Vote.Decision.APPROVE,
                content_hash=row.content_hash,
                is_active=row.voter.is_active,
                may_review=row.may_review,
                groups=tuple(row.groups),
            )
        )
    return found


def standings_of(request: ChangeRequest, groups: Sequence[str]) -> dict[int, Standing]:
    """The standing of every vote on a request, by the vote's id."""
    return standings(votes_on([request.pk])[request.pk], request.content_hash, request.author_id, groups)


def signatures_on(request: ChangeRequest, groups: Sequence[str]) -> Signatures:
    """Return whose approvals of a request count now, if the votes of these groups count."""
    return signatures(votes_on([request.pk])[request.pk], request.content_hash, request.author_id, groups)


def suspended(mandates: Collection[Mandate]) -> dict[int, str]:
    """Mandates of which too few signers may still sign, by id, with the reason in words.

    A mandate rests on the approvals of its request, under the policy at its signing.
    """
    votes = votes_on({mandate.request_id for mandate in mandates})
    requests = ChangeRequest.objects.in_bulk(list(votes))
    found = {}
    for mandate in mandates:
        request = requests[mandate.request_id]
        signed = signatures(votes[mandate.request_id], request.content_hash, request.author_id, mandate.voter_groups)
        counted = len(signed.approvers)
        if counted < mandate.approvals_needed:
            gone = "; ".join(signed.lapsed) or "its votes were withdrawn"
            found[mandate.pk] = f"suspended: {counted} of {mandate.approvals_needed} signatures still count ({gone})"
    return found
