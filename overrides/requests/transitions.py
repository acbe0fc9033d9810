"""Change a request's state: lock the row, move it along the table of `request_states`, write the audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from overrides.core.governance import request_states
from overrides.core.governance.errors import GateError
from overrides.core.governance.request_states import Step
from overrides.models import ChangeRequest
from overrides.requests.governance_store import MandatesWritten
from telemetry.audit.audit_log import write_audit

MANDATES = "mandates"  # the action of the entry about mandates that a request signs or ends
Also = Mapping[str, Any] | None


def locked(request_id: int) -> ChangeRequest:
    """Return the request, locked FOR UPDATE until the transaction ends. Raises GateError if it does not exist."""
    found = ChangeRequest.objects.select_for_update(of=("self",)).select_related("author").filter(pk=request_id).first()
    if found is None:
        raise GateError.because(f"there is no request {request_id}")
    return found


def move(request: ChangeRequest, step: Step) -> None:
    """Move the request along the table of `request_states`; the caller saves it. Raises GateError."""
    try:
        leads_to = request_states.after(step, request.state)
    except request_states.WrongState as error:
        raise GateError.because(f"request {request.pk} {error}") from error
    request.state = ChangeRequest.State(leads_to)


def take_step(
    request: ChangeRequest, step: Step, *, action: str, actor: str, reason: str, at: datetime, also: Also = None
) -> None:
    """Move the request, save it with whatever the caller has set on it, and write the audit entry of `action`."""
    move(request, step)
    request.save()
    audit_request(request, action, actor, reason, at, also)


def audit_request(request: ChangeRequest, action: str, actor: str, reason: str, at: datetime, also: Also = None) -> int:
    """Write the audit entry of what somebody did to a saved request, and return its number.

    `also` names other rows that the step wrote, by id: with it the nightly check recognises rewritten rows.
    """
    return write_audit(
        actor=actor,
        action=action,
        object=f"request {request.pk}",
        reason=reason,
        before=None,
        after={
            "state": str(request.state),
            "module": request.module,
            "kind": request.kind,
            "content": request.content_hash,
            "author": request.author_id,
            **(also or {}),
        },
        at=at,
    )


def audit_mandates(request: ChangeRequest, written: MandatesWritten, actor: str, at: datetime) -> None:
    """Write the audit entry of the mandates that a request signed and ended, if there are any."""
    if written["signed"] or written["ended"]:
        audit_request(request, MANDATES, actor, request.reason, at, dict(written))
