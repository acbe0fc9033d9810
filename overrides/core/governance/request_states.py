"""States of a change request: which step leads from which state to which other. This table is the only place for it.

Two axes describe a request: its state, and whether it still fits what is in force (`gates.health`, docs/design.md 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """The state of a change request."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    APPLIED = "applied"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


class Step(StrEnum):
    """What can be done to a request. `sign` is an approval that does not suffice yet, `approve` the one that does.

    An agreed request can be signed again, because an approval ends with its giver's right and another replaces it.
    `redraft` returns a machine's request with wishes for its successor: it is cancelled, and drafted again.
    `delegate` applies what mandates cover, `act_at_once` what goes towards neutral; neither needs a vote before.
    """

    EDIT = "edit"
    SUBMIT = "submit"
    SIGN = "sign"
    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"
    REDRAFT = "redraft"
    REJECT = "reject"
    CANCEL = "cancel"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    APPLY = "apply"
    FAIL = "fail"
    EXPIRE = "expire"
    DELEGATE = "delegate"
    ACT_AT_ONCE = "act_at_once"


OPEN = (State.DRAFT, State.IN_REVIEW, State.CHANGES_REQUESTED, State.APPROVED, State.SCHEDULED)
DECIDABLE = (State.IN_REVIEW, State.CHANGES_REQUESTED, State.APPROVED, State.SCHEDULED)

TRANSITIONS: Mapping[Step, Mapping[State, State]] = MappingProxyType(
    {
        Step.EDIT: {State.DRAFT: State.DRAFT} | dict.fromkeys(DECIDABLE, State.IN_REVIEW),
        Step.SUBMIT: dict.fromkeys((State.DRAFT, State.CHANGES_REQUESTED), State.IN_REVIEW),
        Step.SIGN: {state: state for state in (State.IN_REVIEW, State.APPROVED, State.SCHEDULED)},
        Step.APPROVE: dict.fromkeys((State.IN_REVIEW, State.APPROVED), State.APPROVED)
        | {State.SCHEDULED: State.SCHEDULED},
        Step.REQUEST_CHANGES: dict.fromkeys(
            (State.IN_REVIEW, State.APPROVED, State.SCHEDULED), State.CHANGES_REQUESTED
        ),
        Step.REDRAFT: dict.fromkeys(DECIDABLE, State.CANCELLED),
        Step.REJECT: dict.fromkeys(DECIDABLE, State.REJECTED),
        Step.CANCEL: dict.fromkeys(OPEN, State.CANCELLED),
        Step.SCHEDULE: dict.fromkeys((State.APPROVED, State.SCHEDULED), State.SCHEDULED),
        Step.UNSCHEDULE: {State.SCHEDULED: State.APPROVED},
        Step.APPLY: dict.fromkeys((State.APPROVED, State.SCHEDULED), State.APPLIED),
        Step.FAIL: {State.SCHEDULED: State.FAILED},
        Step.EXPIRE: dict.fromkeys(OPEN, State.EXPIRED),
        Step.DELEGATE: {State.DRAFT: State.APPLIED},
        Step.ACT_AT_ONCE: {State.DRAFT: State.APPLIED},
    }
)


class WrongState(ValueError):
    """The step is not allowed in this state; the message names the states that allow it."""


def allows(step: Step, state: str) -> bool:
    """Return whether a step is allowed in a state.

    >>> allows(Step.APPLY, "approved"), allows(Step.APPLY, "in_review")
    (True, False)
    """
    return state in TRANSITIONS[step]


def after(step: Step, state: str) -> State:
    """Return the state that a step leads to; raise WrongState if the state does not allow it.

    >>> after(Step.EDIT, "approved").value
    'in_review'
    >>> after(Step.APPLY, "rejected")
    Traceback (most recent call last):
    overrides.core.governance.request_states.WrongState: is rejected; only approved, scheduled allows to apply
    """
    leads = TRANSITIONS[step]
    if state not in leads:
        raise WrongState(f"is {state}; only {', '.join(leads)} allows to {step.value.replace('_', ' ')}")
    return leads[State(state)]


def moves() -> frozenset[tuple[str, str]]:
    """Return every pair of states that a step connects; the database refuses all others.

    >>> ("in_review", "approved") in moves(), ("rejected", "in_review") in moves()
    (True, False)
    """
    return frozenset((start.value, end.value) for leads in TRANSITIONS.values() for start, end in leads.items())
