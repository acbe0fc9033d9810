"""Versions as values: rows in, frozen specs and parameters out. Nothing past this point reads the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q

from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import STATS, Path
from overrides.core.impact.reweighing import Evidence
from overrides.models import ChangeRequest, Membership, ParameterSet, RequestKind, Version

FEW_KEYS = 50  # changed patterns and actions that are loaded alone; beyond, everything is


def in_version(number: int) -> Q:
    """The memberships a version holds."""
    return Q(from_version__lte=number) & (Q(to_version=None) | Q(to_version__gt=number))


def active_version(module: str) -> Version | None:
    """The version in force; without its document, which may be large and which bots alone read."""
    versions = Version.objects.select_related("parameters").defer("config_data")
    return versions.filter(module=module, is_active=True).first()


def version_beside(request: ChangeRequest) -> Version | None:
    """The version in force where the request would take effect; with it is read the one a rollback brings back."""
    if request.kind != RequestKind.ROLLBACK:
        return active_version(request.module)
    versions = Version.objects.select_related("parameters").defer("config_data").filter(module=request.module)
    found = list(versions.filter(Q(is_active=True) | Q(number=request.content["to"])))
    request.rolls_back_to = next(version for version in found if version.number == request.content["to"])
    return next((version for version in found if version.is_active), None)


def changed_keys(module: str, since: int, number: int) -> set[Key]:
    """Where versions `since` and `number`, the later one, may differ: (module, pattern_key, action_category)."""
    opened = Q(from_version__gt=since, from_version__lte=number)
    closed = Q(to_version__gt=since, to_version__lte=number)
    moved = Membership.objects.filter(opened | closed, module=module)
    return set(moved.values_list("line__module", "line__pattern_key", "line__action_category").distinct())


def load_specs(module: str, number: int, keys: Iterable[Key] | None = None) -> Iterator[OverrideSpec]:
    """The overrides of a version with their paths, in id order; with `keys` only those there."""
    places = Q() if keys is None else Q(pk__in=())
    for _, pattern_key, category in keys or ():
        places |= Q(line__pattern_key=pattern_key, line__action_category=category)
    memberships = (
        Membership.objects.filter(in_version(number), places, module=module)
        .select_related("override", "override__line")
        .order_by("override_id")
    )
    for membership in memberships.iterator(chunk_size=5000):
        yield membership.spec


def load_held(module: str, number: int) -> list[list[Any]]:
    """What a version's content hash is of, beside its constants: each override's id and path, in id order."""
    rows = Membership.objects.filter(in_version(number), module=module).order_by("override_id")
    return [
        [override, None if start is None or since is None else Path(start, since).to_document()]
        for override, start, since in rows.values_list("override_id", "path_from", "path_since")
    ]


def current_parameters(module: str) -> ModuleParameters:
    """The active version's parameters; the defaults where nothing has been published yet."""
    return parameters_in(module, active_version(module))


def parameters_in(module: str, version: Version | None) -> ModuleParameters:
    """The parameters of a version that is read already; the defaults before the first one."""
    return ModuleParameters.default(module) if version is None else version.parameters.parsed


def parameters_id_in(module: str, version: Version | None) -> str:
    """The name of those parameters."""
    return parameters_id(ModuleParameters.default(module)) if version is None else version.parameters_id


def parameters_id(parameters: ModuleParameters) -> str:
    return content_hash([parameters.module, parameters.to_document()])


def parameters_of(module: str, number: int | None) -> ModuleParameters:
    """The parameters of a version; the defaults before the first one."""
    if number is None:
        return ModuleParameters.default(module)
    return ParameterSet.objects.get(versions__module=module, versions__number=number).parsed


def coefficients_of(module: str, number: int | None) -> dict[str, float]:
    """All that a version weighs, `lever=value` -> weight; nothing before the first one."""
    versions = Version.objects.filter(module=module, number=number or 0)
    found: dict[str, float] | None = versions.values_list("coefficients", flat=True).first()
    return found or {}


def evidence_in_force(module: str) -> list[Evidence]:
    """What the weights of a module's overrides in force rest on, without the overrides themselves."""
    rows = Membership.objects.filter(module=module, to_version=None).order_by("override_id")
    return [
        Evidence(name, channel, len(scope), edge_raw, n, variance, half_life_days, updated_at)
        for name, channel, scope, edge_raw, n, variance, half_life_days, updated_at in rows.values_list(
            "override_id", "line__channel", "line__scope", *(f"override__{each}" for each in STATS)
        ).iterator(chunk_size=5000)
    ]
