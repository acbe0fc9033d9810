"""Engines before and after a change of lines, parameters or coefficients, published or not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.coefficients import read_weights
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.position_scaling import Scaling
from overrides.core.impact.served_share import ServedShare
from overrides.core.impact.version_pair import VersionSide
from overrides.models import ChangeRequest
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import Proposed
from overrides.versions.load_version import InForce, coefficients_of, parameters_of, specs_without_ramps
from telemetry.foundation.core.refusal import Refused


def proposed_by(request: ChangeRequest, base: int | None) -> Proposed:
    """Return what a request would change in a version (None: in no version). Raises Refused as `refuse_kind` does."""
    return _proposer(request)(request, base)


def refuse_kind(request: ChangeRequest) -> None:
    """Raise Refused if the request is of a kind that changes no answers."""
    _proposer(request)


def _proposer(request: ChangeRequest) -> Callable[[ChangeRequest, int | None], Proposed]:
    proposed = KINDS[request.kind].proposed
    if proposed is None:
        raise Refused.because(f"a request of kind {request.kind} changes no answers").under("request")
    return proposed


def version_pair(
    proposed: Proposed, base: int | None, keys: Collection[Key] | None = None, held: InForce | None = None
) -> tuple[VersionSide, VersionSide]:
    """Return a version and the same version with the change, as engines. Raises Refused if either cannot be served.

    With `keys`, only the overrides of these (module, pattern_key, action_category) are loaded: enough if the change
    touches no others. `held` is the version, if it is in force and has been read. A change of mode is the whole version
    against neutral: neutral comes first where it serves more.
    """
    before = specs_without_ramps(proposed.module, base, keys)
    current = held.parameters if held else parameters_of(proposed.module, base)
    gone = before.keys() if proposed.is_whole else proposed.withdraw
    after = {line: spec for line, spec in before.items() if line not in gone}
    after |= {spec.line: spec for spec in proposed.bring}
    weights = held.coefficients if held else coefficients_of(proposed.module, base)
    if proposed.modes is not None:
        neutral, whole = _version_side(current, {}, {}), _version_side(current, before, weights)
        return (neutral, whole) if ServedShare.between(*proposed.modes)[1] else (whole, neutral)
    weights_after = weights if proposed.coefficients is None else proposed.coefficients
    try:
        return _version_side(current, before, weights), _version_side(
            proposed.parameters or current, after, weights_after
        )
    except ValueError as error:
        raise Refused.because(f"cannot be served: {error}").under("proposal") from error


def _version_side(
    parameters: ModuleParameters, specs: Mapping[str, OverrideSpec], coefficients: Mapping[str, float]
) -> VersionSide:
    scaling = Scaling(read_weights(coefficients), parameters.product_cap)
    return VersionSide(compile_module(parameters, specs.values()), frozenset(parameters.protected_motifs), scaling)
