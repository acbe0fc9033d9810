"""The steps a person may take on a change request: what each needs, what stands before it, how it is taken."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib.auth.models import User

from overrides.core.governance.errors import GateError
from overrides.core.governance.gates import Attempt, Gate, Severity, Situation, gates
from overrides.core.governance.permissions import APPLY, REVIEW, VIEW_REQUESTS
from overrides.core.governance.request_states import Step, allows
from overrides.models import ChangeRequest
from overrides.requests import apply, emergency, review
from overrides.requests.authoring import submit
from overrides.requests.gates import gate_person


@dataclass(frozen=True)
class StepInput:
    """What a person typed and ticked; `only` names lines, empty for all; `seen` the content on the page."""

    reason: str = ""
    only: tuple[str, ...] = ()
    due: str = ""
    seen: str = ""

    @property
    def due_at(self) -> datetime:
        """The time as the browser's field has it, in UTC."""
        try:
            due = datetime.fromisoformat(self.due)
        except ValueError as error:
            raise GateError("due", f"{self.due or 'nothing'} is no time; write 2026-03-02T12:00, in UTC") from error
        return due if due.tzinfo else due.replace(tzinfo=UTC)


@dataclass(frozen=True)
class StepPage:
    """One button. `take` calls the verb; `effect` says what pressing it does; `asks` names the fields besides.

    `life` is its step in `request_states`, whose table says when it is offered and whose gates it passes.
    """

    name: str
    label: str
    permission: str
    needs_reason: bool
    has_reason: bool
    effect: str
    take: Callable[[int, User, StepInput, datetime], object]
    life: Step | None = None
    asks: Collection[str] = ()
    is_open: Callable[[ChangeRequest, User], bool] = lambda request, person: True

    def offered(self, request: ChangeRequest, person: User) -> bool:
        return (self.life is None or allows(self.life, request.state)) and self.is_open(request, person)


def _approve(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    if not given.seen:
        raise GateError("content", "an approval names what was seen; open the request and approve it there")
    only = given.only or None
    return review.approve(request_id=request_id, by=by, at=at, reason=given.reason, only=only, seen=given.seen)


def _request_changes(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    return review.request_changes(request_id=request_id, by=by, reason=given.reason, at=at)


def _reject(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    return review.reject(request_id=request_id, by=by, reason=given.reason, at=at)


def _cancel(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    return review.cancel(request_id=request_id, by=by, reason=given.reason, at=at)


def _submit(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    return submit(request_id=request_id, by=by, at=at)


def _schedule(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    return review.schedule(request_id=request_id, by=by, due=given.due_at, at=at)


def _unschedule(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    return review.unschedule(request_id=request_id, by=by, at=at)


def _apply(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    return apply.apply_request(request_id=request_id, by=by, at=at)


def _acknowledge(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    return emergency.acknowledge(request_id=request_id, by=by, reason=given.reason, at=at)


def _comment(request_id: int, by: User, given: StepInput, at: datetime) -> object:
    line = given.only[0] if given.only else None
    return review.comment(request_id=request_id, by=by, text=given.reason, at=at, line_id=line)


def is_own(request: ChangeRequest, person: User) -> bool:
    return request.author_id == person.pk


def _may_cancel(request: ChangeRequest, person: User) -> bool:
    return is_own(request, person) or (request.author_id is None and person.has_perm(REVIEW))


def awaits_acknowledgement(request: ChangeRequest, person: User) -> bool:
    """What took effect at once, done by somebody else and looked at by nobody yet."""
    is_at_once = request.route == ChangeRequest.Route.AT_ONCE and request.state == ChangeRequest.State.APPLIED
    return is_at_once and request.acknowledged_at is None and not is_own(request, person)


_ALL = (
    StepPage(
        "approve",
        "Approve",
        REVIEW,
        False,
        True,
        "signs the content as it stands now; it can then be applied",
        _approve,
        Step.SIGN,
        ("only",),
    ),
    StepPage(
        "apply",
        "Apply",
        APPLY,
        False,
        False,
        "puts the approved content into force for every bot at once",
        _apply,
        Step.APPLY,
    ),
    StepPage(
        "schedule",
        "Schedule",
        APPLY,
        False,
        False,
        "lets it take effect by itself at the time given",
        _schedule,
        Step.SCHEDULE,
        ("due",),
    ),
    StepPage(
        "unschedule",
        "Unschedule",
        APPLY,
        False,
        False,
        "takes its time away; it stays approved",
        _unschedule,
        Step.UNSCHEDULE,
    ),
    StepPage(
        "acknowledge",
        "Acknowledge",
        REVIEW,
        True,
        True,
        "says that you have looked at what took effect at once",
        _acknowledge,
        is_open=awaits_acknowledgement,
    ),
    StepPage(
        "submit",
        "Submit",
        VIEW_REQUESTS,
        False,
        False,
        "hands it to the reviewers",
        _submit,
        Step.SUBMIT,
        is_open=is_own,
    ),
    StepPage(
        "request_changes",
        "Request changes",
        REVIEW,
        True,
        True,
        "sends it back to its author, who reads the reason",
        _request_changes,
        Step.REQUEST_CHANGES,
    ),
    StepPage(
        "reject",
        "Reject",
        REVIEW,
        True,
        True,
        "closes the request for good; its author reads the reason",
        _reject,
        Step.REJECT,
    ),
    StepPage(
        "cancel",
        "Cancel",
        VIEW_REQUESTS,
        True,
        True,
        "takes the request back for good",
        _cancel,
        Step.CANCEL,
        is_open=_may_cancel,
    ),
    StepPage(
        "comment",
        "Comment",
        VIEW_REQUESTS,
        True,
        True,
        "says something that everybody who opens the request reads",
        _comment,
        asks=("only",),
    ),
)
STEPS = {step.name: step for step in _ALL}


# These let something act: they take a recent proof of who is asking. Turning something down never does.
PROVEN = frozenset({"approve", "schedule", "apply"})


@dataclass(frozen=True)
class Offer:
    """A step as one person sees it, with every gate before it; `blocked` says what stands in the way, or nothing."""

    step: StepPage
    gates: tuple[Gate, ...]

    @property
    def blocked(self) -> str:
        return "; ".join(f"{gate.message}; {gate.way_past}" for gate in self.gates if gate.severity is Severity.BLOCKS)


def offers(request: ChangeRequest, situation: Situation, person: User, at: datetime) -> list[Offer]:
    """The steps the request's state allows, each with what stands before it for this person."""
    who = gate_person(person, request, situation)
    return [
        Offer(step, gates(situation, Attempt(step.life, who, at)) if step.life else ())
        for step in STEPS.values()
        if step.offered(request, person) and step.name != "comment"
    ]


GLANCED = ("approve", "reject", "apply")


@dataclass(frozen=True)
class Glance:
    """A step that a list of requests names; `blocked` says what is plain without reading the request's lines."""

    step: StepPage
    blocked: str


def at_a_glance(request: ChangeRequest, person: User, at: datetime) -> list[Glance]:
    """What a reader may do about a request, as far as its row and the reader tell; its page names every gate."""
    steps = (STEPS[name] for name in GLANCED)
    return [
        Glance(step, _plainly_blocked(step, request, person, at)) for step in steps if step.offered(request, person)
    ]


def _plainly_blocked(step: StepPage, request: ChangeRequest, person: User, at: datetime) -> str:
    if at >= request.expires_at:
        return "it has expired; it has to be drafted again"
    if not person.has_perm(step.permission):
        return "you lack the permission; a reviewer has it"
    if step.permission == REVIEW and is_own(request, person):
        return "you drafted it; somebody else has to decide"
    return ""
