"""Emergency actions that only reduce effect: lower a mode, retire lines, veto, pin or cap a line, stop the builder.

They take effect at once, without anybody's approval. Each leaves a request with route `at_once`, which a reviewer
acknowledges afterwards; undoing it needs a reviewed request (docs/design.md 9). All of them raise GateError without the
permission or a reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from overrides.core.governance.errors import GateError
from overrides.core.governance.permissions import LOWER, REVIEW
from overrides.core.governance.request_states import Step
from overrides.models import (
    ChangeRequest,
    HoldKind,
    LineHold,
    Membership,
    ModuleMode,
    Quarantine,
    RequestKind,
)
from overrides.requests.apply import apply_now, close_applied
from overrides.requests.authoring import draft_request
from overrides.requests.governance_store import end_mandates
from overrides.requests.holds import NewHold, end_hold, place_holds, refuse_without
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.transitions import audit_mandates, audit_request, locked
from overrides.serving.mode import lower_mode
from overrides.versions.publish import lock_module, lock_modules
from telemetry.audit.audit_log import write_audit
from telemetry.foundation.core.words import count_of
from telemetry.models import MODULES

Route = ChangeRequest.Route


@transaction.atomic
def lower_mode_with_request(
    *,
    module: str,
    by: User,
    reason: str,
    at: datetime,
    to: str | None = None,
    rollout_percent: float | None = None,
    stop_challenger: bool = False,
    end_arm: str | None = None,
) -> ModuleMode:
    """Serve less of a module: `to` shadow or off, a smaller roll-out, no challenger, or no exploration of a lever.

    If the module serves no more than that already, nothing is written. Raises RaisesEffectError if the change would
    serve more.
    """
    refuse_without(by, LOWER, reason)
    lock_module(module)
    revision = ModuleMode.objects.filter(module=module).values_list("revision", flat=True).first() or 0
    row = lower_mode(
        module=module, to=to, rollout_percent=rollout_percent, stop_challenger=stop_challenger, end_arm=end_arm,
        by=by.get_username(), reason=reason, at=at,
    )  # fmt: skip
    if row.revision == revision:
        return row
    lowered = {"mode": to, "rollout_percent": rollout_percent}
    content: dict[str, Any] = {name: value for name, value in lowered.items() if value is not None}
    if stop_challenger:
        content["challenger"] = None
    if end_arm is not None:
        content["arms"] = row.arms
    title = _lowering(module, to, rollout_percent, stop_challenger=stop_challenger, end_arm=end_arm)
    request = draft_request(
        module=module, kind=RequestKind.MODE, title=title, reason=reason, author=by, author_name=by.get_username(),
        at=at, content=content, route=Route.AT_ONCE,
    )  # fmt: skip
    close_applied(request, Step.ACT_AT_ONCE, by.get_username(), at)  # the mode is lowered already
    return row


@transaction.atomic
def switch_everything_off(*, by: User, reason: str, at: datetime) -> list[str]:
    """Switch every module off and return the modules that were not off."""
    refuse_without(by, LOWER, reason)
    off = ModuleMode.Mode.OFF
    lock_modules(module for module, _ in MODULES)
    not_off = set(ModuleMode.objects.exclude(mode=off).values_list("module", flat=True))
    modules = [module for module, _ in MODULES if module in not_off]
    for module in modules:
        lower_mode_with_request(module=module, to=off, by=by, reason=reason, at=at)
    return modules


@transaction.atomic
def retire_lines(*, module: str, lines: Collection[str], by: User, reason: str, at: datetime) -> ChangeRequest:
    """Withdraw lines from the version in force.

    Retiring an override that cuts exposure raises exposure; the page shows it.
    """
    refuse_without(by, LOWER, reason)
    lock_module(module)
    memberships = Membership.objects.filter(module=module, line_id__in=lines, to_version=None)
    found = sorted(memberships.values_list("line_id", flat=True))
    if not found or len(found) < len(set(lines)):
        missing = sorted(set(lines) - set(found))
        raise GateError("lines", f"{', '.join(line[:12] for line in missing) or 'none'} not in force in {module}")
    retired = [DraftLine(line, None, ["retired"]) for line in found]
    request = draft_request(
        module=module, kind=RequestKind.LINES, title=f"{count_of(len(found), 'line')} retired", reason=reason,
        author=by, author_name=by.get_username(), at=at, lines=retired, route=Route.AT_ONCE,
    )  # fmt: skip
    changes = list(request.lines.select_related("line", "after__line").order_by("line_id"))
    apply_now(request, Step.ACT_AT_ONCE, changes, KINDS[request.kind].basis(request), by.get_username(), at)
    audit_mandates(request, end_mandates(found, at), by.get_username(), at)
    return request


@transaction.atomic
def veto_line(*, line_id: str, by: User, reason: str, at: datetime, expires_at: datetime | None = None) -> LineHold:
    """Forbid serving a line until the veto expires or is lifted, and retire its override in force."""
    (hold,) = place_holds([NewHold(line_id, HoldKind.VETO, reason, expires_at)], by=by, at=at)
    if Membership.objects.filter(line_id=line_id, to_version=None).exists():
        retire_lines(module=hold.line.module, lines=[line_id], by=by, reason=reason, at=at)
    return hold


@transaction.atomic
def pin_line(*, line_id: str, by: User, reason: str, at: datetime, expires_at: datetime | None = None) -> LineHold:
    """Forbid machines to change a line until the pin expires or is lifted; people still may."""
    (hold,) = place_holds([NewHold(line_id, HoldKind.PIN, reason, expires_at)], by=by, at=at)
    return hold


@transaction.atomic
def cap_line(
    *, line_id: str, cap: Mapping[str, float], by: User, reason: str, at: datetime, expires_at: datetime | None = None
) -> LineHold:
    """Forbid machines to move a line's levers farther from neutral than the cap; people still may.

    `cap` maps lever -> value farthest from neutral. A cap that stands on the line is replaced.
    """
    (hold,) = place_holds([NewHold(line_id, HoldKind.CAP, reason, expires_at, cap)], by=by, at=at, replace=True)
    return hold


@transaction.atomic
def lift_hold(*, hold_id: int, by: User, reason: str, at: datetime) -> LineHold:
    """Lift a veto, a pin or a cap. Retired lines do not come back into force; that takes a request."""
    refuse_without(by, REVIEW, reason)
    hold = LineHold.objects.select_for_update(of=("self",)).select_related("line").get(pk=hold_id)
    if hold.lifted_at is not None:
        raise GateError(hold.kind, "was lifted already")
    end_hold(hold, actor=by.get_username(), reason=reason, at=at)
    return hold


@transaction.atomic
def quarantine_builder(*, module: str, by: User, reason: str, at: datetime) -> Quarantine:
    """Forbid the builder to publish anything of the module under mandates."""
    refuse_without(by, LOWER, reason)
    lock_module(module)
    if Quarantine.objects.filter(module=module, lifted_at=None).exists():
        raise GateError("module", f"the builder of {module} is in quarantine already")
    row = Quarantine.objects.create(module=module, reason=reason, placed_by=by, placed_at=at)
    _audit_builder(row, "quarantine", by, reason, at)
    return row


@transaction.atomic
def lift_quarantine(*, module: str, by: User, reason: str, at: datetime) -> None:
    """Allow the builder to publish under mandates again."""
    refuse_without(by, REVIEW, reason)
    row = Quarantine.objects.select_for_update().filter(module=module, lifted_at=None).first()
    if row is None:
        raise GateError("module", f"the builder of {module} is in no quarantine")
    row.lifted_at = at
    row.save(update_fields=["lifted_at"])
    _audit_builder(row, "lift quarantine", by, reason, at)


@transaction.atomic
def acknowledge(*, request_id: int, by: User, reason: str, at: datetime) -> ChangeRequest:
    """Record that an emergency action was reviewed afterwards, by somebody other than the person who took it."""
    request = locked(request_id)
    if request.route != Route.AT_ONCE or request.acknowledged_at is not None:
        raise GateError.because(f"request {request.pk} waits for no review afterwards")
    if request.author_id == by.pk:
        raise GateError.because("you did this yourself; somebody else has to look at it")
    refuse_without(by, REVIEW, reason)
    request.acknowledged_at, request.acknowledged_by = at, by.get_username()
    request.save(update_fields=["acknowledged_at", "acknowledged_by"])
    audit_request(request, "acknowledge", by.get_username(), reason, at)
    return request


def _lowering(
    module: str, to: str | None, rollout_percent: float | None, *, stop_challenger: bool, end_arm: str | None
) -> str:
    """Return the title of the request that records a lowering."""
    parts = [f"switch {module} to {to}"] if to is not None else []
    if rollout_percent is not None:
        parts.append(f"reduce the roll-out of {module} to {rollout_percent:g} %")
    if stop_challenger:
        parts.append(f"stop the challenger of {module}")
    if end_arm is not None:
        parts.append(f"end the exploration of {end_arm} in {module}")
    title = " and ".join(parts)
    return title[:1].upper() + title[1:]


def _audit_builder(quarantine: Quarantine, action: str, by: User, reason: str, at: datetime) -> None:
    write_audit(
        actor=by.get_username(),
        action=action,
        object=f"builder {quarantine.module}",
        reason=reason,
        before=None,
        after={"quarantine": quarantine.pk, "placed_by": quarantine.placed_by_id},
        at=at,
    )
