"""Two figures of a module: how many overrides are in force, and how many of them act at this hour.

The inputs of the weights are kept per version, which never changes, so that counting again is arithmetic alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from overrides.core.impact.acting import EvidenceColumns, acting
from overrides.models import Version
from overrides.versions.load_version import InForce, active_version, evidence_by_module

_known: dict[str, tuple[tuple[int, str], EvidenceColumns]] = {}  # the columns of each module's newest version


@dataclass(frozen=True)
class ActsToday:
    """The number of overrides in force, and of those that act at this hour, if the module is served."""

    in_force: int
    acting: int


def full_hour(at: datetime) -> datetime:
    """Return the start of the hour of a time: weights are those of this hour wherever they are counted or listed."""
    return at.replace(minute=0, second=0, microsecond=0)


def acts_today(module: str, at: datetime, held: InForce | None = None) -> ActsToday:
    """Return both figures for a module; `held` is what is in force, if it has been read already."""
    return acts_in(held.version if held else active_version(module), at)


def acts_in(version: Version | None, at: datetime) -> ActsToday:
    """Return both figures for a version in force; None is a module without one."""
    if version is None:
        return ActsToday(0, 0)
    columns = _columns(version)
    return ActsToday(len(columns), int(acting(columns, version.parameters.parsed, full_hour(at)).sum()))


def acting_ids(module: str, at: datetime) -> list[str]:
    """Return the ids of the overrides in force that act at this hour."""
    version = active_version(module)
    if version is None:
        return []
    columns = _columns(version)
    ids: list[str] = columns.names[acting(columns, version.parameters.parsed, full_hour(at))].tolist()
    return ids


def acts_by_module(versions: Iterable[Version], at: datetime) -> dict[str, ActsToday]:
    """Return both figures of versions in force, one of each module; what is not kept yet is read in one query."""
    versions = list(versions)
    _read([version for version in versions if _kept(version) is None])
    return {version.module: acts_in(version, at) for version in versions}


def _columns(version: Version) -> EvidenceColumns:
    kept = _kept(version)
    return _read([version])[version.module] if kept is None else kept


def _kept(version: Version) -> EvidenceColumns | None:
    known = _known.get(version.module)
    return known[1] if known is not None and known[0] == _key(version) else None


def _read(versions: list[Version]) -> dict[str, EvidenceColumns]:
    """Read the columns of versions in force and keep them."""
    if not versions:
        return {}
    rows = evidence_by_module([version.module for version in versions])
    found = {module: EvidenceColumns.of(each) for module, each in rows.items()}
    for version in versions:
        _known[version.module] = _key(version), found[version.module]
    return found


def _key(version: Version) -> tuple[int, str]:
    return version.pk, version.content_hash
