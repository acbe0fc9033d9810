"""Requests of kind lines: overrides are added, changed and withdrawn; those of dm may also set the coefficients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from overrides.core.engine.definitions.coefficients import steps_between
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.governance.exposure import steps_moved
from overrides.models import ChangeLine, ChangeRequest, RequestKind, VersionKind
from overrides.requests.kinds.kind import Basis, Kind, Proposed
from overrides.versions.load_version import InForce, coefficients_of, read_in_force
from overrides.versions.publish import publish_version, refuse_foreign_weights
from telemetry.foundation.core.objects import mapping

COEFFICIENTS = "coefficients"  # of the content: all that the next version weighs


def checked_content(module: str, content: Mapping[str, Any], in_force: InForce) -> dict[str, Any]:
    """Return the content. Raises PublishError if its coefficients are not valid or not of dm."""
    if COEFFICIENTS in content:
        refuse_foreign_weights(module, content[COEFFICIENTS])
    return dict(content)


def basis(request: ChangeRequest) -> Basis:
    """Return what is in force; the request rests on its parameters and, if it sets coefficients, on those."""
    in_force = read_in_force(request.module)
    return Basis(in_force, in_force.parameters, _changed(request, in_force))


def movement(request: ChangeRequest, changes: Sequence[ChangeLine], in_force: InForce) -> float:
    """Return the steps that its lines and its coefficients move; one weight counts as one line."""
    current = in_force.coefficients
    weights_moved = steps_between(current, request.content.get(COEFFICIENTS, current))
    return steps_of_lines(changes, in_force.parameters) + weights_moved


def take_effect(request: ChangeRequest, changes: Sequence[ChangeLine], basis: Basis, by: str, at: datetime) -> None:
    """Publish the version in force with these lines changed."""
    publish_version(
        request=request,
        kind=VersionKind.LINES,
        changes=changes,
        before=basis.in_force.version,
        coefficients=request.content.get(COEFFICIENTS),
        by=by,
        at=at,
    )


def proposed(request: ChangeRequest, number: int | None) -> Proposed:
    """Return the request's lines and coefficients, whatever version they are compared with."""
    bring, withdraw = added_and_withdrawn(request)
    return Proposed(request.module, bring, withdraw, coefficients=request.content.get(COEFFICIENTS))


def added_and_withdrawn(request: ChangeRequest) -> tuple[list[OverrideSpec], list[str]]:
    """Return the overrides that a request brings, and the ids of the lines that it withdraws."""
    lines = list(request.lines.select_related("after__line"))
    return (
        [each.after.spec for each in lines if each.after is not None],
        [each.line_id for each in lines if each.after is None],
    )


def steps_of_lines(changes: Iterable[ChangeLine], parameters: ModuleParameters) -> float:
    """Return the sum, over the lines, of the largest move among the levers of a line, in steps."""
    total = 0.0
    for change in changes:
        override = change.after or change.before
        if override is None:
            continue
        channel = override.spec.channel
        known = channel is not None and channel in parameters.channels  # a stranger is the gates' matter
        weights = parameters.channels[channel].weights if known and channel else WeightParameters()
        before = change.before.levers if change.before else {}
        total += steps_moved(before, change.after.levers if change.after else {}, weights)
    return total


def rests_on_other_parameters(request: ChangeRequest, in_force: InForce) -> bool:
    """Return whether the parameters in force are not those that the request was drafted against."""
    return request.base_parameters != in_force.parameters_id


def _changed(request: ChangeRequest, in_force: InForce) -> str:
    """Return the words for what has been replaced since the request was drafted; nothing of a closed one matters."""
    if request.state not in ChangeRequest.OPEN:
        return ""
    if rests_on_other_parameters(request, in_force):
        return "the parameters"
    if COEFFICIENTS in request.content and _weights_changed(request, in_force):
        return "the coefficients"
    return ""


def _weights_changed(request: ChangeRequest, in_force: InForce) -> bool:
    """Return whether the coefficients in force are not those that the request was drafted against.

    A request sets all of them, so that any change since makes it stale.
    """
    if request.base_version == in_force.number:
        return False
    return coefficients_of(request.module, request.base_version) != in_force.coefficients


LINES = Kind(
    name=RequestKind.LINES,
    checked_content=checked_content,
    take_effect=take_effect,
    basis=basis,
    movement=movement,
    proposed=proposed,
    read_content=mapping,
    is_of_lines=True,
    is_published=True,
)
