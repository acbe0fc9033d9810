"""Put decided requests into force, apply scheduled ones when they are due, and expire those nobody decided.

Every gate is evaluated again under the module's lock, so that two requests for one line cannot both pass.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.request_states import Step
from overrides.models import ChangeLine, ChangeRequest
from overrides.requests.gates import refuse_blocked
from overrides.requests.governance_store import sign_mandates
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import Basis
from overrides.requests.transitions import audit_mandates, locked, take_step
from overrides.versions.publish import lock_module, lock_modules
from telemetry.audit.audit_log import MACHINE

State = ChangeRequest.State
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)

logger = logging.getLogger(__name__)


@transaction.atomic
def apply_request(*, request_id: int, by: User | None, at: datetime) -> ChangeRequest:
    """Put an approved request into force; `by` None is the schedule. Raises GateError with every blocker."""
    request = locked(request_id)
    lock_module(request.module)
    read = refuse_blocked(request, Step.APPLY, by, at)
    actor = MACHINE if by is None else by.get_username()
    apply_now(request, Step.APPLY, read.changes, read.basis, actor, at)
    if KINDS[request.kind].is_published:
        mandates = sign_mandates(request, read.changes, read.situation.policy, at)
        audit_mandates(request, mandates, actor, at)
    return request


def apply_now(
    request: ChangeRequest, step: Step, changes: Sequence[ChangeLine], basis: Basis, actor: str, at: datetime
) -> None:
    """Close a request as applied and put it into force; `changes` and `basis` were read under the module's lock."""
    close_applied(request, step, actor, at)
    KINDS[request.kind].take_effect(request, changes, basis, actor, at)


def close_applied(request: ChangeRequest, step: Step, actor: str, at: datetime) -> None:
    """Close a request as applied. This precedes its effect, which the database checks against it."""
    request.closed_at = at
    take_step(request, step, action="apply", actor=actor, reason=request.reason, at=at)


@transaction.atomic
def apply_due(*, now: datetime) -> int:
    """Apply the requests that are due and return their number; one that is blocked by then fails with its reason.

    So does one whose stored content cannot be read, which only a row written past the verbs can have: it must not keep
    the others from their time.
    """
    due = _lock_available(ChangeRequest.objects.filter(state=State.SCHEDULED, scheduled_for__lte=now))
    lock_modules(request.module for request in due)
    for request in sorted(due, key=lambda request: (request.scheduled_for, request.pk)):
        try:
            apply_request(request_id=request.pk, by=None, at=now)
        except GovernanceError as refused:
            _fail(request.pk, str(refused), now)
        except UNREADABLE as fault:
            logger.exception("request %s cannot be read", request.pk)
            _fail(request.pk, f"its content cannot be read: {type(fault).__name__}: {fault}", now)
    return len(due)


@transaction.atomic
def expire_requests(*, now: datetime) -> int:
    """Expire the open requests that nobody decided in time; return their number."""
    due = _lock_available(ChangeRequest.objects.filter(state__in=ChangeRequest.OPEN, expires_at__lte=now))
    for request in due:
        request.closed_at = now
        reason = "nobody decided in time"
        take_step(request, Step.EXPIRE, action="expire", actor=MACHINE, reason=reason, at=now)
    return len(due)


def _lock_available(requests: QuerySet[ChangeRequest]) -> list[ChangeRequest]:
    """Lock these rows, before the audit log is locked; skip those that another transaction holds until the next run."""
    return list(requests.select_for_update(skip_locked=True).order_by("id"))


@transaction.atomic
def _fail(request_id: int, why: str, at: datetime) -> None:
    request = locked(request_id)
    request.failure, request.closed_at = why, at
    take_step(request, Step.FAIL, action="fail", actor=MACHINE, reason=why, at=at)
