"""The votes on a request as values for `core.governance.votes`, each with what its giver may do at this moment."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import Permission, User
from django.db.models import Exists, OuterRef, Q, QuerySet

from overrides.core.governance.votes import VoteCast, tally
from overrides.models import ChangeRequest, Mandate, Vote

REVIEW_CODENAME = "review_changerequest"


def reviewers() -> QuerySet[User]:
    """Everybody who may decide about requests now: active, and with the permission, directly or by a group."""
    permission = Permission.objects.filter(content_type__app_label="overrides", codename=REVIEW_CODENAME)
    direct = Exists(permission.filter(user=OuterRef("pk")))
    by_group = Exists(permission.filter(group__user=OuterRef("pk")))
    return User.objects.filter(Q(is_superuser=True) | direct | by_group, is_active=True)


def votes_on(requests: Collection[int]) -> dict[int, list[VoteCast]]:
    """The votes on each of these requests, with their givers as they are now: three queries, however many there are."""
    found: dict[int, list[VoteCast]] = {request: [] for request in requests}
    rows = list(Vote.objects.filter(request_id__in=requests).select_related("voter").order_by("id"))
    for row, cast in zip(rows, cast_by(rows), strict=True):
        found[row.request_id].append(cast)
    return found


def cast_by(rows: Collection[Vote]) -> list[VoteCast]:
    """These votes, read with their voters, as values: two queries for what their givers may do, none without votes."""
    voters = {row.voter_id for row in rows}
    may = set(reviewers().filter(pk__in=voters).values_list("pk", flat=True)) if voters else set()
    groups: dict[int, list[str]] = {}
    for person, name in User.groups.through.objects.filter(user_id__in=voters).values_list("user_id", "group__name"):
        groups.setdefault(person, []).append(name)
    return [
        VoteCast(
            sequence=row.pk,
            voter=row.voter_id,
            name=row.voter.get_username(),
            approves=row.decision == Vote.Decision.APPROVE,
            content_hash=row.content_hash,
            is_active=row.voter.is_active,
            may_review=row.voter_id in may,
            groups=tuple(groups.get(row.voter_id, ())),
        )
        for row in rows
    ]


def suspended(mandates: Collection[Mandate]) -> dict[int, str]:
    """Mandates of which too few signers may still sign, by id, with the reason in words.

    A mandate rests on the approvals of its request, under the policy at its signing.
    """
    votes = votes_on({mandate.request_id for mandate in mandates})
    requests = ChangeRequest.objects.in_bulk(list(votes))
    found = {}
    for mandate in mandates:
        request = requests[mandate.request_id]
        counted = tally(votes[request.pk], request.content_hash, request.author_id, mandate.voter_groups)
        n_approvers = len(counted.approvers)
        if n_approvers < mandate.approvals_needed:
            gone = "; ".join(counted.lapsed) or "its votes were withdrawn"
            found[mandate.pk] = f"{n_approvers} of {mandate.approvals_needed} signatures still count ({gone})"
    return found
