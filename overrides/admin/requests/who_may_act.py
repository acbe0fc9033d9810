"""Who may act on a request now, in words, and the next request that waits for the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef

from overrides.admin.requests.steps import Offer
from overrides.core.governance.situation import Situation
from overrides.models import ChangeRequest, Vote

State = ChangeRequest.State


@dataclass(frozen=True)
class WhoMayAct:
    """`waits` says what the request waits for; `yours` are the steps that the reader may take now."""

    waits: str
    yours: tuple[str, ...]


def who_may_act(request: ChangeRequest, situation: Situation, offered: Sequence[Offer]) -> WhoMayAct:
    """Return who may act now."""
    return WhoMayAct(_waits(request, situation), tuple(each.step.label for each in offered if not each.blocked))


def _waits(request: ChangeRequest, situation: Situation) -> str:
    author = request.author_name
    if request.state == State.IN_REVIEW:
        missing = situation.needed - situation.approvals
        groups = f" from {' or '.join(situation.voters)}" if situation.voters else ""
        other = "" if request.author_id is None else f" other than its author, {author}"
        return f"It waits for {missing} more approval{'' if missing == 1 else 's'}{groups} by reviewers{other}."
    if request.state == State.CHANGES_REQUESTED:
        return f"It is back with its author, {author}, who may edit it and submit it again."
    if request.state == State.DRAFT:
        return f"It is a draft of {author}, who has to submit it."
    if request.state == State.APPROVED:
        return "It is approved; anybody with the permission to apply requests may apply or schedule it."
    if request.state == State.SCHEDULED:
        return "It is approved and takes effect at its time, unless somebody unschedules it."
    if request.route == ChangeRequest.Route.AT_ONCE and request.acknowledged_at is None:
        return "It took effect at once and waits to be acknowledged by a reviewer."
    return f"It is {request.get_state_display().lower()}; nothing is left to decide."


def next_waiting(request: ChangeRequest, person: User) -> ChangeRequest | None:
    """Return the oldest other request that waits for this reviewer's vote; None if none does."""
    voted = Vote.objects.filter(request=OuterRef("pk"), voter=person, content_hash=OuterRef("content_hash"))
    waiting = ChangeRequest.objects.filter(~Exists(voted), state=State.IN_REVIEW).exclude(pk=request.pk)
    return waiting.exclude(author=person).only("pk", "module", "title").order_by("created_at", "pk").first()
