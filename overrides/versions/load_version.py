"""Load versions as values: rows in, immutable specs and parameters out. No code behind it reads the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet

from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import STATS
from overrides.core.governance.errors import VersionAltered
from overrides.core.impact.reweighing import Evidence
from overrides.models import Membership, ParameterSet, Version
from overrides.versions.content_digest import content_digest


def in_version(number: int) -> Q:
    """Return the condition for memberships that a version contains."""
    return Q(from_version__lte=number) & (Q(to_version=None) | Q(to_version__gt=number))


@dataclass(frozen=True)
class InForce:
    """What is in force in a module, read and parsed once.

    Before the first version `version` and `number` are None, the parameters are the defaults, and there are no
    coefficients.
    """

    module: str
    version: Version | None
    number: int | None
    parameters: ModuleParameters
    parameters_id: str
    coefficients: Mapping[str, float]


def read_in_force(module: str) -> InForce:
    """Return what is in force now."""
    return _held_by(module, active_version(module))


def read_in_force_and(module: str, number: int) -> tuple[InForce, Version]:
    """Return what is in force now and the version `number`, which must exist, in one query."""
    found = list(_versions(module).filter(Q(is_active=True) | Q(number=number)))
    active = next((version for version in found if version.is_active), None)
    return _held_by(module, active), next(version for version in found if version.number == number)


def active_version(module: str) -> Version | None:
    """Return the version in force without its document, which may be large and is read only by bots."""
    return _versions(module).filter(is_active=True).first()


def _versions(module: str) -> QuerySet[Version]:
    return Version.objects.select_related("parameters").defer("config_data").filter(module=module)


def _held_by(module: str, version: Version | None) -> InForce:
    if version is None:
        parameters = ModuleParameters.default(module)
        return InForce(module, None, None, parameters, parameters_id(parameters), {})
    parameters = version.parameters.parsed
    return InForce(module, version, version.number, parameters, version.parameters_id, version.coefficients)


def changed_keys(module: str, since: int, number: int) -> set[Key]:
    """Return the (module, pattern_key, action_category) in which version `since` and the later `number` may differ."""
    opened = Q(from_version__gt=since, from_version__lte=number)
    closed = Q(to_version__gt=since, to_version__lte=number)
    moved = Membership.objects.filter(opened | closed, module=module)
    return set(moved.values_list("line__module", "line__pattern_key", "line__action_category").distinct())


def load_specs(module: str, number: int, keys: Iterable[Key] | None = None) -> Iterator[OverrideSpec]:
    """Yield the overrides of a version with their paths, in order of id; with `keys` only those of these keys.

    Raises VersionAltered at an override whose stored content has another hash than its id.
    """
    places = Q() if keys is None else Q(pk__in=())
    for _, pattern_key, category in keys or ():
        places |= Q(line__pattern_key=pattern_key, line__action_category=category)
    memberships = (
        Membership.objects.filter(in_version(number), places, module=module)
        .select_related("override", "override__line")
        .order_by("override_id")
    )
    for membership in memberships.iterator(chunk_size=5000):
        spec = membership.spec
        if spec.line != membership.line_id or spec.content_id != membership.override_id:
            raise VersionAltered(
                f"override {membership.override_id}",
                f"of {module} version {number}: its stored content has the hash {spec.content_id}; it was rewritten",
            )
        yield spec


def specs_of(module: str, number: int) -> list[OverrideSpec]:
    """Return the overrides of a version that is small enough to be held at once, as `load_specs` yields them."""
    return list(load_specs(module, number))


def specs_and_changes(module: str, since: int, number: int) -> tuple[list[OverrideSpec], set[Key]]:
    """Return the overrides of a small version, and the keys in which it may differ from the earlier `since`."""
    return specs_of(module, number), changed_keys(module, since, number)


def refuse_altered(version: Version) -> None:
    """Raise VersionAltered where a version's stored content has another hash than the version or its parameters name.

    Its overrides are compared with their own ids as they are loaded.
    """
    name, advice = f"version {version.module}/{version.number}", "it was rewritten, see `./dev manage verify_audit`"
    found = content_hash([version.module, version.parameters.document])
    if found != version.parameters_id:
        raise VersionAltered(name, f"its parameters have the hash {found}, not {version.parameters_id}; {advice}")
    digest = content_digest(version.module, version.number, version.parameters_id, version.coefficients)
    if digest != (version.content_hash, version.n_overrides):
        raise VersionAltered(name, f"its content has the hash {digest.hash}, not {version.content_hash}; {advice}")


def specs_without_ramps(module: str, number: int | None, keys: Iterable[Key] | None = None) -> dict[str, OverrideSpec]:
    """Return the overrides of a version by line, with the targets of their ramps; `number` None is no version.

    With `keys` only those of these keys, as in `load_specs`.
    """
    if number is None:
        return {}
    return {spec.line: replace(spec, path=None) for spec in load_specs(module, number, keys)}


def current_parameters(module: str) -> ModuleParameters:
    """Return the parameters of the active version; the defaults if nothing was published yet."""
    return read_in_force(module).parameters


def parameters_id(parameters: ModuleParameters) -> str:
    """Return the content hash of parameters."""
    return content_hash([parameters.module, parameters.to_document()])


def parameters_of(module: str, number: int | None) -> ModuleParameters:
    """Return the parameters of a version by number; the defaults for None."""
    if number is None:
        return ModuleParameters.default(module)
    return ParameterSet.objects.get(versions__module=module, versions__number=number).parsed


def coefficients_of(module: str, number: int | None) -> dict[str, float]:
    """Return the coefficients of a version, `dimension=value` -> weight; empty if there is no such version."""
    versions = Version.objects.filter(module=module, number=number or 0)
    found: dict[str, float] | None = versions.values_list("coefficients", flat=True).first()
    return found or {}


def evidence_in_force(module: str) -> list[Evidence]:
    """Return what the weights of a module's overrides in force rest on, without loading the overrides."""
    return evidence_by_module([module])[module]


def evidence_by_module(modules: Collection[str]) -> dict[str, list[Evidence]]:
    """Return the same of several modules, by module, in one query."""
    rows = Membership.objects.filter(module__in=modules, to_version=None).order_by("override_id")
    found: dict[str, list[Evidence]] = {module: [] for module in modules}
    for module, name, channel, scope, edge_raw, n, variance, half_life_days, updated_at in rows.values_list(
        "module", "override_id", "line__channel", "line__scope", *(f"override__{each}" for each in STATS)
    ).iterator(chunk_size=5000):
        found[module].append(Evidence(name, channel, len(scope), edge_raw, n, variance, half_life_days, updated_at))
    return found
