"""Refresh the health of open requests every minute, so that lists can show it without reading lines.

Health states whether a request still fits what is in force: valid, stale, evidence lapsed or conflict.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from overrides.core.governance.gates import gates, health
from overrides.core.governance.request_states import Step
from overrides.core.governance.situation import Attempt, Situation
from overrides.models import ChangeRequest
from overrides.requests.gates import read_situation
from overrides.requests.transitions import audit_request
from telemetry.audit.audit_log import MACHINE


def health_of(situation: Situation, at: datetime) -> str:
    """Return the health that the gates before applying find, in any state of the request and for any person."""
    return health(gates(situation, Attempt(Step.APPLY, None, at)))


@transaction.atomic
def refresh_health(*, now: datetime) -> int:
    """Store the health of the open requests under review; return how many changed, each with an audit entry.

    Requests locked by another transaction are left for the next minute. All are evaluated before the first is written,
    because an audit entry blocks the entries of others until the commit.
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
    reason = f"its health was {_readable(request.health)} and is {_readable(health)}"
    request.health = ChangeRequest.Health(health)
    request.save(update_fields=["health"])
    audit_request(request, "health", MACHINE, reason, now)


def _readable(health: str) -> str:
    return health.replace("_", " ")
