"""Which overrides act at a time: those that the combiner of their channel does not exclude.

Under `plan` an override acts if its weight reaches the floor, under `evidence` if its evidence is not too old; under
`most_specific` every override takes part. In force is another figure: that a version contains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from overrides.core.engine.compiled import Bucket, Compiled, Section
from overrides.core.engine.definitions.module_parameters import ChannelParameters, ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.engine.weights import (
    DAY,
    WEIGHT_DECIMALS,
    Basis,
    WeightFormula,
    are_below,
    microseconds,
)
from overrides.core.impact.reweighing import Evidence

Column = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EvidenceColumns:
    """What many overrides rest on, as columns of shape (rows,); times are in microseconds."""

    names: NDArray[np.str_]
    channels: NDArray[np.str_]
    basis: Basis[Column]
    updated: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Evidence]) -> Self:
        """Return the columns of rows."""
        return cls(
            names=np.array([row.name for row in rows], dtype=np.str_),
            channels=np.array([row.channel for row in rows], dtype=np.str_),
            basis=Basis(*(np.array([getattr(row, name) for row in rows], dtype=float) for name in Basis._fields)),
            updated=np.array([microseconds(row.updated_at) for row in rows], dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.names)


def acting(overrides: EvidenceColumns, parameters: ModuleParameters, at: datetime) -> NDArray[np.bool_]:
    """Return, per override, whether it acts at `at`; one pass of arithmetic however many there are."""
    ages = np.maximum(microseconds(at) - overrides.updated, 0) / DAY
    found = np.zeros(len(overrides), dtype=np.bool_)
    for channel, each in parameters.channels.items():
        mine = overrides.channels == channel.value
        basis = Basis(*(column[mine] for column in overrides.basis))
        found[mine] = _acting(basis, ages[mine], each)
    return found


def acting_in(compiled: Compiled, at: datetime) -> int:
    """Return how many overrides of an engine act at `at`."""
    now = microseconds(at)
    return sum(_acting_of(bucket, section, now) for section in compiled.sections for bucket in section.buckets.values())


def _acting(basis: Basis[Column], ages: Column, channel: ChannelParameters) -> NDArray[np.bool_]:
    weights = channel.weights
    if channel.combiner is Combiner.PLAN:
        formula: WeightFormula[Column] = WeightFormula.under(
            lambda name: np.full(len(ages), getattr(weights, name), dtype=float)
        )
        _, total = formula.weight(basis).at(ages)
        reaches: NDArray[np.bool_] = np.round(total, WEIGHT_DECIMALS) >= weights.min_total_weight
        return reaches
    oldest = weights.max_evidence_age_days if channel.combiner is Combiner.EVIDENCE else None
    return np.ones(len(ages), dtype=np.bool_) if oldest is None else ages <= oldest


def _acting_of(bucket: Bucket, section: Section, now: int) -> int:
    if section.combiner is Combiner.PLAN:
        return len(bucket) - int(are_below(bucket.weights(now), section.parameters.min_total_weight).sum())
    oldest = section.parameters.max_evidence_age_days if section.combiner is Combiner.EVIDENCE else None
    return len(bucket) if oldest is None else int((np.maximum(now - bucket.updated, 0) / DAY <= oldest).sum())
