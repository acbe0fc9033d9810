"""The effect of changes before anybody has drafted or made them: computed within the request of a page.

Each is the figure that the request will show. A version that is too large to be loaded within a page has none here; its
request gets it within a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.governance.errors import VersionAltered
from overrides.models import Line, Version
from overrides.requests.impact.effects import Effect, read_effect
from overrides.requests.impact.what_if import compare_effect, with_lines_described
from overrides.requests.kinds.kind import Proposed
from overrides.requests.kinds.rollback import brought_back
from overrides.serving.mode import mode_of
from overrides.versions.acts_today import full_hour
from overrides.versions.load_version import InForce, changed_keys, read_in_force, read_in_force_and
from telemetry.foundation.core.refusal import Refused

MOST_LOADED = 5_000  # overrides that a page loads to compute an effect
TOO_LARGE = "too many overrides to be replayed within this page; computed within a minute of submission"


def shown(compute: Callable[[], Effect | None]) -> dict[str, Any]:
    """Return an effect as a page shows it, or in words why there is none; no act waits for an effect or fails by it."""
    try:
        return {"estimate": compute(), "effect_words": TOO_LARGE}
    except (Refused, VersionAltered) as refused:
        return {"effect_words": f"could not be computed: {refused}"}


def effect_of_retiring(lines: Sequence[Line], at: datetime) -> Effect:
    """Return the effect of retiring lines of one module; only their patterns are answered again."""
    module = lines[0].module
    keys = {(module, line.pattern_key, line.action_category) for line in lines}
    change = Proposed(module, withdraw=[line.pk for line in lines])
    return _effect(change, read_in_force(module), at, keys)


def compare_bringing(spec: OverrideSpec, held: InForce, at: datetime) -> tuple[dict[str, Any], Effect]:
    """Return the comparison with and without an override, and the effect in it. Raises Refused.

    Only the override's pattern and action are answered again.
    """
    mode, keys = mode_of(spec.module), {(spec.module, spec.pattern_key, spec.action_category)}
    found = compare_effect(Proposed(spec.module, bring=[spec]), held, mode, at=at, keys=keys)
    return with_lines_described(found), read_effect(found, mode, as_of=full_hour(at))


def effect_of_parameters(held: InForce, parameters: ModuleParameters, at: datetime) -> Effect | None:
    """Return the effect of other parameters on what is in force; None if that is too much to load. Raises Refused."""
    return None if _is_large(held.version) else _effect(Proposed(held.module, parameters=parameters), held, at)


def effect_of_rolling_back(version: Version, at: datetime) -> Effect | None:
    """Return the effect of publishing a version again; None if that is too much to load. Raises Refused."""
    held, target = read_in_force_and(version.module, version.number)
    keys = None
    if held.version is not None and _has_same_constants(target, held.version):
        keys = changed_keys(version.module, *sorted((version.number, held.version.number)))
    elif _is_large(version) or _is_large(held.version):
        return None
    return _effect(brought_back(target, keys), held, at, keys)


def effect_of_switching_off(held: InForce, mode: ServingMode, at: datetime) -> Effect | None:
    """Return the effect of switching a module off that is in this mode; None if its version is too large to load."""
    if _is_large(held.version):
        return None
    change = Proposed(held.module, modes=(mode, ServingMode()))
    return read_effect(compare_effect(change, held, mode, at=at), mode, as_of=full_hour(at))


def _effect(change: Proposed, held: InForce, at: datetime, keys: Collection[Key] | None = None) -> Effect:
    mode = mode_of(change.module)
    return read_effect(compare_effect(change, held, mode, at=at, keys=keys), mode, as_of=full_hour(at))


def _is_large(version: Version | None) -> bool:
    return version is not None and version.n_overrides > MOST_LOADED


def _has_same_constants(version: Version, other: Version) -> bool:
    return version.parameters_id == other.parameters_id and version.coefficients == other.coefficients
