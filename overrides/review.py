"""A change request from draft to applied: drafted by one, decided by another, applied as signed.

A vote signs `content_hash`; a request is applied only while its approvals sign what it holds now and the lines it
touches are as they were when it was drafted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict

from django.contrib.auth.models import User
from django.db import transaction

from overrides.core.identity import content_hash
from overrides.core.module import ModuleParameters
from overrides.load import active_version, current_parameters, parameters_of
from overrides.mode import apply_mode, checked_mode
from overrides.models import ChangeLine, ChangeRequest, Membership, Override, Version, Vote
from overrides.publish import LineChange, lock_module, publish_version, roll_back, store_parameters
from telemetry.audit import write_audit

EXPIRES_AFTER = timedelta(days=14)
State = ChangeRequest.State
Kind = ChangeRequest.Kind

# What may be done to a request in which state, and where it leads: every rule of the life of a request is here.
TRANSITIONS: Mapping[str, tuple[frozenset[str], str]] = {
    "submit": (frozenset({State.DRAFT, State.CHANGES_REQUESTED}), State.IN_REVIEW),
    "approve": (frozenset({State.IN_REVIEW}), State.APPROVED),
    "reject": (frozenset({State.IN_REVIEW, State.APPROVED}), State.REJECTED),
    "apply": (frozenset({State.APPROVED, State.SCHEDULED}), State.APPLIED),
    "expire": (frozenset(ChangeRequest.OPEN), State.EXPIRED),
}


class Refusal(ValueError):
    """The step may not be taken; the message says why and the way past."""


class _Common(TypedDict):
    """What every effect of a request is told."""

    module: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class DraftLine:
    """A line to change: the override it should have, None to withdraw it, and why that is material."""

    line_id: str
    after: str | None
    differences: Sequence[str]


@transaction.atomic
def draft_request(
    *,
    module: str,
    kind: str,
    title: str,
    reason: str,
    author: User | None,
    author_name: str,
    at: datetime,
    lines: Sequence[DraftLine] = (),
    content: Mapping[str, Any] | None = None,
) -> ChangeRequest:
    """Draft and submit a request. `lines` for kind lines; `content` for the others, checked here."""
    if not reason.strip():
        raise Refusal("reason: a reviewer reads it first; say why")
    version = active_version(module)
    request = ChangeRequest(
        module=module,
        kind=kind,
        state=State.IN_REVIEW,
        title=title,
        reason=reason,
        author=author,
        author_name=author_name,
        base_version=version.number if version else None,
        created_at=at,
        submitted_at=at,
        expires_at=at + EXPIRES_AFTER,
        content=_checked_content(module, kind, content or {}),
    )
    changes = _change_lines(lines)
    request.content_hash = _hash(request, changes)
    request.save()
    for change in changes:
        change.request = request
    ChangeLine.objects.bulk_create(changes, batch_size=2000)
    _audit(request, "draft", author_name, reason, at)
    return request


@transaction.atomic
def approve(*, request_id: int, by: User, at: datetime, reason: str = "") -> ChangeRequest:
    """Sign the content as it stands. Never one's own; needs the permission to review."""
    request = _locked(request_id)
    _refuse_outsiders(request, by)
    _step(request, "approve", at)
    _vote(request, by, Vote.Decision.APPROVE, reason, at)
    request.save()
    _audit(request, "approve", by.get_username(), reason, at)
    return request


@transaction.atomic
def reject(*, request_id: int, by: User, reason: str, at: datetime) -> ChangeRequest:
    """Refuse the request for good, with a reason its author can read."""
    if not reason.strip():
        raise Refusal("reason: rejecting needs one; its author learns from it")
    request = _locked(request_id)
    _refuse_outsiders(request, by)
    _step(request, "reject", at)
    _vote(request, by, Vote.Decision.REJECT, reason, at)
    request.closed_at = at
    request.save()
    _audit(request, "reject", by.get_username(), reason, at)
    return request


@transaction.atomic
def apply_request(*, request_id: int, by: str, at: datetime) -> ChangeRequest:
    """Put an approved request into force: a new version, or a mode."""
    request = _locked(request_id)
    _step(request, "apply", at)
    changes = list(request.lines.all())
    _refuse_unsigned(request, changes)
    lock_module(request.module)
    _refuse_stale(request, changes)
    _take_effect(request, changes, by, at)
    request.closed_at = at
    request.save()
    _audit(request, "apply", by, request.reason, at)
    return request


def expire_requests(*, now: datetime) -> int:
    """Close the open requests nobody decided in time; their number."""
    with transaction.atomic():
        open_still = ChangeRequest.objects.filter(state__in=ChangeRequest.OPEN, expires_at__lte=now)
        # All rows are locked before the audit trail is: whoever decides on one of them takes the two in this order.
        due = list(open_still.select_for_update().order_by("id"))
        for request in due:
            _step(request, "expire", now)
            request.closed_at = now
            request.save()
            _audit(request, "expire", "counterweight", "nobody decided in time", now)
    return len(due)


def _take_effect(request: ChangeRequest, changes: Sequence[ChangeLine], by: str, at: datetime) -> None:
    common = _Common(module=request.module, by=by, reason=request.reason, at=at)
    if request.kind == Kind.MODE:
        apply_mode(content=request.content, **common)
    elif request.kind == Kind.ROLLBACK:
        roll_back(to=request.content["to"], request=request, **common)
    elif request.kind == Kind.PARAMETERS:
        parameters = ModuleParameters.from_document(request.module, request.content)
        row = store_parameters(parameters, by=request.author_name, reason=request.reason, at=at)
        publish_version(kind=Version.Kind.PARAMETERS, changes=(), parameters=row, request=request, **common)
    elif request.kind == Kind.LINES:
        lines = [LineChange(change.line_id, change.after_id) for change in changes]
        publish_version(kind=Version.Kind.LINES, changes=lines, request=request, **common)
    else:
        raise Refusal(f"kind: a request of kind {request.kind} has no effect to apply")


def _checked_content(module: str, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    try:
        if kind == Kind.PARAMETERS:
            return ModuleParameters.from_document(module, content).to_document()
        if kind == Kind.MODE:
            return checked_mode(module, content)
    except ValueError as error:
        raise Refusal(str(error)) from error
    if kind == Kind.ROLLBACK:
        to = content.get("to")
        if not isinstance(to, int) or not Version.objects.filter(module=module, number=to).exists():
            raise Refusal(f"to: {module} has no version {to!r}")
    return dict(content)


def _change_lines(lines: Sequence[DraftLine]) -> list[ChangeLine]:
    rows = Membership.objects.filter(line_id__in=[line.line_id for line in lines], to_version=None)
    standing: dict[str, str] = dict(rows.values_list("line_id", "override_id"))
    _refuse_idle(lines, standing)
    changes = []
    for line in sorted(lines, key=lambda line: line.line_id):
        before = standing.get(line.line_id)
        action = "withdraw" if line.after is None else "add" if before is None else "change"
        changes.append(
            ChangeLine(
                line_id=line.line_id,
                action=action,
                before_id=before,
                after_id=line.after,
                differences=list(line.differences),
            )
        )
    return changes


def _refuse_idle(lines: Sequence[DraftLine], standing: Mapping[str, str]) -> None:
    """Every line once, each with a change to make, and with an override of its own."""
    revisions = Override.objects.filter(id__in=[line.after for line in lines if line.after is not None])
    line_of: dict[str, str] = dict(revisions.values_list("id", "line_id"))
    seen: set[str] = set()
    for line in lines:
        name = line.line_id[:12]
        if line.line_id in seen:
            raise Refusal(f"lines: {name} is named twice; say once what it should have")
        if line.after == standing.get(line.line_id):
            raise Refusal(f"lines: {name} has {line.after or 'no override in force'} already; leave it out")
        if line.after is not None and line_of.get(line.after) != line.line_id:
            raise Refusal(f"lines: {line.after[:12]} is no override of {name}; store it first")
        seen.add(line.line_id)


def _hash(request: ChangeRequest, changes: Sequence[ChangeLine]) -> str:
    """What a vote signs: module, kind, content, and every line with its two sides."""
    sides = sorted([change.line_id, change.before_id, change.after_id] for change in changes)
    return content_hash([request.module, request.kind, request.content, sides])


def _locked(request_id: int) -> ChangeRequest:
    return ChangeRequest.objects.select_for_update(of=("self",)).select_related("author").get(pk=request_id)


def _step(request: ChangeRequest, step: str, at: datetime) -> None:
    allowed, leads_to = TRANSITIONS[step]
    if request.state not in allowed:
        raise Refusal(f"request {request.pk} is {request.state}; only {', '.join(sorted(allowed))} allows to {step}")
    if step != "expire" and at >= request.expires_at:
        raise Refusal(f"request {request.pk} expired on {request.expires_at:%Y-%m-%d %H:%M}; draft it again")
    request.state = leads_to


def _refuse_outsiders(request: ChangeRequest, by: User) -> None:
    if request.author_id == by.pk:
        raise Refusal("you drafted this request; somebody else has to decide on it")
    if not by.has_perm("overrides.review_changerequest"):
        raise Refusal("you may not review change requests; a reviewer has to decide on it")


def _vote(request: ChangeRequest, by: User, decision: str, reason: str, at: datetime) -> None:
    Vote.objects.update_or_create(
        request=request,
        voter=by,
        content_hash=request.content_hash,
        defaults={"decision": decision, "reason": reason, "voted_at": at},
    )


def _refuse_unsigned(request: ChangeRequest, changes: Sequence[ChangeLine]) -> None:
    current = _hash(request, changes)
    votes = request.votes.filter(decision=Vote.Decision.APPROVE, content_hash=current)
    if request.author_id is not None:
        votes = votes.exclude(voter_id=request.author_id)
    if current != request.content_hash or not votes.exists():
        raise Refusal("nobody has approved this content; a reviewer other than its author has to sign it")


def _refuse_stale(request: ChangeRequest, changes: Sequence[ChangeLine]) -> None:
    have_changed = parameters_of(request.module, request.base_version) != current_parameters(request.module)
    if have_changed and request.kind in (Kind.LINES, Kind.PARAMETERS):
        raise Refusal("stale: the parameters changed since this was drafted; draft it again from what is in force")
    rows = Membership.objects.filter(line_id__in=[change.line_id for change in changes], to_version=None)
    standing: dict[str, str] = dict(rows.values_list("line_id", "override_id"))
    moved = [change.line_id[:12] for change in changes if standing.get(change.line_id) != change.before_id]
    if moved:
        raise Refusal(f"stale: {', '.join(moved)} changed since this was drafted; draft it again from what is in force")


def _audit(request: ChangeRequest, step: str, actor: str, reason: str, at: datetime) -> None:
    write_audit(
        actor=actor,
        action=step,
        object=f"request {request.pk}",
        reason=reason,
        before=None,
        after={
            "state": str(request.state),
            "module": request.module,
            "kind": request.kind,
            "content": request.content_hash,
        },
        at=at,
    )
