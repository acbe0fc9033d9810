"""Return a machine's request with wishes: each is a hold on its line, and the machine drafts the next request at once.

A wish leaves a line out (a veto), holds it as it is (a pin), or makes its movement smaller (a cap), each until a date.
Lines without a wish are drafted as the evidence of the moment has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import transaction

from overrides.core.governance.errors import GateError
from overrides.core.governance.line_caps import cap_on_movement, moves_away
from overrides.core.governance.request_states import Step
from overrides.models import ChangeLine, ChangeRequest, HoldKind, LineHold, Membership, Vote
from overrides.requests.emergency import retire_lines
from overrides.requests.gates import RequestSituation, refuse_blocked
from overrides.requests.holds import NewHold, live_holds, place_holds
from overrides.requests.learned import Drafter, drafter_of
from overrides.requests.review import write_vote
from overrides.requests.transitions import locked, take_step
from overrides.versions.publish import lock_module
from telemetry.foundation.core.words import moment_of

LONGEST = timedelta(days=366)  # a wish is about the evidence of today; what should last longer is a hold of its own


class Wish(StrEnum):
    """What a reviewer wants of one line in the next draft; a smaller movement is a share of the proposed one."""

    LEAVE_OUT = "leave_out"
    HOLD = "hold"
    THREE_QUARTERS = "three_quarters"
    HALF = "half"
    QUARTER = "quarter"


SHARES: Mapping[Wish, float] = {Wish.THREE_QUARTERS: 0.75, Wish.HALF: 0.5, Wish.QUARTER: 0.25}


@dataclass(frozen=True)
class Redrafted:
    """The returned request, and its successor; None if the wishes leave nothing to propose."""

    request: ChangeRequest
    successor: ChangeRequest | None


def may_be_smaller(change: ChangeLine) -> bool:
    """Return whether the change moves a line away from neutral, so that a cap can make it smaller."""
    return change.after is not None and moves_away(change.before.levers if change.before else {}, change.after.levers)


def wished_cap(change: ChangeLine, wish: Wish) -> dict[str, float]:
    """Return the cap that a wish for a smaller movement places on a line that `may_be_smaller`."""
    assert change.after is not None
    return cap_on_movement(change.before.levers if change.before else {}, change.after.levers, SHARES[wish])


@transaction.atomic
def redraft(
    *,
    request_id: int,
    by: User,
    wishes: Mapping[str, Wish],
    until: datetime,
    reason: str,
    at: datetime,
    expected_hash: str = "",
) -> Redrafted:
    """Return a machine's request: cancel it, place a hold on each line of `wishes`, and draft its successor.

    `expected_hash` is the hash of the content that the person has seen. The same return again is a second click: it
    changes nothing, and the successor is returned. Raises GateError.
    """
    if not reason.strip():
        raise GateError("reason", "say what should be different; it stands with every hold, and with the next draft")
    request = locked(request_id)
    if _is_second_click(request, by, reason):
        return Redrafted(request, ChangeRequest.objects.filter(succeeds=request).first())
    lock_module(request.module)  # the locks precede the first audit entry
    drafter = _drafter(request)
    drafter.lock(request.module)
    if expected_hash and expected_hash != request.content_hash:
        raise GateError("content", "it was edited after you opened it; look at what it says now")
    read = refuse_blocked(request, Step.REDRAFT, by, at)
    _refuse_malformed(read, wishes, until, at)
    vote = write_vote(request, by, Vote.Decision.REQUEST_CHANGES, reason, at)
    request.closed_at = at
    action = Vote.Decision.REQUEST_CHANGES.value
    take_step(request, Step.REDRAFT, action=action, actor=by.get_username(), reason=reason, at=at, also=vote)
    _place(read, wishes, until, by, reason, at)
    return Redrafted(request, drafter.draft(request, _next_reason(request, by, wishes, until, reason), at))


def _drafter(request: ChangeRequest) -> Drafter:
    drafter = drafter_of(request)
    if drafter is None:
        raise GateError.because(f"{request.author_name} drafts no successor; comment on the request, or reject it")
    return drafter


def _is_second_click(request: ChangeRequest, by: User, reason: str) -> bool:
    if request.state != ChangeRequest.State.CANCELLED:
        return False
    decided = {"decision": Vote.Decision.REQUEST_CHANGES, "content_hash": request.content_hash}
    return Vote.objects.filter(request=request, voter=by, reason=reason, **decided).exists()


def _refuse_malformed(read: RequestSituation, wishes: Mapping[str, Wish], until: datetime, at: datetime) -> None:
    changes = {change.line_id: change for change in read.changes}
    strangers = sorted(set(wishes) - set(changes))
    if strangers:
        raise GateError("wishes", f"{strangers[0][:12]} is no line of this request")
    if not wishes:
        raise GateError("wishes", "choose for at least one line what should be different; otherwise comment, or reject")
    if not at < until <= at + LONGEST:
        raise GateError("until", f"name a time between now and {moment_of(at + LONGEST)}")
    for line, wish in wishes.items():
        if wish in SHARES and not may_be_smaller(changes[line]):
            raise GateError("wishes", f"{changes[line].line} does not move away from neutral; hold it, or leave it out")


def _place(
    read: RequestSituation, wishes: Mapping[str, Wish], until: datetime, by: User, reason: str, at: datetime
) -> None:
    """Place the holds, and retire what is in force on the lines that are left out.

    A veto or a pin that stands at least as long already stays as it is.
    """
    changes = {change.line_id: change for change in read.changes}
    why = f"changes requested on request {read.request.pk}: {reason}"
    standing = {(hold.line_id, str(hold.kind)): hold for found in live_holds(wishes, at).values() for hold in found}
    holds = [_hold(changes[line], wish, until, why) for line, wish in sorted(wishes.items())]
    wanted = [each for each in holds if not _stands(each, standing.get((each.line_id, str(each.kind))))]
    place_holds(wanted, by=by, at=at, replace=True)
    left_out = [line for line, wish in wishes.items() if wish is Wish.LEAVE_OUT]
    in_force = Membership.objects.filter(line_id__in=left_out, to_version=None).values_list("line_id", flat=True)
    if lines := list(in_force):
        retire_lines(module=read.request.module, lines=lines, by=by, reason=why, at=at)


def _hold(change: ChangeLine, wish: Wish, until: datetime, why: str) -> NewHold:
    if wish in SHARES:
        return NewHold(change.line_id, HoldKind.CAP, why, until, wished_cap(change, wish))
    return NewHold(change.line_id, HoldKind.VETO if wish is Wish.LEAVE_OUT else HoldKind.PIN, why, until)


def _stands(wanted: NewHold, standing: LineHold | None) -> bool:
    """Return whether a veto or a pin that stands does already what is wanted; that of a rejection may end sooner."""
    if standing is None or wanted.cap is not None or wanted.expires_at is None or standing.rejected is not None:
        return False
    return standing.expires_at is None or standing.expires_at >= wanted.expires_at


def _next_reason(request: ChangeRequest, by: User, wishes: Mapping[str, Wish], until: datetime, reason: str) -> str:
    """Return the reason of the successor: what was wished, by whom and why."""
    counts = {
        "left out": sum(wish is Wish.LEAVE_OUT for wish in wishes.values()),
        "held as they are": sum(wish is Wish.HOLD for wish in wishes.values()),
        "made smaller": sum(wish in SHARES for wish in wishes.values()),
    }
    wished = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return (
        f"The next draft after request {request.pk}, on which {by.get_username()} requested changes: {reason}\n"
        f"Wishes on its lines, until {moment_of(until)}: {wished}. The other lines are as the evidence of now "
        "has them."
    )
