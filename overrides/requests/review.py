"""Review a change request until it is decided: comment, approve, reject, send back, cancel and schedule.

A vote signs `content_hash` (`gates.hash_of`), so an edit, which changes the hash, voids every vote. The order of steps
is in `core.governance.request_states`, their obstacles in `gates`, and the effect of an approved request in `apply`.
All functions raise GateError if the step is not possible.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from overrides.core.governance.errors import GateError
from overrides.core.governance.permissions import REVIEW
from overrides.core.governance.rejections import REJECTED_FOR, ProposedEvidence
from overrides.core.governance.request_states import Step
from overrides.models import ChangeLine, ChangeRequest, Comment, HoldKind, Vote
from overrides.requests.authoring import draft_request, write_content
from overrides.requests.evidence import current_evidence, evidence_named, measured_of
from overrides.requests.gates import RequestSituation, read_situation, refuse_blocked
from overrides.requests.governance_store import held_lines
from overrides.requests.holds import NewHold, place_holds
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.transitions import audit_request, locked, take_step
from overrides.versions.publish import lock_module


@dataclass(frozen=True)
class BulkOutcome:
    """The result for one request of several; `refused` is empty if the step was taken."""

    request_id: int
    refused: str


@transaction.atomic
def comment(*, request_id: int, by: User, text: str, at: datetime, line_id: str | None = None) -> Comment:
    """Comment on a request, or on one of its lines.

    The same text as one's latest comment there is a second click: that comment is returned and none is added.
    """
    if not text.strip():
        raise GateError("text", "a comment says something")
    request = locked(request_id)
    if line_id is not None and not request.lines.filter(line_id=line_id).exists():
        raise GateError("line", f"{line_id[:12]} is no line of this request")
    latest = Comment.objects.filter(request=request, author=by).order_by("-pk").first()
    if latest is not None and (latest.line_id, latest.text) == (line_id, text):
        return latest
    row = Comment.objects.create(request=request, line_id=line_id, author=by, text=text, written_at=at)
    audit_request(request, "comment", by.get_username(), text, at)
    return row


@transaction.atomic
def approve(
    *,
    request_id: int,
    by: User,
    at: datetime,
    reason: str = "",
    only: Collection[str] | None = None,
    expected_hash: str = "",
) -> ChangeRequest:
    """Sign the current content, or `only` these of its lines; the others become a request of their own.

    `expected_hash` is the hash of the content that the person has seen; the vote is refused if it has changed since.
    An approval that counts already, with the same reason, is a second click and changes nothing.
    """
    request = locked(request_id)
    if expected_hash and expected_hash != request.content_hash:
        raise GateError("content", "it was edited after you opened it; look at what it says now")
    read = refuse_blocked(request, Step.SIGN, by, at)
    if only is None and by.pk in read.signatures.approvers and _last_reason(read.votes, by) == reason:
        return request
    if only is not None and request.state != ChangeRequest.State.IN_REVIEW:
        raise GateError("only", f"lines are split off while it is in review; it is {request.state}: approve all of it")
    if only is not None:
        _split(request, read.changes, only, by, at)
    vote = write_vote(request, by, Vote.Decision.APPROVE, reason, at)
    # A split changes the content, which then moves less, so the votes that count are read again.
    signed = read.signatures.approvers | {by.pk} if only is None else read_situation(request, at).signatures.approvers
    step = Step.APPROVE if len(signed) >= read.situation.needed else Step.SIGN
    take_step(request, step, action="approve", actor=by.get_username(), reason=reason, at=at, also=vote)
    return request


@transaction.atomic
def request_changes(*, request_id: int, by: User, reason: str, at: datetime) -> ChangeRequest:
    """Send the request back to its author with what should be different."""
    return _decide_against(request_id, Step.REQUEST_CHANGES, Vote.Decision.REQUEST_CHANGES, by, reason, at).request


@transaction.atomic
def reject(*, request_id: int, by: User, reason: str, at: datetime) -> ChangeRequest:
    """Reject the request for good, with a reason for its author.

    The lines that a machine proposed are pinned for 30 days, unless they are pinned already, because it would propose
    them again the next day. Each pin remembers what was proposed and on what evidence, and ends earlier once that has
    changed (`core.governance.rejections`). Withdrawals are not pinned, so that a line can always go.
    """
    read = _decide_against(request_id, Step.REJECT, Vote.Decision.REJECT, by, reason, at)
    if read.request.author_id is None:
        place_holds(_rejections(read, reason, at), by=by, at=at)
    return read.request


def lines_pinned_by_rejection(request: ChangeRequest, changes: Sequence[ChangeLine], at: datetime) -> set[str]:
    """Return the lines that rejecting the request pins: those that a machine proposed and no pin holds yet."""
    if request.author_id is not None:
        return set()
    proposed = {change.line_id for change in changes if change.after_id is not None}
    return proposed - held_lines(HoldKind.PIN, proposed, at)


def _rejections(read: RequestSituation, reason: str, at: datetime) -> list[NewHold]:
    """Return the pins of a rejection, each with what was proposed."""
    free = lines_pinned_by_rejection(read.request, read.changes, at)
    why, bar = f"rejected as part of request {read.request.pk}: {reason}", read.situation.parameters.evidence
    return [
        NewHold(
            change.line_id, HoldKind.PIN, why, at + REJECTED_FOR,
            rejected=ProposedEvidence.of(change.after.spec, bar).to_document(),
        )
        for change in read.changes
        if change.after is not None and change.line_id in free
    ]  # fmt: skip


@transaction.atomic
def cancel(*, request_id: int, by: User, reason: str, at: datetime) -> ChangeRequest:
    """Cancel an open request: one's own, or as a reviewer one of a machine."""
    if not reason.strip():
        raise GateError("reason", "say why it is taken back")
    request = locked(request_id)
    is_own = request.author_id == by.pk
    if not is_own and not (request.author_id is None and by.has_perm(REVIEW)):
        raise GateError.because("only its author may cancel a request; a reviewer may reject it")
    request.closed_at = at
    take_step(request, Step.CANCEL, action="cancel", actor=by.get_username(), reason=reason, at=at)
    return request


@transaction.atomic
def schedule(*, request_id: int, by: User, due: datetime, at: datetime) -> ChangeRequest:
    """Let an approved request take effect at a later time, if it still may then."""
    request = locked(request_id)
    refuse_blocked(request, Step.SCHEDULE, by, at)
    if not at < due < request.expires_at:
        raise GateError("due", f"must lie between now and the expiry on {request.expires_at:%Y-%m-%d %H:%M} UTC")
    request.scheduled_for = due
    reason = f"for {due:%Y-%m-%d %H:%M} UTC"
    take_step(request, Step.SCHEDULE, action="schedule", actor=by.get_username(), reason=reason, at=at)
    return request


@transaction.atomic
def unschedule(*, request_id: int, by: User, at: datetime) -> ChangeRequest:
    """Return a scheduled request to approved, to be applied by hand or at another time."""
    request = locked(request_id)
    refuse_blocked(request, Step.UNSCHEDULE, by, at)
    request.scheduled_for = None
    take_step(request, Step.UNSCHEDULE, action="unschedule", actor=by.get_username(), reason="", at=at)
    return request


def decide_many(requests: Collection[int], decide: Callable[[int], object]) -> list[BulkOutcome]:
    """Take one step on many requests independently: a refused one does not affect the others."""
    outcomes = []
    for request_id in requests:
        try:
            with transaction.atomic():
                decide(request_id)
        except ValueError as refused:
            outcomes.append(BulkOutcome(request_id, str(refused)))
        else:
            outcomes.append(BulkOutcome(request_id, ""))
    return outcomes


def _decide_against(
    request_id: int, step: Step, decision: Vote.Decision, by: User, reason: str, at: datetime
) -> RequestSituation:
    if not reason.strip():
        raise GateError("reason", "deciding against it needs one; its author learns from it")
    request = locked(request_id)
    if step is Step.REJECT:
        lock_module(request.module)  # before the first audit entry, for the holds on its lines
    read = refuse_blocked(request, step, by, at)
    vote = write_vote(request, by, decision, reason, at)
    if step is Step.REJECT:
        request.closed_at = at
    take_step(request, step, action=step.value, actor=by.get_username(), reason=reason, at=at, also=vote)
    return read


def _last_reason(votes: Sequence[Vote], by: User) -> str:
    """Return the reason of a person's latest vote."""
    return next(vote.reason for vote in reversed(votes) if vote.voter_id == by.pk)


def write_vote(request: ChangeRequest, by: User, decision: str, reason: str, at: datetime) -> dict[str, Any]:
    """Store a vote, and return what its audit entry says of it."""
    vote = Vote.objects.create(
        request=request,
        voter=by,
        content_hash=request.content_hash,
        decision=decision,
        reason=reason,
        voted_at=at,
        evidence=current_evidence(request),
    )
    return {"vote": {"id": vote.pk, "voter": vote.voter_id}}


def _split(
    request: ChangeRequest, changes: Sequence[ChangeLine], only: Collection[str], by: User, at: datetime
) -> None:
    """Keep `only` these lines in the request; the others, and the coefficients, become a new one of the same author."""
    chosen = set(only)
    strangers = chosen - {change.line_id for change in changes}
    rest = [change for change in changes if change.line_id not in chosen]
    if strangers or not chosen or not KINDS[request.kind].is_of_lines:
        named = ", ".join(sorted(line[:12] for line in strangers)) or "none"
        raise GateError("only", f"choose lines of this request of kind lines; {named} chosen")
    if not rest and not request.content:
        return
    kept = [DraftLine(c.line_id, c.after_id, c.differences) for c in changes if c.line_id in chosen]
    whole, request.title = request.title, f"{request.title[:170]} ({len(kept)} of {len(changes)} lines)"
    content = request.content  # coefficients are not among the chosen lines
    known = current_evidence(request)
    stored = write_content(request, kept, {}, at, measured_of(known, chosen))
    words = f"{len(kept)} of {len(changes)} lines are decided now"
    audit_request(request, "split", by.get_username(), words, at, evidence_named(stored))
    draft_request(
        module=request.module,
        kind=request.kind,
        title=f"{whole[:170]} (rest of request {request.pk})",
        reason=request.reason,
        author=request.author,
        author_name=request.author_name,
        at=at,
        lines=[DraftLine(change.line_id, change.after_id, change.differences) for change in rest],
        content=content,
        split_from=request,
        measured=measured_of(known, {change.line_id for change in rest}),
    )
