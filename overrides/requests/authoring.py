"""Write the content of a change request: what would change, relative to what is in force, hashed for votes to sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.governance.errors import GateError
from overrides.core.governance.request_states import Step
from overrides.models import ChangeLine, ChangeRequest, Membership, Override, RequestEvidence
from overrides.requests.evidence import Measured, evidence_named, measured_by_source, write_evidence
from overrides.requests.gates import hash_of
from overrides.requests.governance_store import policy_of
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import DraftLine, Kind
from overrides.requests.kinds.lines import COEFFICIENTS
from overrides.requests.transitions import audit_request, locked, move, take_step
from overrides.versions.load_version import InForce, read_in_force

State = ChangeRequest.State
Route = ChangeRequest.Route


class Permitted(Protocol):
    """A person or an API key, reduced to the check of permissions."""

    def has_perm(self, permission: str, /) -> bool: ...


def may_draft(kind: str, who: Permitted) -> bool:
    """Return whether somebody who may draft requests may draft this kind; some kinds need a further permission."""
    permission = KINDS[kind].permission
    return not permission or who.has_perm(permission)


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
    submit: bool = True,
    route: str = Route.REVIEW,
    split_from: ChangeRequest | None = None,
    measured: Measured | None = None,
    succeeds: ChangeRequest | None = None,
) -> ChangeRequest:
    """Draft a request, and submit it for review unless `submit` is false. Raises GateError.

    `lines` belong to kind lines, and to kinds parameters and trial if lines change with them; `content` to the others.
    `measured` is what the drafter knows about it; if it is not given, the registered source is asked.
    `succeeds` is the returned request that a machine drafts this one for.
    """
    if not reason.strip():
        raise GateError("reason", "a reviewer reads it first; say why")
    if author is not None:
        _refuse_kind(kind, author)
    if route == Route.REVIEW and split_from is None:
        _refuse_flood(author, author_name)
    is_for_review = submit and route == Route.REVIEW
    request = ChangeRequest(
        module=module,
        kind=kind,
        state=State.IN_REVIEW if is_for_review else State.DRAFT,
        route=route,
        title=title,
        reason=reason,
        author=author,
        author_name=author_name,
        created_at=at,
        submitted_at=at if is_for_review else None,
        expires_at=at + timedelta(days=policy_of(module).expires_days),
        split_from=split_from,
        succeeds=succeeds,
    )
    stored = write_content(request, lines, content or {}, at, measured)
    audit_request(request, "draft", author_name, reason, at, evidence_named(stored))
    return request


@transaction.atomic
def edit_request(
    *,
    request_id: int,
    by: User,
    at: datetime,
    lines: Sequence[DraftLine] = (),
    content: Mapping[str, Any] | None = None,
    title: str | None = None,
    reason: str | None = None,
) -> ChangeRequest:
    """Replace the content of one's own open request, drafted against what is in force now; its votes become void.

    Raises GateError.
    """
    request = locked(request_id)
    if request.author_id != by.pk:
        raise GateError.because("only its author may edit a request; comment on it, or ask for changes")
    _refuse_kind(request.kind, by)
    move(request, Step.EDIT)
    request.title, request.reason = title or request.title, reason or request.reason
    stored = write_content(request, lines, content or {}, at)
    audit_request(request, "edit", by.get_username(), request.reason, at, evidence_named(stored))
    return request


@transaction.atomic
def submit(*, request_id: int, by: User, at: datetime) -> ChangeRequest:
    """Submit one's own draft, or a request that was sent back, for review. Raises GateError."""
    request = locked(request_id)
    if request.author_id != by.pk:
        raise GateError.because("only its author may submit a request")
    request.submitted_at = at
    take_step(request, Step.SUBMIT, action="submit", actor=by.get_username(), reason=request.reason, at=at)
    return request


def write_content(
    request: ChangeRequest,
    lines: Sequence[DraftLine],
    content: Mapping[str, Any],
    at: datetime,
    measured: Measured | None = None,
) -> RequestEvidence | None:
    """Fill and save the request: its content, its lines relative to what is in force now, and the hash of both.

    Returns the evidence that is stored with the edition; None for what takes effect at once.
    """
    kind, in_force = KINDS[request.kind], read_in_force(request.module)
    request.base_version, request.base_parameters = in_force.number, in_force.parameters_id
    request.content = _checked_content(kind, content, in_force)
    if kind.lines_of is not None:
        lines = kind.lines_of(request.module, request.content, in_force)
    changes = _change_lines(lines)
    request.edition += 1
    request.movement = kind.movement(request, changes, in_force)
    request.content_hash = hash_of(request, changes)
    request.save()
    request.lines.all().delete()  # after the hash, since a signed request may not lose lines
    for change in changes:
        change.request = request
    ChangeLine.objects.bulk_create(changes, batch_size=2000)
    if request.route == Route.AT_ONCE:
        return None
    if measured is None:
        measured = measured_by_source(request, changes, _moved_weights(request, in_force), at)
    return write_evidence(request, changes, measured, at)


def _moved_weights(request: ChangeRequest, in_force: InForce) -> set[str]:
    """Return the names of the coefficients that a request of lines changes."""
    proposed = request.content.get(COEFFICIENTS) if KINDS[request.kind].is_of_lines else None
    if proposed is None:
        return set()
    names = in_force.coefficients.keys() | proposed.keys()
    return {name for name in names if in_force.coefficients.get(name, 1.0) != proposed.get(name, 1.0)}


def _refuse_kind(kind: str, who: Permitted) -> None:
    if not may_draft(kind, who):
        raise GateError("kind", f"you may not draft requests of kind {kind}; ask a parameter admin")


def _refuse_flood(author: User | None, author_name: str) -> None:
    """Refuse one open request more than an author may have; drafts of one author are counted one after the other.

    A machine without a person behind it is counted by its name. What takes effect at once or under mandates is never
    open, so it is not counted.
    """
    who = Q(author=None, author_name=author_name) if author is None else Q(author=author)
    lock_author(author_name)
    count = ChangeRequest.objects.filter(who, state__in=ChangeRequest.OPEN).count()
    if count >= settings.OPEN_REQUESTS_PER_AUTHOR:
        raise GateError.because(
            f"{author_name} has {count} open requests, as many as one author may have; "
            "cancel some, or wait until reviewers have decided or taken back"
        )


def lock_author(author_name: str) -> None:
    """Wait for other drafts of an author, and keep them out until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"draft {author_name}"])


def _checked_content(kind: Kind, content: Mapping[str, Any], in_force: InForce) -> dict[str, Any]:
    try:
        return kind.checked_content(in_force.module, content, in_force)
    except FieldError as error:
        raise GateError(error.path, error.message) from error


def _change_lines(lines: Sequence[DraftLine]) -> list[ChangeLine]:
    rows = Membership.objects.filter(line_id__in=[line.line_id for line in lines], to_version=None)
    current = {row.line_id: row.override for row in rows.select_related("override__line")}
    added = Override.objects.select_related("line").in_bulk([line.after for line in lines if line.after is not None])
    _refuse_idle(lines, {line: override.pk for line, override in current.items()}, added)
    return [
        _change_line(line, current.get(line.line_id), added[line.after] if line.after else None)
        for line in sorted(lines, key=lambda line: line.line_id)
    ]


def _change_line(line: DraftLine, before: Override | None, after: Override | None) -> ChangeLine:
    action = "withdraw" if after is None else "add" if before is None else "change"
    return ChangeLine(
        line_id=line.line_id, action=action, before=before, after=after, differences=list(line.differences)
    )


def _refuse_idle(lines: Sequence[DraftLine], current: Mapping[str, str], added: Mapping[str, Override]) -> None:
    """Raise GateError unless every line is named once, changes something, and gets an override of its own."""
    named: set[str] = set()
    for line in lines:
        name = line.line_id[:12]
        if line.line_id in named:
            raise GateError("lines", f"{name} is named twice; say once what it should have")
        if line.after == current.get(line.line_id):
            raise GateError("lines", f"{name} has {line.after or 'no override in force'} already; leave it out")
        if line.after is not None and (line.after not in added or added[line.after].line_id != line.line_id):
            raise GateError("lines", f"{line.after[:12]} is no override of {name}; store it first")
        named.add(line.line_id)
