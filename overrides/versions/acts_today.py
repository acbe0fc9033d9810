"""Two figures of a module: how many overrides are in force, and how many of them act at this hour.

The inputs of the weights are kept per version, which never changes, so that counting again is arithmetic alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from overrides.core.impact.acting import EvidenceColumns, acting
from overrides.models import Version
from overrides.versions.load_version import InForce, active_version, evidence_in_force

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


def _columns(version: Version) -> EvidenceColumns:
    key = version.pk, version.content_hash
    known = _known.get(version.module)
    if known is None or known[0] != key:
        known = key, EvidenceColumns.of(evidence_in_force(version.module))
        _known[version.module] = known
    return known[1]
