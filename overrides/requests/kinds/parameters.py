"""Requests of kind parameters: the whole parameter set of a module, and the lines that have to change with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.permissions import PROPOSE_PARAMETERS
from overrides.models import ChangeLine, ChangeRequest, RequestKind, VersionKind
from overrides.requests.kinds.kind import Basis, BeforeAfter, Kind, Proposed
from overrides.requests.kinds.lines import added_and_withdrawn, rests_on_other_parameters, steps_of_lines
from overrides.versions.load_version import InForce, parameters_of, read_in_force
from overrides.versions.publish import publish_version, store_parameters
from telemetry.foundation.core.objects import mapping


def checked_content(module: str, content: Mapping[str, Any], in_force: InForce) -> dict[str, Any]:
    """Return the whole document, defaults written out. Raises FieldError if it is not valid."""
    return ModuleParameters.from_document(module, content).written_out().to_document()


def basis(request: ChangeRequest) -> Basis:
    """Return what is in force and the parameters that the request sets; it rests on the parameters before them."""
    in_force = read_in_force(request.module)
    changed = "the parameters" if rests_on_other_parameters(request, in_force) else ""
    return Basis(in_force, proposed_parameters(request), changed)


def proposed_parameters(request: ChangeRequest) -> ModuleParameters:
    """Return the parameters that the request sets."""
    return ModuleParameters.from_document(request.module, request.content)


def movement(request: ChangeRequest, changes: Sequence[ChangeLine], in_force: InForce) -> float:
    """Return the steps that its lines move; parameters themselves have no size."""
    return steps_of_lines(changes, proposed_parameters(request))


def take_effect(request: ChangeRequest, changes: Sequence[ChangeLine], basis: Basis, by: str, at: datetime) -> None:
    """Publish the version in force with these parameters and lines."""
    publish_version(
        request=request,
        kind=VersionKind.PARAMETERS,
        changes=changes,
        before=basis.in_force.version,
        parameters=store_parameters(basis.parameters, by=request.author_name, reason=request.reason, at=at),
        by=by,
        at=at,
    )


def before_after(request: ChangeRequest, in_force: InForce, is_open: bool) -> BeforeAfter:
    """Return both parameter documents; of an open request also both parameter sets, to weigh overrides by."""
    is_same = in_force.number == request.base_version
    base = in_force.parameters if is_same else parameters_of(request.module, request.base_version)
    current = in_force.parameters if is_open else base
    return BeforeAfter(
        before=current.to_document(),
        after=request.content,
        is_stale=current != base,
        reweighs=(current, proposed_parameters(request)) if is_open else None,
    )


def proposed(request: ChangeRequest, number: int | None) -> Proposed:
    """Return the request's lines and parameters, whatever version they are compared with."""
    bring, withdraw = added_and_withdrawn(request)
    return Proposed(request.module, bring, withdraw, parameters=proposed_parameters(request))


PARAMETERS = Kind(
    name=RequestKind.PARAMETERS,
    checked_content=checked_content,
    take_effect=take_effect,
    basis=basis,
    movement=movement,
    before_after=before_after,
    proposed=proposed,
    read_content=mapping,
    permission=PROPOSE_PARAMETERS,
    is_typed=True,
    is_published=True,
    settles_serving=True,
)
