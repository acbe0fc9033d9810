"""The steps a person may take on a change request or a mode: what each needs, what blocks it, how it is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from overrides import apply, review
from overrides.core.lifecycle import Step as LifeStep
from overrides.core.lifecycle import allows
from overrides.models import ChangeRequest

REVIEW = "overrides.review_changerequest"
APPLY = "overrides.apply_changerequest"


@dataclass(frozen=True)
class Step:
    """One button. `take` calls the verb; `effect` says what pressing it does."""

    name: str
    label: str
    permission: str
    needs_reason: bool
    has_reason: bool
    effect: str
    take: Callable[[int, User, str, datetime], object]


def _approve(request_id: int, by: User, reason: str, at: datetime) -> object:
    return review.approve(request_id=request_id, by=by, at=at, reason=reason)


def _reject(request_id: int, by: User, reason: str, at: datetime) -> object:
    return review.reject(request_id=request_id, by=by, reason=reason, at=at)


def _apply(request_id: int, by: User, reason: str, at: datetime) -> object:
    return apply.apply_request(request_id=request_id, by=by, at=at)


STEPS = {
    step.name: step
    for step in (
        Step(
            "approve",
            "Approve",
            REVIEW,
            False,
            True,
            "signs the content as it stands now; it can then be applied",
            _approve,
        ),
        Step(
            "reject", "Reject", REVIEW, True, True, "closes the request for good; its author reads the reason", _reject
        ),
        Step(
            "apply", "Apply", APPLY, False, False, "puts the approved content into force for every bot at once", _apply
        ),
    )
}


# These let something act: they take a recent proof of who is asking. Turning something down never does.
PROVEN = frozenset({"approve", "apply"})


@dataclass(frozen=True)
class Offer:
    """A step as one person sees it; `blocked` says what stands in the way and who can help, empty if nothing does."""

    step: Step
    blocked: str


def offers(request: ChangeRequest, person: User, at: datetime) -> list[Offer]:
    """The steps the request's state allows, each with what blocks this person."""
    return [
        Offer(step, _blocked(step, request, person, at))
        for step in STEPS.values()
        if allows(LifeStep(step.name), request.state)
    ]


def _blocked(step: Step, request: ChangeRequest, person: User, at: datetime) -> str:
    if at >= request.expires_at:
        return "it has expired; it has to be drafted again"
    if not person.has_perm(step.permission):
        return "you lack the permission; a reviewer has it"
    if step.permission == REVIEW and request.author_id == person.pk:
        return "you drafted it; somebody else has to decide"
    return ""
