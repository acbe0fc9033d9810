"""Place holds on lines (vetoes, pins, caps) and end them; each change of a hold has an audit entry on its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.governance.errors import GateError
from overrides.core.governance.permissions import LOWER, REVIEW
from overrides.models import HoldKind, Line, LineHold
from overrides.versions.publish import lock_modules
from telemetry.audit.audit_log import write_audit

PERMISSIONS = {HoldKind.VETO: LOWER, HoldKind.PIN: REVIEW, HoldKind.CAP: REVIEW}


@dataclass(frozen=True)
class NewHold:
    """A hold to place. `cap` belongs to caps, `rejected` to pins that remember a rejection (see `LineHold`)."""

    line_id: str
    kind: HoldKind
    reason: str
    expires_at: datetime | None
    cap: Mapping[str, float] | None = None
    rejected: Mapping[str, Any] | None = None


def refuse_without(by: User, permission: str, reason: str) -> None:
    """Raise GateError without the permission or without a reason."""
    if not by.has_perm(permission):
        raise GateError.because("you may not do this; an operator or a reviewer has the permission")
    if not reason.strip():
        raise GateError("reason", "say why; it is reviewed afterwards")


def place_holds(wanted: Sequence[NewHold], *, by: User, at: datetime, replace: bool = False) -> list[LineHold]:
    """Place holds on lines that exist, one of each kind and line; the caller is in a transaction.

    A hold of the same kind that stands already is ended first if `replace` is true, otherwise it is refused. Raises
    GateError without the permission or a reason, and for ends that are over or caps without a lever.
    """
    for each in wanted:
        refuse_without(by, PERMISSIONS[each.kind], each.reason)
        _refuse_malformed(each, at)
    lines = Line.objects.in_bulk([each.line_id for each in wanted])
    missing = next((each.line_id for each in wanted if each.line_id not in lines), None)
    if missing is not None:
        raise GateError("line", f"there is no line {missing[:12]}")
    lock_modules(sorted({line.module for line in lines.values()}))
    _clear_the_way(wanted, by, at, replace=replace)
    rows = LineHold.objects.bulk_create(
        [
            LineHold(
                line=lines[each.line_id], kind=each.kind, reason=each.reason, placed_by=by, placed_at=at,
                expires_at=each.expires_at, cap=_json(each.cap), rejected=_json(each.rejected),
            )
            for each in wanted
        ]
    )  # fmt: skip
    for hold in rows:
        audit_hold(hold, str(hold.kind), by.get_username(), hold.reason, at)
    return rows


def end_hold(hold: LineHold, *, actor: str, reason: str, at: datetime) -> None:
    """End a hold in effect, locked by the caller, and write the audit entry."""
    hold.lifted_at = at
    hold.save(update_fields=["lifted_at"])
    audit_hold(hold, f"lift {hold.kind}", actor, reason, at)


def live_holds(lines: Iterable[str], at: datetime) -> dict[str, list[LineHold]]:
    """Return the holds in effect on each of these lines that has any."""
    found: dict[str, list[LineHold]] = {}
    for hold in LineHold.objects.filter(LineHold.is_live(at), line_id__in=list(lines)):
        found.setdefault(hold.line_id, []).append(hold)
    return found


def audit_hold(hold: LineHold, action: str, actor: str, reason: str, at: datetime) -> None:
    """Write the audit entry about a hold on its line."""
    beside = {"cap": hold.cap, "rejected": hold.rejected}
    write_audit(
        actor=actor,
        action=action,
        object=f"line {hold.line_id}",
        reason=reason,
        before=None,
        after={"hold": hold.pk, "placed_by": hold.placed_by_id, "expires_at": hold.expires_at}
        | {name: value for name, value in beside.items() if value is not None},
        at=at,
    )


def _refuse_malformed(hold: NewHold, at: datetime) -> None:
    if hold.expires_at is not None and hold.expires_at <= at:
        raise GateError("expires_at", "lies in the past; leave it open, or name a time to come")
    for name, value in (hold.cap or {}).items():
        if name not in LEVERS or not LEVERS[name].low <= value <= LEVERS[name].high:
            raise GateError("cap", f"{value:g} is no value of {name}; name a lever and a value within its bounds")
        if value == LEVERS[name].neutral:
            raise GateError("cap", f"{name} would be capped at neutral; veto the line to keep it from moving at all")
    if hold.cap is not None and not hold.cap:
        raise GateError("cap", "name at least one lever and how far from neutral it may be")


def _clear_the_way(wanted: Sequence[NewHold], by: User, at: datetime, *, replace: bool) -> None:
    """End expired holds of the kinds and lines wanted, and standing ones too if they are replaced."""
    pairs = {(each.line_id, str(each.kind)): each for each in wanted}
    rows = LineHold.objects.select_for_update().filter(line_id__in=[line for line, _ in pairs], lifted_at=None)
    for hold in rows.order_by("pk"):
        new = pairs.get((hold.line_id, hold.kind))
        if new is None:
            continue
        if hold.expires_at is not None and hold.expires_at <= at:
            LineHold.objects.filter(pk=hold.pk).update(lifted_at=at)  # the entry of the new one says so
        elif replace:
            end_hold(hold, actor=by.get_username(), reason=new.reason, at=at)
        else:
            raise GateError("line", f"a {hold.kind} stands on it already; lift it first")


def _json(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else dict(values)
