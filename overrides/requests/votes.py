"""The votes on a request as values for `core.governance.votes`, each with what its giver may do at this moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet

from overrides.core.governance.votes import Signatures, VoteCast, signatures
from overrides.models import ChangeRequest, Mandate, MandateRenewal, Vote

REVIEW_CODENAME = "review_changerequest"


def reviewers() -> QuerySet[User]:
    """Everybody who may decide about requests now: active, and with the permission, directly or by a group."""
    permission = Permission.objects.filter(content_type__app_label="overrides", codename=REVIEW_CODENAME)
    direct = Exists(permission.filter(user=OuterRef("pk")))
    by_group = Exists(permission.filter(group__user=OuterRef("pk")))
    return User.objects.filter(Q(is_superuser=True) | direct | by_group, is_active=True)


def votes_read() -> QuerySet[Vote]:
    """The votes in their order, with their givers as they are now: `may_review`, and `group_names`."""
    return _with_givers(Vote.objects.all())


def renewals_read() -> QuerySet[MandateRenewal]:
    """The approvals of renewals in their order, with their givers as `votes_read` has them."""
    return _with_givers(MandateRenewal.objects.all())


def _with_givers(rows: QuerySet[Any]) -> QuerySet[Any]:
    groups = User.groups.through.objects.filter(user_id=OuterRef("voter")).order_by("group__name")
    return (
        rows.select_related("voter")
        .annotate(
            may_review=Exists(reviewers().filter(pk=OuterRef("voter"))),
            group_names=ArraySubquery(groups.values("group__name")),
        )
        .order_by("id")
    )


def votes_on(requests: Collection[int]) -> dict[int, list[VoteCast]]:
    """The votes on each of these requests as values, in one query."""
    found: dict[int, list[VoteCast]] = {request: [] for request in requests}
    for row in votes_read().filter(request_id__in=requests):
        found[row.request_id].append(cast_by(row))
    return found


def signatures_on(request: ChangeRequest, groups: Sequence[str]) -> tuple[list[Vote], Signatures]:
    """Return the votes on a request in their order, and which of them count now if the votes of these groups count."""
    rows = list(votes_read().filter(request=request))
    return rows, signatures(map(cast_by, rows), request.content_hash, request.author_id, groups)


def cast_by(row: Any) -> VoteCast:
    """One of the `votes_read` as a value."""
    return _cast(row, approves=row.decision == Vote.Decision.APPROVE, content_hash=row.content_hash)


def _cast(row: Any, *, approves: bool, content_hash: str) -> VoteCast:
    return VoteCast(
        sequence=row.pk,
        voter=row.voter_id,
        name=row.voter.get_username(),
        approves=approves,
        content_hash=content_hash,
        is_active=row.voter.is_active,
        may_review=row.may_review,
        groups=tuple(row.group_names),
    )


def signatures_of(mandates: Collection[Mandate]) -> dict[int, Signatures]:
    """Return who signs each of these mandates now, by id.

    A mandate rests on the approvals of its request, a renewed one on those of its renewal, under the policy at its
    signing.
    """
    requests = ChangeRequest.objects.in_bulk({mandate.request_id for mandate in mandates})
    votes = votes_on({mandate.request_id for mandate in mandates if mandate.renews_id is None})
    renewals: dict[int, list[MandateRenewal]] = {m.renews_id: [] for m in mandates if m.renews_id is not None}
    for row in renewals_read().filter(mandate__in=renewals) if renewals else ():
        renewals[row.mandate_id].append(row)
    found = {}
    for mandate in mandates:
        request = requests[mandate.request_id]
        content = request.content_hash
        if mandate.renews_id is None:
            given = votes[request.pk]
        else:
            given = [_cast(row, approves=True, content_hash=content) for row in renewals[mandate.renews_id]]
        found[mandate.pk] = signatures(given, content, request.author_id, mandate.voter_groups)
    return found


def suspended(mandates: Collection[Mandate]) -> dict[int, str]:
    """Mandates of which too few signers may still sign, by id, with the reason in words."""
    if not mandates:
        return {}
    found = {}
    counted = signatures_of(mandates)
    for mandate in mandates:
        n_approvers = len(counted[mandate.pk].approvers)
        if n_approvers < mandate.approvals_needed:
            gone = "; ".join(counted[mandate.pk].lapsed) or "its votes were withdrawn"
            found[mandate.pk] = f"{n_approvers} of {mandate.approvals_needed} signatures still count ({gone})"
    return found
