"""The targets of each lever in the versions in force, the farthest from neutral first.

They are kept per version, which never changes, so that a page of them is a slice however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overrides.core.engine.definitions.levers import LEVERS, Lever
from overrides.models import Membership, Version

Key = tuple[int, str]
_known: dict[str, tuple[Key, Mapping[str, LeverTargets]]] = {}  # by module, of its version in force


@dataclass(frozen=True, eq=False)
class LeverTargets:
    """The overrides in force with a target of one lever, as columns; the farthest from neutral first, then by id.

    rows    (targets,) their places in `ids`, which all levers of a version share
    units   (targets,) distance of each target from neutral in units of the lever, signed
    """

    lever: Lever
    ids: NDArray[np.bytes_]
    rows: NDArray[np.intp]
    units: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def above(self) -> int:
        """How many targets lie above neutral."""
        return int((self.units > 0).sum())

    @property
    def below(self) -> int:
        """How many targets lie below neutral."""
        return int((self.units < 0).sum())

    @property
    def mean(self) -> float | None:
        """The value at the mean distance: of multiples the geometric mean, else the arithmetic one; None if empty."""
        return self.lever.value_at(float(self.units.mean())) if len(self) else None

    def slice_of(self, start: int, end: int) -> list[str]:
        """Return the ids of the overrides at these places of the order."""
        return [name.decode() for name in self.ids[self.rows[start:end]].tolist()]


def lever_targets() -> dict[str, LeverTargets]:
    """Return the targets in force of every lever of the registry, by name."""
    versions = list(Version.objects.filter(is_active=True).only("module", "content_hash"))
    found = {name: columns_of(lever, NO_IDS, [], []) for name, lever in LEVERS.items()}
    for version in versions:
        found |= _of(version)
    return found


def columns_of(lever: Lever, ids: NDArray[np.bytes_], rows: list[int], targets: list[float]) -> LeverTargets:
    """Return the targets of a lever in their order, given the places of their overrides in `ids`.

    >>> found = columns_of(LEVERS["size_mult"], np.array([b"a", b"b", b"c"]), [0, 1, 2], [1.1, 0.8, 1.0])
    >>> found.slice_of(0, 2), found.above, found.below, round(found.mean, 4)
    (['b', 'a'], 1, 1, 0.9583)
    """
    places, units = np.array(rows, np.intp), np.array([lever.unit(each) for each in targets], float)
    order = np.lexsort((ids[places], -np.abs(units)))
    return LeverTargets(lever, ids, places[order], units[order])


def _of(version: Version) -> Mapping[str, LeverTargets]:
    key = version.pk, version.content_hash
    known = _known.get(version.module)
    if known is None or known[0] != key:
        known = _known[version.module] = key, _read(version.module)
    return known[1]


def _read(module: str) -> dict[str, LeverTargets]:
    members = Membership.objects.filter(module=module, to_version=None).order_by("override_id")
    return _by_lever(members.values_list("override_id", "override__levers").iterator(chunk_size=5000))


def _by_lever(overrides: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, LeverTargets]:
    names: list[str] = []
    columns: dict[str, tuple[list[int], list[float]]] = {}
    for row, (name, levers) in enumerate(overrides):
        names.append(name)
        for lever, target in levers.items():
            rows, targets = columns.setdefault(lever, ([], []))
            rows.append(row)
            targets.append(target)
    ids = np.array(names, "S64")
    return {name: columns_of(LEVERS[name], ids, *each) for name, each in columns.items() if name in LEVERS}


NO_IDS = np.array([], "S64")
