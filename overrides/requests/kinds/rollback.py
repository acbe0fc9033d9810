"""Requests of kind rollback: an older version, or a trial, comes into force again as the module's next version."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.coefficients import steps_between
from overrides.core.governance.errors import GateError
from overrides.models import ChangeLine, ChangeRequest, Membership, RequestKind, Version, VersionKind
from overrides.requests.kinds.kind import Basis, BeforeAfter, DraftLine, Kind, Proposed
from overrides.requests.kinds.lines import steps_of_lines
from overrides.versions.load_version import (
    InForce,
    coefficients_of,
    in_version,
    parameters_of,
    read_in_force_and,
    specs_without_ramps,
)
from overrides.versions.publish import publish_version
from telemetry.foundation.core.fields import integer
from telemetry.foundation.core.objects import Fields

_read_number = integer(1, 2**31 - 1)


def read_content(value: object) -> dict[str, int]:
    """Return the content from JSON. Raises Refused if it is not `{"to": number}`."""
    fields = Fields(value, ("to",))
    to = fields.need("to", _read_number, 0)
    fields.close()
    return {"to": to}


def checked_content(module: str, content: Mapping[str, Any], in_force: InForce) -> dict[str, Any]:
    """Return the content. Raises GateError if there is no such version."""
    to = content.get("to")
    if not isinstance(to, int) or not Version.objects.filter(module=module, number=to).exists():
        raise GateError("to", f"{module} has no version {to!r}")
    return dict(content)


def basis(request: ChangeRequest) -> Basis:
    """Return what is in force and the parameters of the version brought back; it rests on the version in force."""
    in_force, target = read_in_force_and(request.module, request.content["to"])
    request.rolls_back_to = target
    changed = "the version in force" if request.base_version != in_force.number else ""
    return Basis(in_force, target.parameters.parsed, changed)


def lines_of(module: str, content: Mapping[str, Any], in_force: InForce) -> list[DraftLine]:
    """Return the lines in which the older version differs from the one in force."""
    to = content["to"]
    now, then = (
        dict(Membership.objects.filter(in_version(number), module=module).values_list("line_id", "override_id"))
        for number in (in_force.number or 0, to)
    )
    lines = sorted(now.keys() | then.keys())
    return [
        DraftLine(line, then.get(line), [f"as in version {to}"]) for line in lines if now.get(line) != then.get(line)
    ]


def movement(request: ChangeRequest, changes: Sequence[ChangeLine], in_force: InForce) -> float:
    """Return the steps that its lines and the coefficients move."""
    target = request.rolls_back_to
    weights_moved = steps_between(in_force.coefficients, target.coefficients)
    return steps_of_lines(changes, target.parameters.parsed) + weights_moved


def take_effect(request: ChangeRequest, changes: Sequence[ChangeLine], basis: Basis, by: str, at: datetime) -> None:
    """Publish the lines, parameters and coefficients of the older version as the next one."""
    target = request.rolls_back_to
    publish_version(
        request=request,
        kind=VersionKind.ROLLBACK,
        changes=changes,
        before=basis.in_force.version,
        parameters=target.parameters,
        coefficients=target.coefficients,
        by=by,
        at=at,
    )


def before_after(request: ChangeRequest, in_force: InForce, is_open: bool) -> BeforeAfter:
    """Return the parameters and coefficients of both versions."""
    target, module, base = request.rolls_back_to, request.module, request.base_version
    if is_open and in_force.version:
        parameters, coefficients = in_force.parameters, in_force.coefficients
    else:
        parameters, coefficients = parameters_of(module, base), coefficients_of(module, base)
    return BeforeAfter(
        before=parameters.to_document(),
        after=target.parameters.parsed.to_document(),
        coefficients=(coefficients, target.coefficients),
        brings_back=target,
    )


def proposed(request: ChangeRequest, number: int | None) -> Proposed:
    """Return the change from version `number` to the one brought back."""
    return brought_back(read_in_force_and(request.module, request.content["to"])[1])


def brought_back(target: Version, keys: Collection[Key] | None = None) -> Proposed:
    """Return the change from any version to this one; with `keys` only of the overrides of these keys."""
    bring = list(specs_without_ramps(target.module, target.number, keys).values())
    parameters = target.parameters.parsed
    return Proposed(target.module, bring, parameters=parameters, coefficients=target.coefficients, is_whole=True)


ROLLBACK = Kind(
    name=RequestKind.ROLLBACK,
    checked_content=checked_content,
    take_effect=take_effect,
    basis=basis,
    movement=movement,
    before_after=before_after,
    proposed=proposed,
    lines_of=lines_of,
    read_content=read_content,
    is_typed=True,
    is_published=True,
    settles_serving=True,
)
