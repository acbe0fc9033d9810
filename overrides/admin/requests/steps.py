"""The steps that a person can take on a change request: what each needs, its gates, and the verb it calls."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib.auth.models import User

from overrides.core.governance.errors import GateError
from overrides.core.governance.gates import ALREADY_AGREED, Gate, Severity, gates
from overrides.core.governance.permissions import APPLY, REVIEW, VIEW_REQUESTS
from overrides.core.governance.request_states import Step, allows
from overrides.core.governance.situation import Attempt, Situation
from overrides.models import ChangeRequest
from overrides.requests import apply, emergency, review
from overrides.requests.authoring import submit
from overrides.requests.gates import gate_person
from overrides.requests.kinds import KINDS
from overrides.requests.learned import drafter_of
from overrides.requests.renewal import renew_mandates, suspended_of

REDRAFT = "redraft"  # has a page of its own, with choices for each line


@dataclass(frozen=True)
class StepInput:
    """What a person entered: `only` are line ids (empty: all), `expected_hash` is that of the page's content."""

    reason: str = ""
    only: tuple[str, ...] = ()
    due: str = ""
    expected_hash: str = ""

    @property
    def due_at(self) -> datetime:
        """Return the time from the browser's field, in UTC. Raises GateError."""
        try:
            due = datetime.fromisoformat(self.due)
        except ValueError as error:
            raise GateError("due", f"{self.due or 'nothing'} is no time; write 2026-03-02T12:00, in UTC") from error
        return due if due.tzinfo else due.replace(tzinfo=UTC)


@dataclass(frozen=True)
class StepPage:
    """One step as a button and a page: `take` calls the verb, `effect` describes it.

    `extra_fields` names the inputs besides the reason. `request_step` is its step in `request_states`: that table
    decides when it is offered and which gates apply.
    """

    name: str
    label: str
    permission: str
    needs_reason: bool
    has_reason: bool
    effect: str
    take: Callable[[int, User, StepInput, datetime], object]
    request_step: Step | None = None
    extra_fields: Collection[str] = ()
    is_open: Callable[[ChangeRequest, User], bool] = lambda request, person: True

    def offered(self, request: ChangeRequest, person: User) -> bool:
        """Return whether this person is offered the step on the request."""
        return (self.request_step is None or allows(self.request_step, request.state)) and self.is_open(request, person)


def _approve(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    if not step_input.expected_hash:
        raise GateError("content", "an approval names what was seen; open the request and approve it there")
    only = step_input.only or None
    return review.approve(
        request_id=request_id, by=by, at=at, reason=step_input.reason, only=only, expected_hash=step_input.expected_hash
    )


def _request_changes(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    return review.request_changes(request_id=request_id, by=by, reason=step_input.reason, at=at)


def _redraft(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    raise GateError("wishes", "say line by line what should be different, on the page of the request")


def _reject(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    return review.reject(request_id=request_id, by=by, reason=step_input.reason, at=at)


def _cancel(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    return review.cancel(request_id=request_id, by=by, reason=step_input.reason, at=at)


def _submit(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    return submit(request_id=request_id, by=by, at=at)


def _schedule(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    return review.schedule(request_id=request_id, by=by, due=step_input.due_at, at=at)


def _unschedule(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    return review.unschedule(request_id=request_id, by=by, at=at)


def _apply(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    return apply.apply_request(request_id=request_id, by=by, at=at)


def _renew(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    return renew_mandates(request_id=request_id, by=by, at=at, reason=step_input.reason)


def _acknowledge(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    return emergency.acknowledge(request_id=request_id, by=by, reason=step_input.reason, at=at)


def _comment(request_id: int, by: User, step_input: StepInput, at: datetime) -> object:
    line = step_input.only[0] if step_input.only else None
    return review.comment(request_id=request_id, by=by, text=step_input.reason, at=at, line_id=line)


def is_own(request: ChangeRequest, person: User) -> bool:
    """Return whether the person is the author of the request."""
    return request.author_id == person.pk


def _drafts_again(request: ChangeRequest, person: User) -> bool:
    """Return whether a machine drafted the request that answers wishes with its next draft."""
    return drafter_of(request) is not None


def _has_author(request: ChangeRequest, person: User) -> bool:
    """Return whether a person drafted the request, who can answer; a machine reads no comments."""
    return request.author_id is not None


def _may_cancel(request: ChangeRequest, person: User) -> bool:
    return is_own(request, person) or (request.author_id is None and person.has_perm(REVIEW))


def may_renew(request: ChangeRequest, person: User) -> bool:
    """Return whether mandates of an applied request of somebody else wait to be signed again."""
    is_reviewed = request.route == ChangeRequest.Route.REVIEW and request.state == ChangeRequest.State.APPLIED
    is_signing = is_reviewed and KINDS[request.kind].is_published and not is_own(request, person)
    return is_signing and bool(suspended_of(request, datetime.now(UTC)))


def awaits_acknowledgement(request: ChangeRequest, person: User) -> bool:
    """Return whether the request is an emergency action of somebody else that nobody has acknowledged."""
    is_at_once = request.route == ChangeRequest.Route.AT_ONCE and request.state == ChangeRequest.State.APPLIED
    return is_at_once and request.acknowledged_at is None and not is_own(request, person)


_ALL = (
    StepPage(
        "approve",
        "Approve",
        REVIEW,
        False,
        True,
        "approves exactly the content shown; it can then be applied",
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
        "renew",
        "Sign again",
        REVIEW,
        False,
        True,
        "signs what was applied once more, so that its suspended mandates count again on the same terms until their "
        "review",
        _renew,
        is_open=may_renew,
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
        "returns it to its author with your comments",
        _request_changes,
        Step.REQUEST_CHANGES,
        is_open=_has_author,
    ),
    StepPage(
        REDRAFT,
        "Request changes",
        REVIEW,
        True,
        True,
        "returns it to the machine with your wishes for each line; its next draft follows at once",
        _redraft,
        Step.REDRAFT,
        is_open=_drafts_again,
    ),
    StepPage(
        "reject",
        "Reject",
        REVIEW,
        True,
        True,
        "closes the request; lines that a machine proposed are pinned for 30 days, or until their evidence changes",
        _reject,
        Step.REJECT,
    ),
    StepPage(
        "cancel",
        "Cancel",
        VIEW_REQUESTS,
        True,
        True,
        "withdraws the request",
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
        extra_fields=("only",),
    ),
)
STEPS = {step.name: step for step in _ALL}


# Steps that can raise risk need a recent re-authentication; rejecting something never does.
PROOF_STEPS = frozenset({"approve", "schedule", "apply", "renew"})


@dataclass(frozen=True)
class Offer:
    """A step as one person sees it, with its gates; `blocked` describes what blocks it, empty if nothing does."""

    step: StepPage
    gates: tuple[Gate, ...]

    @property
    def blocked(self) -> str:
        return "; ".join(f"{gate.message}; {gate.way_past}" for gate in self.gates if gate.severity is Severity.BLOCKS)


def offers(request: ChangeRequest, situation: Situation, person: User, at: datetime) -> list[Offer]:
    """Return the steps that the request's state allows, each with its gates for this person.

    An approval is not offered where none is missing.
    """
    who = gate_person(person, request, situation)
    found = [
        Offer(step, gates(situation, Attempt(step.request_step, who, at)) if step.request_step else ())
        for step in STEPS.values()
        if step.offered(request, person) and step.name != "comment"
    ]
    return [offer for offer in found if all(gate.name != ALREADY_AGREED for gate in offer.gates)]


SUMMARY_STEPS = ("approve", "reject", "apply")


@dataclass(frozen=True)
class StepSummary:
    """A step as a list of requests shows it; `blocked` considers only the request's row and the person."""

    step: StepPage
    blocked: str


def step_summaries(request: ChangeRequest, person: User, at: datetime) -> list[StepSummary]:
    """Return what a person may do about a request, as far as its row tells; its page shows every gate."""
    is_agreed = request.state in (ChangeRequest.State.APPROVED, ChangeRequest.State.SCHEDULED)
    steps = (STEPS[name] for name in SUMMARY_STEPS if not (is_agreed and name == "approve"))
    return [
        StepSummary(step, _blocked_by_row(step, request, person, at)) for step in steps if step.offered(request, person)
    ]


def _blocked_by_row(step: StepPage, request: ChangeRequest, person: User, at: datetime) -> str:
    if at >= request.expires_at:
        return "it has expired; it has to be drafted again"
    if not person.has_perm(step.permission):
        return "waiting for a reviewer"
    if step.permission == REVIEW and is_own(request, person):
        return "you drafted it; somebody else has to decide"
    return ""
