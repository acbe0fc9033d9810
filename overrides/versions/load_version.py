"""Load versions as values: rows in, immutable specs and parameters out. No code behind it reads the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q

from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import STATS, Path, Stats
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.core.impact.reweighing import Evidence
from overrides.models import ChangeRequest, Membership, Override, ParameterSet, Version

FEW_KEYS = 50  # the most changed patterns and actions that are loaded alone; beyond it, everything is loaded


def in_version(number: int) -> Q:
    """Return the condition for memberships that a version contains."""
    return Q(from_version__lte=number) & (Q(to_version=None) | Q(to_version__gt=number))


def active_version(module: str) -> Version | None:
    """Return the version in force without its document, which may be large and is read only by bots."""
    versions = Version.objects.select_related("parameters").defer("config_data")
    return versions.filter(module=module, is_active=True).first()


def version_beside(request: ChangeRequest) -> Version | None:
    """Return the version in force in the module of a request; for a rollback, also read the version it restores."""
    if request.kind != ChangeRequest.Kind.ROLLBACK:
        return active_version(request.module)
    versions = Version.objects.select_related("parameters").defer("config_data").filter(module=request.module)
    found = list(versions.filter(Q(is_active=True) | Q(number=request.content["to"])))
    request.rolls_back_to = next(version for version in found if version.number == request.content["to"])
    return next((version for version in found if version.is_active), None)


def changed_keys(module: str, since: int, number: int) -> set[Key]:
    """Return the (module, pattern_key, action_category) in which version `since` and the later `number` may differ."""
    opened = Q(from_version__gt=since, from_version__lte=number)
    closed = Q(to_version__gt=since, to_version__lte=number)
    moved = Membership.objects.filter(opened | closed, module=module)
    return set(moved.values_list("line__module", "line__pattern_key", "line__action_category").distinct())


def load_specs(module: str, number: int, keys: Iterable[Key] | None = None) -> Iterator[OverrideSpec]:
    """Yield the overrides of a version with their paths, in order of id; with `keys` only those of these keys."""
    places = Q() if keys is None else Q(pk__in=())
    for _, pattern_key, category in keys or ():
        places |= Q(line__pattern_key=pattern_key, line__action_category=category)
    memberships = (
        Membership.objects.filter(in_version(number), places, module=module)
        .select_related("override", "override__line")
        .order_by("override_id")
    )
    for membership in memberships.iterator(chunk_size=5000):
        yield spec_of(membership.override, path_of(membership))


def load_held(module: str, number: int) -> list[list[Any]]:
    """Return the overrides of a version as its content hash covers them: [id, path] in order of id."""
    rows = Membership.objects.filter(in_version(number), module=module).order_by("override_id")
    return [
        [override, None if start is None or since is None else Path(start, since).to_document()]
        for override, start, since in rows.values_list("override_id", "path_from", "path_since")
    ]


def spec_of(override: Override, path: Path | None = None) -> OverrideSpec:
    """Return a stored override as the value that the combiner uses."""
    line = override.line
    return OverrideSpec(
        id=override.id,
        module=line.module,
        channel=Channel(line.channel),
        policy=LearningMethod(line.policy),
        pattern_key=line.pattern_key,
        action_category=line.action_category,
        scope=line.scope,
        stats=Stats(override.edge_raw, override.n, override.variance, override.half_life_days, override.updated_at),
        levers=override.levers,
        promise=override.promise,
        path=path,
    )


def load_parameters(parameters: ParameterSet) -> ModuleParameters:
    """Return a stored parameter set as a value. Raises ValueError."""
    return ModuleParameters.from_document(parameters.module, parameters.document)


def current_parameters(module: str) -> ModuleParameters:
    """Return the parameters of the active version; the defaults if nothing was published yet."""
    return parameters_in(module, active_version(module))


def parameters_in(module: str, version: Version | None) -> ModuleParameters:
    """Return the parameters of a version that is loaded already; the defaults for None."""
    return ModuleParameters.default(module) if version is None else load_parameters(version.parameters)


def parameters_id_in(module: str, version: Version | None) -> str:
    """Return the content hash of those parameters."""
    return parameters_id(ModuleParameters.default(module)) if version is None else version.parameters_id


def parameters_id(parameters: ModuleParameters) -> str:
    """Return the content hash of parameters."""
    return content_hash([parameters.module, parameters.to_document()])


def parameters_of(module: str, number: int | None) -> ModuleParameters:
    """Return the parameters of a version by number; the defaults for None."""
    if number is None:
        return ModuleParameters.default(module)
    return load_parameters(ParameterSet.objects.get(versions__module=module, versions__number=number))


def coefficients_of(module: str, number: int | None) -> dict[str, float]:
    """Return the coefficients of a version, `dimension=value` -> weight; empty if there is no such version."""
    versions = Version.objects.filter(module=module, number=number or 0)
    found: dict[str, float] | None = versions.values_list("coefficients", flat=True).first()
    return found or {}


def path_of(membership: Membership) -> Path | None:
    """Return the ramp that began with a membership; None if it does not ramp."""
    if membership.path_since is None or membership.path_from is None:
        return None
    return Path(membership.path_from, membership.path_since)


def evidence_in_force(module: str) -> list[Evidence]:
    """Return what the weights of a module's overrides in force rest on, without loading the overrides."""
    rows = Membership.objects.filter(module=module, to_version=None).order_by("override_id")
    return [
        Evidence(name, channel, len(scope), edge_raw, n, variance, half_life_days, updated_at)
        for name, channel, scope, edge_raw, n, variance, half_life_days, updated_at in rows.values_list(
            "override_id", "line__channel", "line__scope", *(f"override__{each}" for each in STATS)
        ).iterator(chunk_size=5000)
    ]
