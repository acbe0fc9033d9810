"""Preview of other parameters on the overrides in force: which ones cross the floor, and how far weights move.

All overrides are computed at once, as columns, because a module may have a hundred thousand of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.engine.weights import WEIGHT_DECIMALS, Basis, WeightFormula, age_in_days, microseconds

Column = NDArray[np.float64]
NAMED = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """The inputs of an override's weight; `name` is the override's id."""

    name: str
    channel: str
    dims: int
    edge_raw: float
    n: float
    variance: float
    half_life_days: float
    updated_at: datetime


@dataclass(frozen=True)
class Crossing:
    """An override that starts or stops acting, with its weight before and after."""

    name: str
    before: float
    after: float


@dataclass(frozen=True)
class Reweighing:
    """The effect on the weighed overrides: how many act, their mean weights, and the largest change of one weight."""

    weighed: int
    acting_before: int
    acting_after: int
    mean_before: float
    mean_after: float
    largest: float
    starting: tuple[Crossing, ...]
    stopping: tuple[Crossing, ...]
    n_starting: int
    n_stopping: int

    @property
    def is_nothing(self) -> bool:
        """Whether no weight changes and no override starts or stops acting."""
        return self.largest == 0 and not self.n_starting and not self.n_stopping


def reweighed(rows: Sequence[Evidence], before: ModuleParameters, after: ModuleParameters, at: datetime) -> Reweighing:
    """Compare two parameter sets on the same overrides at one time, without channels that do not weigh under both."""
    weighs = _weighing(before).keys() & _weighing(after).keys()
    rows = [row for row in rows if row.channel in weighs]
    basis, ages = _columns(rows, at)
    (old, old_floor), (new, new_floor) = (_weights(rows, basis, ages, _weighing(each)) for each in (before, after))
    acted, acts = old >= old_floor, new >= new_floor
    starting, stopping = np.flatnonzero(acts & ~acted), np.flatnonzero(acted & ~acts)

    def named(indices: NDArray[np.intp]) -> tuple[Crossing, ...]:
        farthest = indices[np.argsort(-np.abs(new[indices] - old[indices]), kind="stable")][:NAMED]
        return tuple(Crossing(rows[i].name, float(old[i]), float(new[i])) for i in farthest)

    return Reweighing(
        weighed=len(rows),
        acting_before=int(acted.sum()),
        acting_after=int(acts.sum()),
        mean_before=float(old.mean()) if rows else 0.0,
        mean_after=float(new.mean()) if rows else 0.0,
        largest=float(np.abs(new - old).max()) if rows else 0.0,
        starting=named(starting),
        stopping=named(stopping),
        n_starting=len(starting),
        n_stopping=len(stopping),
    )


def _weighing(parameters: ModuleParameters) -> Mapping[str, WeightParameters]:
    """Return the channels whose combiner weighs, by name."""
    channels = parameters.channels.items()
    return {channel.value: each.weights for channel, each in channels if each.combiner is Combiner.PLAN}


def _columns(rows: Sequence[Evidence], at: datetime) -> tuple[Basis[Column], Column]:
    """Return the inputs of the weights, and the ages in days; each of shape (rows,)."""
    now = microseconds(at)
    basis = Basis(*(np.array([getattr(row, name) for row in rows], dtype=float) for name in Basis._fields))
    return basis, np.array([age_in_days(microseconds(row.updated_at), now) for row in rows], dtype=float)


def _weights(
    rows: Sequence[Evidence], basis: Basis[Column], ages: Column, channels: Mapping[str, WeightParameters]
) -> tuple[Column, Column]:
    """Return each override's weight, rounded as for the floor test, and the floor of its channel."""
    each = [channels[row.channel] for row in rows]

    def of(name: str) -> Column:
        return np.array([getattr(weights, name) for weights in each], dtype=float)

    _, total = WeightFormula.under(of).weight(basis).at(ages)
    return np.round(total, WEIGHT_DECIMALS), of("min_total_weight")
