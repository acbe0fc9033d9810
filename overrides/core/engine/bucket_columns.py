"""Build the columns of a bucket from its overrides, or from an older bucket under other parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .compiled import NO_PATH, Bucket, Ramps
from .definitions.levers import LEVERS
from .definitions.override_spec import OverrideSpec
from .definitions.override_stats import Path
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


class Moves(NamedTuple):
    """Targets, shape (overrides, levers), NaN where an override does not move a lever; and the ramps towards them."""

    levers: tuple[str, ...]
    targets: Column
    ramps: Ramps | None


def bucket_of(rows: Sequence[OverrideRow], scopes: PackedScopes, formula: WeightFormula[float]) -> Bucket:
    """Return the bucket of overrides in id order; `scopes` holds theirs."""
    basis = Basis(
        edge_raw=np.array([row.edge_raw for row in rows], float),
        n=np.array([row.n for row in rows], float),
        variance=np.array([row.variance for row in rows], float),
        half_life_days=np.array([row.half_life_days for row in rows], float),
        dims=np.array([len(row.scope) for row in rows], float),
    )
    levers = tuple(sorted({name for row in rows for name in row.levers}))
    targets = [[row.levers.get(name, math.nan) for name in levers] for row in rows]
    moves = Moves(levers, np.array(targets, float).reshape(len(rows), len(levers)), _ramps(rows, levers))
    ids, lines = Names([row.id for row in rows]), Names([row.line for row in rows])
    return bucket_of_columns(ids, lines, scopes, [row.updated for row in rows], basis, moves, formula)


def bucket_of_columns(
    ids: Names,
    lines: Names,
    scopes: PackedScopes,
    updated: Sequence[int] | Column,
    basis: Basis[Column],
    moves: Moves,
    formula: WeightFormula[float],
) -> Bucket:
    """Return the bucket of overrides whose columns are given, in id order; `updated` is in microseconds."""
    units, weighing = _units(moves), Weighing.under(formula)
    table, detail = weighing.tables(updated, basis, units, moves.targets)
    small = basis.dims.astype(np.min_scalar_type(int(basis.dims.max(initial=0))))  # a byte in place of eight
    return Bucket(
        ids=ids,
        lines=lines,
        scopes=scopes,
        basis=_sharing(basis._replace(dims=small), weighing, table),
        levers=moves.levers,
        is_full=not np.isnan(units).any(),
        table=table,
        detail=detail,
        weighing=weighing,
        ramps=moves.ramps,
    )


def reweighed(bucket: Bucket, formula: WeightFormula[float]) -> Bucket:
    """Return the bucket under other parameters; ids, scopes and statistics are shared."""
    weighing = Weighing.under(formula)
    basis = Basis(*(column.astype(float) for column in bucket.basis))
    units = bucket.table[:, bucket.weighing.width :]
    table, detail = weighing.tables(bucket.updated, basis, units, bucket.targets)
    return replace(bucket, table=table, detail=detail, weighing=weighing, basis=_sharing(bucket.basis, weighing, table))


def _sharing(basis: Basis[Column], weighing: Weighing, table: Column) -> Basis[Column]:
    """Return the basis with those columns in the table that the table holds too."""
    return basis._replace(**{name: table[:, INPUTS + place] for place, name in enumerate(weighing.inputs)})


def _units(moves: Moves) -> Column:
    """Return the targets in units from neutral; NaN where an override has none."""
    units = np.empty(moves.targets.shape)
    for place, name in enumerate(moves.levers):
        column = map(LEVERS[name].unit, moves.targets[:, place].tolist())
        units[:, place] = np.fromiter(column, np.float64, len(units))
    return units


def _ramps(rows: Sequence[OverrideRow], levers: Sequence[str]) -> Ramps | None:
    """Return the ramps; an override without a path ends where it starts."""
    if all(row.path is None for row in rows):
        return None
    since = [NO_PATH if row.path is None else microseconds(row.path.since) for row in rows]
    starts = [
        [row.levers.get(name, math.nan) for name in levers]
        if row.path is None
        else [row.path.start.get(name, LEVERS[name].neutral) for name in levers]
        for row in rows
    ]
    return Ramps(np.array(since, np.int64), np.array(starts, float))
