"""Refresh every minute whether open requests still fit what is in force, so that lists need not compute it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from overrides.core.governance.gates import Attempt, Situation, gates, health
from overrides.core.governance.request_states import Step
from overrides.models import ChangeRequest
from overrides.requests.gates import read_situation
from overrides.requests.transitions import MACHINE, audit_request


def health_of(situation: Situation, at: datetime) -> str:
    """Return the health that follows from the gates before applying, whatever the request's state."""
    return health(gates(situation, Attempt(Step.APPLY, None, at)))


@transaction.atomic
def refresh_health(*, now: datetime) -> int:
    """Store the health of open requests on the review route and audit each change; return how many changed.

    One that somebody has in hand is left for the next minute. All are looked at before the first is written: whoever
    has written an audit entry keeps others from writing theirs.
    """
    reviewed = ChangeRequest.objects.filter(state__in=ChangeRequest.OPEN, route=ChangeRequest.Route.REVIEW)
    found = {
        request.pk: (request.health, health_of(read_situation(request, now).situation, now)) for request in reviewed
    }
    changed = {pk: health for pk, (before, health) in found.items() if before != health}
    free = ChangeRequest.objects.select_for_update(of=("self",), skip_locked=True).order_by("id")
    requests = list(free.filter(pk__in=changed, state__in=ChangeRequest.OPEN))
    for request in requests:
        _store(request, changed[request.pk], now)
    return len(requests)


def _store(request: ChangeRequest, health: str, now: datetime) -> None:
    told = f"its health was {_words(request.health)} and is {_words(health)}"
    request.health = ChangeRequest.Health(health)
    request.save(update_fields=["health"])
    audit_request(request, "health", MACHINE, told, now)


def _words(health: str) -> str:
    return health.replace("_", " ")
