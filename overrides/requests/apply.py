"""Decided requests take effect: a new version, a mode or a policy; what is due is applied, what is too old closed.

Every gate is asked again under the module's lock, so that two requests on one line cannot both pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.mandates import grant
from overrides.core.governance.request_states import Step
from overrides.models import ChangeLine, ChangeRequest, Mandate, RequestKind, VersionKind
from overrides.requests.gates import refuse_blocked
from overrides.requests.governance_store import apply_policy, policy_of
from overrides.requests.transitions import MACHINE, audit_request, locked, take_step
from overrides.serving.mode import apply_mode
from overrides.versions.publish import (
    LineChange,
    lock_module,
    lock_modules,
    publish_trial,
    publish_version,
    store_parameters,
)

State = ChangeRequest.State


class _Common(TypedDict):
    """What every effect of a request is told."""

    module: str
    by: str
    reason: str
    at: datetime


@transaction.atomic
def apply_request(*, request_id: int, by: User | None, at: datetime) -> ChangeRequest:
    """Put an approved request into force; `by` None is the schedule. Raises GateError with every blocker."""
    request = locked(request_id)
    lock_module(request.module)
    refuse_blocked(request, Step.APPLY, by, at)
    actor = MACHINE if by is None else by.get_username()
    changes = list(request.lines.select_related("line", "after__line").order_by("line_id"))
    close_applied(request, Step.APPLY, actor, at)
    take_effect(request, changes, actor, at)
    if request.kind in (RequestKind.LINES, RequestKind.PARAMETERS, RequestKind.ROLLBACK):
        _sign_mandates(request, changes, at)
    return request


@transaction.atomic
def apply_due(*, now: datetime) -> int:
    """Apply the requests whose time has come, and their number; one that may not any more fails and says why."""
    due = _in_hand(ChangeRequest.objects.filter(state=State.SCHEDULED, scheduled_for__lte=now))
    lock_modules(request.module for request in due)
    for request in sorted(due, key=lambda request: (request.scheduled_for, request.pk)):
        try:
            apply_request(request_id=request.pk, by=None, at=now)
        except GovernanceError as refused:
            _fail(request.pk, str(refused), now)
    return len(due)


@transaction.atomic
def expire_requests(*, now: datetime) -> int:
    """Close the open requests nobody decided in time; their number."""
    due = _in_hand(ChangeRequest.objects.filter(state__in=ChangeRequest.OPEN, expires_at__lte=now))
    for request in due:
        take_step(request, Step.EXPIRE)
        request.closed_at = now
        request.save()
        audit_request(request, "expire", MACHINE, "nobody decided in time", now)
    return len(due)


def _in_hand(requests: QuerySet[ChangeRequest]) -> list[ChangeRequest]:
    """These rows, locked all before the audit trail is; one that somebody decides on just now waits for next time."""
    return list(requests.select_for_update(skip_locked=True).order_by("id"))


def close_applied(request: ChangeRequest, step: Step, actor: str, at: datetime) -> None:
    """The request's own end, before its effect: the database looks at it when it checks the effect."""
    take_step(request, step)
    request.closed_at = at
    request.save()
    audit_request(request, "apply", actor, request.reason, at)


def take_effect(request: ChangeRequest, changes: Sequence[ChangeLine], by: str, at: datetime) -> None:
    common = _Common(module=request.module, by=by, reason=request.reason, at=at)
    lines = [LineChange(change.line_id, change.after_id) for change in changes]
    if request.kind == RequestKind.MODE:
        apply_mode(content=request.content, **common)
    elif request.kind == RequestKind.POLICY:
        apply_policy(content=request.content, request=request, **common)
    elif request.kind == RequestKind.ROLLBACK:
        target = request.rolls_back_to
        publish_version(
            kind=VersionKind.ROLLBACK,
            changes=lines,
            parameters=target.parameters,
            coefficients=target.coefficients,
            request=request,
            **common,
        )
    elif request.kind == RequestKind.PARAMETERS:
        parameters = ModuleParameters.from_document(request.module, request.content)
        row = store_parameters(parameters, by=request.author_name, reason=request.reason, at=at)
        publish_version(kind=VersionKind.PARAMETERS, changes=lines, parameters=row, request=request, **common)
    elif request.kind == RequestKind.TRIAL:
        parameters = ModuleParameters.from_document(request.module, request.content)
        row = store_parameters(parameters, by=request.author_name, reason=request.reason, at=at)
        trial = publish_trial(changes=lines, parameters=row, request=request, **common)
        apply_mode(content={"challenger": trial.number}, **common)
    else:
        coefficients = request.content.get("coefficients")
        publish_version(kind=VersionKind.LINES, changes=lines, coefficients=coefficients, request=request, **common)


def _sign_mandates(request: ChangeRequest, changes: Sequence[ChangeLine], at: datetime) -> None:
    """Approving a line signs what the builder may do with it from now on; older mandates on it end."""
    policy = policy_of(request.module)
    Mandate.objects.filter(line_id__in=[change.line_id for change in changes], revoked_at=None).update(revoked_at=at)
    rows = []
    for change in changes:
        if change.after is not None:
            terms = grant(change.after.spec, policy, at)
            rows.append(
                Mandate(
                    line_id=change.line_id,
                    request=request,
                    direction=terms.direction,
                    reach={name: list(pair) for name, pair in terms.reach.items()},
                    evidence_floor={"least_n": terms.least_n, "least_edge": terms.least_edge},
                    review_by=terms.review_by,
                    granted_at=at,
                )
            )
    Mandate.objects.bulk_create(rows, batch_size=2000)


@transaction.atomic
def _fail(request_id: int, why: str, at: datetime) -> None:
    request = locked(request_id)
    take_step(request, Step.FAIL)
    request.failure, request.closed_at = why, at
    request.save()
    audit_request(request, "fail", MACHINE, why, at)
