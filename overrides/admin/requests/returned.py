"""A request that came back to its author: what was said, by whom, and what the author can do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
