"""Build the columns of a bucket from its overrides, or from an older bucket under other parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .compiled import NO_PATH, Bucket, Moves, Ramps
from .definitions.levers import LEVERS
from .definitions.override_spec import OverrideSpec
from .definitions.override_stats import Path
from .definitions.vocabulary import Blend
from .names import Names
from .scope_packing import PackedScopes
from .weighing import INPUTS, Weighing
from .weights import Basis, Column, WeightFormula, microseconds


class OverrideRow(NamedTuple):
    """One override as the columns take it up; `updated` is in microseconds."""

    id: str
    line: str
    scope: Mapping[str, str]
    edge_raw: float
    n: float
    variance: float
    half_life_days: float
    updated: int
    levers: Mapping[str, float]
    path: Path | None

    @classmethod
    def of(cls, spec: OverrideSpec) -> OverrideRow:
        """Return the row of an override."""
        stats = spec.stats
        return cls(
            spec.id,
            spec.line,
            spec.scope,
            stats.edge_raw,
            stats.n,
            stats.variance,
            stats.half_life_days,
            microseconds(stats.updated_at),
            spec.levers,
            spec.path,
        )


def bucket_of(rows: Sequence[OverrideRow], scopes: PackedScopes, formula: WeightFormula[float]) -> Bucket:
    """Return the bucket of overrides in id order; `scopes` holds theirs."""
    dims = [len(row.scope) for row in rows]
    basis = Basis(
        edge_raw=np.array([row.edge_raw for row in rows], float),
        n=np.array([row.n for row in rows], float),
        variance=np.array([row.variance for row in rows], float),
        half_life_days=np.array([row.half_life_days for row in rows], float),
        dims=np.array(dims, float),
    )
    moves, units = _moves(rows)
    weighing = Weighing.under(formula)
    table = weighing.table([row.updated for row in rows], basis, units)
    small = np.array(dims, np.min_scalar_type(max(dims, default=0)))  # a byte in place of eight
    return Bucket(
        ids=Names([row.id for row in rows]),
        lines=Names([row.line for row in rows]),
        scopes=scopes,
        basis=_sharing(basis._replace(dims=small), weighing, table),
        table=table,
        weighing=weighing,
        moves=moves,
        ramps=_ramps(rows, moves),
    )


def reweighed(bucket: Bucket, formula: WeightFormula[float]) -> Bucket:
    """Return the bucket under other parameters; ids, scopes, targets and statistics are shared."""
    weighing = Weighing.under(formula)
    basis = Basis(*(column.astype(float) for column in bucket.basis))
    table = weighing.table(bucket.updated, basis, bucket.table[:, bucket.weighing.width :])
    return replace(bucket, table=table, weighing=weighing, basis=_sharing(bucket.basis, weighing, table))


def _sharing(basis: Basis[Column], weighing: Weighing, table: Column) -> Basis[Column]:
    """Return the basis with those columns in the table that the table holds too."""
    return basis._replace(**{name: table[:, INPUTS + place] for place, name in enumerate(weighing.inputs)})


def _moves(rows: Sequence[OverrideRow]) -> tuple[Moves, Column]:
    """Return the targets, and the same in units from neutral; NaN where an override has none."""
    levers = tuple(sorted({name for row in rows for name in row.levers}))
    unit_of = {name: LEVERS[name].unit for name in levers}
    targets = [[row.levers.get(name, math.nan) for name in levers] for row in rows]
    units = [[unit_of[name](value) for name, value in zip(levers, row, strict=True)] for row in targets]
    shape = len(rows), len(levers)
    columns = np.array(targets, float).reshape(shape)
    return Moves(levers, columns, not np.isnan(columns).any()), np.array(units, float).reshape(shape)


def _ramps(rows: Sequence[OverrideRow], moves: Moves) -> Ramps | None:
    if all(row.path is None for row in rows):
        return None
    starts, distances = moves.targets.copy(), np.zeros(moves.targets.shape)
    for number, (row, path) in enumerate((row, row.path) for row in rows):
        for place, name in enumerate(moves.levers):
            if path is not None and name in row.levers:
                lever, target = LEVERS[name], row.levers[name]
                start = path.start.get(name, lever.neutral)
                starts[number, place] = start
                is_linear = lever.blend is Blend.LINEAR
                distances[number, place] = target - start if is_linear else math.log(target / start)
    since = [NO_PATH if row.path is None else microseconds(row.path.since) for row in rows]
    return Ramps(np.array(since, np.int64), starts, distances)
