"""Serving modes: off, shadow or on, and for whom. Lowering takes effect at once; raising needs a change request."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from overrides.core.engine.definitions.arms import Arm
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.engine.exploring import allows
from overrides.core.governance.errors import RaisesEffectError
from overrides.models import ModuleMode, Version
from overrides.versions.load_version import current_parameters
from overrides.versions.scope_values import stated_allow_list
from telemetry.audit.audit_log import write_audit
from telemetry.foundation.core.refusal import Refused
from telemetry.models import AuditEntry

FIELDS = ("mode", "rollout_percent", "allow", "challenger", "holdback_percent", "arms")  # what a request may set
SALT_BYTES = 8
ORDER = {ModuleMode.Mode.OFF: 0, ModuleMode.Mode.SHADOW: 1, ModuleMode.Mode.ON: 2}


def mode_document(row: ModuleMode | None) -> dict[str, Any]:
    """Return a mode as JSON; a missing row is off.

    The salt of a roll-out, the share of a holdback and arms are left out where there are none, as in the documents from
    before there were any; `full_document` states share and arms.
    """
    if row is None:
        return {"mode": "off", "rollout_percent": 100.0, "allow": {}, "challenger": None}
    document: dict[str, Any] = {
        "mode": row.mode,
        "rollout_percent": row.rollout_percent,
        "allow": row.allow,
        "challenger": row.challenger.number if row.challenger else None,
    }
    if row.rollout_salt:
        document["rollout_salt"] = row.rollout_salt
    if row.holdback_percent:
        document["holdback_percent"] = row.holdback_percent
    if row.arms:
        document["arms"] = row.arms
    return document


def full_document(row: ModuleMode | None) -> dict[str, Any]:
    """Return every field of a mode that a request may set, as JSON; a missing row is off."""
    document = {"holdback_percent": 0.0, "arms": {}} | mode_document(row)
    return {name: document[name] for name in FIELDS}


def mode_of(module: str) -> ServingMode:
    """Return the mode of a module as the engine reads it: a malformed or missing one is off."""
    return ServingMode.parse(mode_document(ModuleMode.objects.select_related("challenger").filter(pk=module).first()))


def mode_at(module: str, revision: int) -> dict[str, Any] | None:
    """Return a mode as it stood at a revision, past ones from the audit trail; None if there never was such a one."""
    row = ModuleMode.objects.select_related("challenger").filter(pk=module).first()
    newest = 0 if row is None else row.revision
    if revision == 0 or revision == newest:
        return mode_document(row if revision else None)
    changes = AuditEntry.objects.filter(object=f"mode {module}", action="mode").order_by("seq")
    if revision > newest or changes.count() < newest:  # more: it was changed just now
        return None
    document: dict[str, Any] = json.loads(changes[revision - 1].content)["after"]
    return document


def mode_period(module: str, revision: int) -> tuple[datetime | None, datetime | None]:
    """Return since when and until when a mode of a revision stood; None: from the beginning, and to this day."""
    changes = AuditEntry.objects.filter(object=f"mode {module}", action="mode").order_by("seq")
    first = max(0, revision - 1)
    times = list(changes.values_list("written_at", flat=True)[first : revision + 1])
    began, ended, *_ = [*times, None, None] if revision else [None, *times, None]
    return began, ended


def lower_mode(
    *,
    module: str,
    by: str,
    reason: str,
    at: datetime,
    to: str | None = None,
    rollout_percent: float | None = None,
    stop_challenger: bool = False,
    end_arm: str | None = None,
) -> ModuleMode:
    """Serve less of a module at once: `to` shadow or off, to fewer callers, without logging a challenger, or without
    exploring the lever `end_arm` any more.

    The mode that stands already is no change: nothing is written, and the row is returned as it is (unsaved where the
    module has none). Raises RaisesEffectError if the change would serve more, if no reason is given, or if there is no
    such challenger or arm.
    """
    if not reason.strip():
        raise RaisesEffectError("reason", "say why; it is reviewed afterwards")
    with transaction.atomic():
        row = (
            ModuleMode.objects.select_for_update(of=("self",))
            .select_related("challenger")
            .filter(module=module)
            .first()
        )
        current = mode_document(row)
        lowered: dict[str, Any] = {}
        if to is not None:
            _refuse_mode(module, current["mode"], to)
            lowered["mode"] = to
        if rollout_percent is not None:
            _refuse_rollout(module, current["rollout_percent"], rollout_percent)
            lowered["rollout_percent"] = rollout_percent
        if stop_challenger:
            if current["challenger"] is None:
                raise RaisesEffectError("challenger", f"{module} has none that could be stopped")
            lowered["challenger"] = None
        if end_arm is not None:
            arms = current.get("arms", {})
            if end_arm not in arms:
                raise RaisesEffectError("end_arm", f"{module} does not explore {end_arm}")
            lowered["arms"] = {lever: arm for lever, arm in arms.items() if lever != end_arm}
        if current | lowered == current:
            return row or ModuleMode(module=module, revision=0)
        return _write(module, row, current | lowered, by=by, reason=reason, at=at)


def _refuse_mode(module: str, current: str, to: str) -> None:
    if to not in ORDER or ORDER[ModuleMode.Mode(to)] > ORDER[ModuleMode.Mode(current)]:
        raise RaisesEffectError.because(f"{module} is {current}; going to {to} needs a reviewed request")


def _refuse_rollout(module: str, current: float, percent: float) -> None:
    if not 0 <= percent <= 100:  # NaN is refused too
        raise RaisesEffectError("rollout_percent", "must be 0 to 100")
    if percent >= current:
        raise RaisesEffectError(
            "rollout_percent",
            f"{module} is rolled out to {current:g} %; {percent:g} % is not below it, and a larger roll-out needs a "
            "reviewed request",
        )


def apply_mode(*, module: str, content: Mapping[str, Any], by: str, reason: str, at: datetime) -> ModuleMode:
    """Set the mode that an approved request contains (see `checked_mode`), inside the caller's transaction."""
    row = ModuleMode.objects.select_for_update(of=("self",)).select_related("challenger").filter(module=module).first()
    return _write(module, row, mode_document(row) | dict(content), by=by, reason=reason, at=at)


def checked_mode(module: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a mode request as it is stored, values of an allow-list as they are compared with scopes.

    Raises FieldError for an unknown field or an invalid value.
    """
    unknown = sorted(set(content) - set(FIELDS))
    if unknown:
        raise FieldError(unknown[0], f"not part of a mode; it has {', '.join(FIELDS)}")
    challenger = content.get("challenger")
    if challenger is not None and not Version.objects.filter(module=module, number=challenger).exists():
        raise FieldError("challenger", f"{module} has no version {challenger!r}")
    checked = dict(content)
    if isinstance(allow := content.get("allow"), Mapping) and all(isinstance(each, list) for each in allow.values()):
        try:
            checked["allow"] = stated_allow_list(allow, current_parameters(module))
        except Refused as refused:
            first = refused.refusals[0]
            raise FieldError(f"allow.{first.field}", first.message) from refused
    full = full_document(None) | checked
    mode = ServingMode.checked({name: full[name] for name in FIELDS if name != "challenger"})
    if "arms" in content:
        checked["arms"] = _checked_arms(module, mode.arms)
    return checked


def _checked_arms(module: str, arms: Mapping[str, Arm]) -> dict[str, dict[str, float]]:
    """Return arms as they are stored. Raises FieldError for a lever of another module, or outside bounds in force."""
    parameters = current_parameters(module)
    for lever, arm in arms.items():
        if not allows(parameters, lever, arm.alternative):
            raise FieldError(
                f"arms.{lever}", f"the parameters of {module} do not allow {arm.alternative:g}; stay within its bounds"
            )
    return {lever: arm.to_document() for lever, arm in arms.items()}


def _write(
    module: str, row: ModuleMode | None, document: Mapping[str, Any], *, by: str, reason: str, at: datetime
) -> ModuleMode:
    before = mode_document(row)
    row = row or ModuleMode(module=module, revision=0)
    if _begins_rollout(before, document):
        row.rollout_salt = secrets.token_hex(SALT_BYTES)
    row.mode, row.rollout_percent, row.allow = document["mode"], document["rollout_percent"], document["allow"]
    row.holdback_percent = document.get("holdback_percent", 0.0)
    row.arms = document.get("arms", {})
    number = document["challenger"]
    row.challenger = None if number is None else Version.objects.get(module=module, number=number)
    row.revision, row.changed_by, row.reason, row.changed_at = row.revision + 1, by, reason, at
    row.save()
    write_audit(
        actor=by, action="mode", object=f"mode {module}", reason=reason, before=before, after=mode_document(row), at=at
    )
    return row


def _begins_rollout(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether a roll-out to some of the callers begins, which then gets a salt of its own.

    A larger or smaller share of a roll-out that is under way keeps its salt, so that callers who were served first stay
    among those served.
    """
    was_partial = before["mode"] == ModuleMode.Mode.ON and 0 < before["rollout_percent"] < 100
    return after["mode"] == ModuleMode.Mode.ON and 0 < after["rollout_percent"] < 100 and not was_partial
