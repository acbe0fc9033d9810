"""A request that came back to its author: what was said, by whom, and what the author can do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from overrides.models import ChangeRequest, Vote


@dataclass(frozen=True)
class Returned:
    """The vote that sent a request back, and whether the reader is its author, who may edit, submit or cancel it."""

    vote: Vote | None
    is_own: bool


def returned(request: ChangeRequest, person: User, votes: Sequence[Vote]) -> Returned | None:
    """Return how a request came back to its author; None for one that is not with its author now."""
    if request.state != ChangeRequest.State.CHANGES_REQUESTED:
        return None
    against = [vote for vote in votes if vote.decision == Vote.Decision.REQUEST_CHANGES]
    return Returned(against[-1] if against else None, request.author_id == person.pk)


def returned_steps(request: ChangeRequest, person: User, at: datetime) -> tuple[str, ...]:
    """Return what the author of a returned request can do; empty for everybody else and once it has expired."""
    is_returned = request.state == ChangeRequest.State.CHANGES_REQUESTED and at < request.expires_at
    return ("Edit", "Submit again", "Cancel") if is_returned and request.author_id == person.pk else ()


def waits_for_author(request: ChangeRequest) -> str:
    """Return that a returned request waits for its author; empty for other requests."""
    if request.state != ChangeRequest.State.CHANGES_REQUESTED:
        return ""
    return f"waiting for its author, {request.author_name}"
