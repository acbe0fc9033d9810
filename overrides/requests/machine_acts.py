"""What the monitor does by itself: retire a line, take a module to shadow, end mandates; all towards neutral, at once.

Each act has its audit entry and a notice to everybody who approves. The first two leave a request with route `at_once`
and no person as its author, which a reviewer acknowledges afterwards; undoing them needs a reviewed request. A retired
line is not published again under a mandate, which ends with it, nor because it lowers exposure (`went_at_once`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from overrides.core.governance.errors import GateError
from overrides.core.governance.exposure import exposure_change
from overrides.core.governance.permissions import REVIEW
from overrides.core.governance.request_states import Step
from overrides.models import ChangeRequest, Mandate, Membership, ModuleMode, RequestKind
from overrides.requests.apply import apply_now, close_applied
from overrides.requests.authoring import draft_request
from overrides.requests.governance_store import end_mandates
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.transitions import MANDATES, audit_mandates, audit_request, locked, take_step
from overrides.serving.mode import lower_mode
from overrides.versions.publish import lock_module
from telemetry.audit.notices import write_notice
from telemetry.foundation.core.words import shortened

MONITOR = "the monitor"  # the actor of what the monitor does by itself
DISABLED = "disable"  # the actions of its entries
DROPPED = "drop to shadow"
BY_MONITOR: Mapping[str, Any] = {"author": None, "author_name": MONITOR, "route": ChangeRequest.Route.AT_ONCE}
MOST_OF_LINE = 140  # characters of a title, which holds 200


@transaction.atomic
def disable_line(*, module: str, line_id: str, reason: str, at: datetime) -> ChangeRequest | None:
    """Withdraw a line from the version in force, and end its mandate; None if the line is not in force.

    Withdrawing a line that lowers exposure raises exposure: that is neutral, where machines may always go, and the
    title of the request says so.
    """
    lock_module(module)
    membership = (
        Membership.objects.filter(module=module, line_id=line_id, to_version=None)
        .select_related("override__line")
        .first()
    )
    if membership is None:
        return None
    spec = membership.override.spec
    change = exposure_change(spec.action_category, spec.levers, {})
    effect = "raises" if change > 0 else "lowers" if change < 0 else "does not change"
    title = f"The monitor disabled {shortened(str(membership.override.line), MOST_OF_LINE)}, which {effect} exposure"
    differences = [f"disabled by the monitor; this {effect} exposure"]
    request = draft_request(
        module=module,
        kind=RequestKind.LINES,
        title=title,
        reason=reason,
        at=at,
        lines=[DraftLine(line_id, None, differences)],
        **BY_MONITOR,
    )
    changes = list(request.lines.select_related("line", "after__line"))
    apply_now(request, Step.ACT_AT_ONCE, changes, KINDS[request.kind].basis(request), MONITOR, at)
    audit_mandates(request, end_mandates([line_id], at), MONITOR, at)
    _notify(request, DISABLED, reason, at)
    return request


@transaction.atomic
def drop_to_shadow(*, module: str, reason: str, at: datetime) -> ChangeRequest | None:
    """Take a module from on to shadow; None if it is not on."""
    lock_module(module)
    if not ModuleMode.objects.filter(module=module, mode=ModuleMode.Mode.ON).exists():
        return None
    shadow = ModuleMode.Mode.SHADOW
    lower_mode(module=module, to=shadow, by=MONITOR, reason=reason, at=at)
    title = f"{module} was taken to shadow by the monitor"
    request = draft_request(
        module=module,
        kind=RequestKind.MODE,
        title=title,
        reason=reason,
        at=at,
        content={"mode": str(shadow)},
        **BY_MONITOR,
    )
    close_applied(request, Step.ACT_AT_ONCE, MONITOR, at)
    _notify(request, DROPPED, reason, at)
    return request


@transaction.atomic
def take_back(*, request_id: int, reason: str, at: datetime) -> None:
    """Cancel an open request that the monitor drafted itself. Raises GateError for one of somebody else."""
    request = locked(request_id)
    if request.author_id is not None or request.author_name != MONITOR:
        raise GateError.because(f"request {request_id} was not drafted by {MONITOR}")
    request.closed_at = at
    take_step(request, Step.CANCEL, action="cancel", actor=MONITOR, reason=reason, at=at)


@transaction.atomic
def lapse_mandate(*, mandate_id: int, reason: str, at: datetime) -> bool:
    """End a mandate whose evidence lapsed, and return whether it still stood. The override in force stays as it is."""
    module = Mandate.objects.values_list("line__module", flat=True).get(pk=mandate_id)
    request = locked(Mandate.objects.values_list("request_id", flat=True).get(pk=mandate_id))
    lock_module(module)
    if not Mandate.objects.filter(pk=mandate_id, revoked_at=None).update(revoked_at=at):
        return False
    ended = {"signed": [], "ended": [mandate_id]}
    entry = audit_request(request, MANDATES, MONITOR, reason, at, ended)
    write_notice(entry, audience=REVIEW)
    return True


def _notify(request: ChangeRequest, action: str, reason: str, at: datetime) -> None:
    """Write the entry that says what the monitor did, and show it to everybody who approves."""
    write_notice(audit_request(request, action, MONITOR, reason, at), audience=REVIEW)
