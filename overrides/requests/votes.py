"""The votes on a request as values for `core.governance.votes`, each with what its giver may do at this moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet, prefetch_related_objects

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
    found: QuerySet[Any] = (
        rows.select_related("voter")
        .annotate(
            may_review=Exists(reviewers().filter(pk=OuterRef("voter"))),
            group_names=ArraySubquery(groups.values("group__name")),
        )
        .order_by("id")
    )
    return found


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


def rows_behind(mandates: Collection[Mandate]) -> dict[int, list[Any]]:
    """Return the votes on the request of each of these mandates, or the approvals of its renewal, by id of the mandate.

    They are in their order, with their givers as `votes_read` has them.
    """
    prefetch_related_objects(list(mandates), "request")
    first_signed = {mandate.request_id for mandate in mandates if mandate.renews_id is None}
    renewed = {mandate.renews_id for mandate in mandates if mandate.renews_id is not None}
    votes: dict[int, list[Any]] = defaultdict(list)
    renewals: dict[int, list[Any]] = defaultdict(list)
    for vote in votes_read().filter(request_id__in=first_signed) if first_signed else ():
        votes[vote.request_id].append(vote)
    for renewal in renewals_read().filter(mandate_id__in=renewed) if renewed else ():
        renewals[renewal.mandate_id].append(renewal)
    return {
        mandate.pk: votes[mandate.request_id] if mandate.renews_id is None else renewals[mandate.renews_id]
        for mandate in mandates
    }


def signatures_of(mandates: Collection[Mandate], rows: Mapping[int, list[Any]] | None = None) -> dict[int, Signatures]:
    """Return who signs each of these mandates now, by id; `rows` are those of `rows_behind`, if they are read already.

    A mandate rests on the approvals of its request, a renewed one on those of its renewal, under the policy at its
    signing.
    """
    rows = rows_behind(mandates) if rows is None else rows
    return {mandate.pk: _signatures(mandate, rows[mandate.pk]) for mandate in mandates}


def _signatures(mandate: Mandate, rows: list[Any]) -> Signatures:
    content = mandate.request.content_hash
    is_first = mandate.renews_id is None
    given = [cast_by(row) if is_first else _cast(row, approves=True, content_hash=content) for row in rows]
    return signatures(given, content, mandate.request.author_id, mandate.voter_groups)


def suspended(mandates: Collection[Mandate]) -> dict[int, str]:
    """Mandates of which too few signers may still sign, by id, with the reason in words."""
    if not mandates:
        return {}
    counted = signatures_of(mandates)
    reasons = {mandate.pk: why_suspended(mandate, counted[mandate.pk]) for mandate in mandates}
    return {key: reason for key, reason in reasons.items() if reason}


def why_suspended(mandate: Mandate, signed: Signatures) -> str:
    """Return in words why a mandate does not count: too few of its signers may still sign; empty if enough may."""
    n_approvers = len(signed.approvers)
    if n_approvers >= mandate.approvals_needed:
        return ""
    gone = "; ".join(signed.lapsed) or "its votes were withdrawn"
    return f"{n_approvers} of {mandate.approvals_needed} signatures still count ({gone})"
