"""Requests of kind trial: other parameters and lines, stored as a version that is logged beside the one in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from overrides.core.governance.errors import GateError
from overrides.core.governance.permissions import PROPOSE_PARAMETERS
from overrides.models import ChangeLine, ChangeRequest, RequestKind
from overrides.requests.kinds import parameters
from overrides.requests.kinds.kind import Basis, Kind
from overrides.serving.mode import apply_mode
from overrides.versions.load_version import InForce
from overrides.versions.publish import publish_trial, store_parameters


def checked_content(module: str, content: Mapping[str, Any], in_force: InForce) -> dict[str, Any]:
    """Return the whole parameter document. Raises FieldError if it is not valid or nothing is in force."""
    if in_force.version is None:
        raise GateError("module", f"nothing of {module} is in force to try this beside; publish a first version")
    return parameters.checked_content(module, content, in_force)


def take_effect(request: ChangeRequest, changes: Sequence[ChangeLine], basis: Basis, by: str, at: datetime) -> None:
    """Store the trial as a version that is never served, and make it the challenger."""
    row = store_parameters(basis.parameters, by=request.author_name, reason=request.reason, at=at)
    trial = publish_trial(request=request, changes=changes, before=basis.in_force.version, parameters=row, by=by, at=at)
    challenger = {"challenger": trial.number}
    apply_mode(module=request.module, content=challenger, by=by, reason=request.reason, at=at)


TRIAL = Kind(
    name=RequestKind.TRIAL,
    checked_content=checked_content,
    take_effect=take_effect,
    basis=parameters.basis,
    before_after=parameters.before_after,
    proposed=parameters.proposed,
    permission=PROPOSE_PARAMETERS,
    is_served=False,
    settles_serving=True,
)
