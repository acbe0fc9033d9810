"""What a change would put in force: lines, parameters and coefficients before it and after it, published or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.coefficients import read_weights
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.position_scaling import Scaling
from overrides.core.impact.version_pair import VersionSide
from overrides.models import ChangeRequest, RequestKind
from overrides.requests.gates import COEFFICIENTS
from overrides.versions.load_version import coefficients_of, load_specs, parameters_of
from telemetry.foundation.core.refusal import Refused

Specs = dict[str, OverrideSpec]


@dataclass(frozen=True)
class Proposed:
    """A change of a module: overrides to bring, lines to withdraw, what else to set (None: as it is).

    `coefficients` are all that is weighed from then on, as a version holds them.
    """

    module: str
    bring: Sequence[OverrideSpec] = ()
    withdraw: Collection[str] = ()
    parameters: ModuleParameters | None = None
    coefficients: Mapping[str, float] | None = None


def proposed_by(request: ChangeRequest, base: int | None) -> Proposed:
    """What a request proposes to do to a version (None: to nothing). Raises Refused where that is no answer."""
    refuse_kind(request)
    if request.kind == RequestKind.ROLLBACK:
        return _rolled_back(request.module, request.content["to"], base)
    lines = list(request.lines.select_related("after__line"))
    is_whole = request.kind != RequestKind.LINES  # its content is the parameters
    return Proposed(
        request.module,
        bring=[each.after.spec for each in lines if each.after is not None],
        withdraw=[each.line_id for each in lines if each.after is None],
        parameters=ModuleParameters.from_document(request.module, request.content) if is_whole else None,
        coefficients=None if is_whole else request.content.get(COEFFICIENTS),
    )


def refuse_kind(request: ChangeRequest) -> None:
    """Raise Refused for a request that no what-if can answer."""
    if request.kind not in (RequestKind.LINES, RequestKind.PARAMETERS, RequestKind.ROLLBACK, RequestKind.TRIAL):
        raise Refused.because(f"a request of kind {request.kind} changes no answers").under("request")


def sides(proposed: Proposed, base: int | None) -> tuple[VersionSide, VersionSide]:
    """A version and the same with the change, as engines. Raises Refused where either cannot be served."""
    before, standing = _specs(proposed.module, base), parameters_of(proposed.module, base)
    after = {line: spec for line, spec in before.items() if line not in proposed.withdraw}
    after |= {spec.line: spec for spec in proposed.bring}
    weights = coefficients_of(proposed.module, base)
    wanted = weights if proposed.coefficients is None else proposed.coefficients
    try:
        return _side(standing, before, weights), _side(proposed.parameters or standing, after, wanted)
    except ValueError as error:
        raise Refused.because(f"cannot be served: {error}").under("proposal") from error


def _rolled_back(module: str, to: int, base: int | None) -> Proposed:
    wanted, standing = _specs(module, to), _specs(module, base)
    gone = standing.keys() - wanted.keys()
    return Proposed(module, list(wanted.values()), gone, parameters_of(module, to), coefficients_of(module, to))


def _specs(module: str, number: int | None) -> Specs:
    """The overrides of a version by line, without their ramps: where they lead, not where they are."""
    if number is None:
        return {}
    return {spec.line: replace(spec, path=None) for spec in load_specs(module, number)}


def _side(parameters: ModuleParameters, specs: Specs, coefficients: Mapping[str, float]) -> VersionSide:
    scaling = Scaling(read_weights(coefficients), parameters.product_cap)
    return VersionSide(compile_module(parameters, specs.values()), frozenset(parameters.protected_motifs), scaling)
