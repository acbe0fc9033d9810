"""What a governed override and a channel must satisfy; checked when drafted, published and compiled.

Combiners do not check any of this: they blend whatever a compiled version contains.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from .field_error import FieldError
from .levers import LEVERS
from .module_parameters import ModuleParameters
from .override_spec import OverrideSpec
from .universe import UNIVERSE
from .vocabulary import CHANNEL_MODULE, MODULE_CATEGORIES, PAIRS, Channel, Combiner, LearningMethod

PATTERN_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}(\.[A-Za-z0-9_-]{1,40}){2}")


def check(spec: OverrideSpec, known_dimensions: Collection[str] | None = None) -> list[FieldError]:
    """Return everything that is wrong with a governed override, as errors to raise or show; empty if it is valid."""
    problems = [*_belonging(spec), *_lever_problems(spec)]
    if PATTERN_KEY.fullmatch(spec.pattern_key) is None:
        message = "must be family.state.motif, each of 1 to 40 letters, digits, _ or -"
        problems.append(FieldError("pattern_key", message))
    for name in spec.scope:
        if name == UNIVERSE:
            message = "labels the pairs that a scope was computed over and is no dimension; leave it out"
            problems.append(FieldError(f"scope.{name}", message))
        elif known_dimensions is not None and name not in known_dimensions:
            problems.append(_stranger(name, spec.module))
    if spec.id != spec.content_id:
        problems.append(FieldError("id", "differs from the content's hash; leave it out and it is computed"))
    return problems


def faults_under(spec: OverrideSpec, parameters: ModuleParameters) -> list[FieldError]:
    """Return everything that is wrong with a governed override under a module's parameters; empty if it is valid."""
    return check(spec) + scope_faults(spec.scope, parameters)


def scope_faults(scope: Mapping[str, str], parameters: ModuleParameters) -> list[FieldError]:
    """Return the dimensions of a scope that a module does not know, and the values that are no bucket of theirs."""
    known, faults = parameters.known_dimensions, []
    for name, value in scope.items():
        own = parameters.cuts.get(name)
        if name not in known and name != UNIVERSE:
            faults.append(_stranger(name, parameters.module))
        elif own is not None and value not in own.labels:
            message = f"{value} is no bucket of it; its buckets are {', '.join(own.labels)}"
            faults.append(FieldError(f"scope.{name}", message))
    return faults


def _stranger(name: str, module: str) -> FieldError:
    return FieldError(f"scope.{name}", f"not a dimension of {module}; add it to the parameters first")


def contradicts(spec: OverrideSpec) -> bool:
    """Return whether a lever moves against the sign of the edge: weights use |edge|, so only the lever has a direction.

    Strength and allocation levers follow the sign of the edge in every category; tuning targets have no sign.
    """
    if spec.channel is Channel.PM_TUNING:
        return False
    return any(LEVERS[name].unit(value) * spec.stats.edge_raw < 0 for name, value in spec.levers.items())


def _belonging(spec: OverrideSpec) -> Iterator[FieldError]:
    if spec.channel is None:
        yield FieldError("type", f"missing; state one of {', '.join(Channel)}")
    elif CHANNEL_MODULE[spec.channel] != spec.module:
        yield FieldError("type", f"{spec.channel} belongs to module {CHANNEL_MODULE[spec.channel]}, not {spec.module}")
    if spec.policy is None:
        yield FieldError("policy", f"missing; state one of {', '.join(LearningMethod)}")
    if spec.action_category not in MODULE_CATEGORIES.get(spec.module, ()):
        yield FieldError("action_category", f"{spec.action_category} is no category of module {spec.module}")


def _lever_problems(spec: OverrideSpec) -> Iterator[FieldError]:
    if not spec.levers:
        yield FieldError("levers", "empty; move one lever or withdraw the override")
    for name, value in spec.levers.items():
        lever, path = LEVERS[name], f"levers.{name}"
        if spec.channel is not None and lever.channel is not spec.channel:
            yield FieldError(path, f"belongs to {lever.channel}, not {spec.channel}")
        if spec.action_category not in lever.categories:
            yield FieldError(path, f"has no effect on {spec.action_category}")
        if not lever.low <= value <= lever.high:
            yield FieldError(path, f"{value:g} is outside {lever.low:g} to {lever.high:g}")


def check_combiner(channel: Channel, policy: LearningMethod, combiner: Combiner) -> list[FieldError]:
    """Return what is wrong with combining a channel's learning method (`policy`) with a combiner; empty if nothing is.

    >>> for problem in check_combiner(Channel.PM_TUNING, LearningMethod.PLAN, Combiner.EVIDENCE):
    ...     print(problem)
    combiner: pm_tuning under policy plan allows plan, not evidence
    """
    allowed = PAIRS.get((channel, policy), ())
    if combiner in allowed:
        return []
    names = ", ".join(allowed) or "none"
    return [FieldError("combiner", f"{channel} under policy {policy} allows {names}, not {combiner}")]
