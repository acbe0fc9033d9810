"""Build the columns of a bucket from its overrides, or from an older bucket under other parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .compiled import NO_PATH, Bucket, Ramps
from .definitions.levers import LEVERS
from .definitions.override_spec import OverrideSpec
from .definitions.override_stats import Path
from .names import Names
from .scope_packing import PackedScopes
from .weighing import INPUTS, Weighing
from .weights import Basis, Column, WeightFormula, microseconds


@dataclass(frozen=True)
class OverrideColumns:
    """Overrides as a bucket takes them up, in id order: a list or an array per field, one entry per override.

    `updated` is in microseconds; `paths` is None if no override has a ramp.
    """

    ids: Sequence[str]
    lines: Sequence[str]
    scopes: Sequence[Mapping[str, str]]
    basis: Basis[Column]
    updated: NDArray[np.int64]
    levers: Sequence[Mapping[str, float]]
    paths: Sequence[Path | None] | None

    @classmethod
    def of(cls, specs: Sequence[OverrideSpec]) -> Self:
        """Return the columns of overrides, which are in id order."""
        stats = [spec.stats for spec in specs]
        return cls(
            [spec.id for spec in specs],
            [spec.line for spec in specs],
            [spec.scope for spec in specs],
            Basis(
                edge_raw=np.array([each.edge_raw for each in stats], float),
                n=np.array([each.n for each in stats], float),
                variance=np.array([each.variance for each in stats], float),
                half_life_days=np.array([each.half_life_days for each in stats], float),
                dims=np.array([len(spec.scope) for spec in specs], float),
            ),
            np.array([microseconds(each.updated_at) for each in stats], np.int64),
            [spec.levers for spec in specs],
            [spec.path for spec in specs],
        )

    @classmethod
    def joined(cls, blocks: Sequence[Self]) -> Self:
        """Return several blocks as one, whose overrides are in id order again."""
        if len(blocks) == 1:
            return blocks[0]
        whole = cls(
            [name for block in blocks for name in block.ids],
            [name for block in blocks for name in block.lines],
            [scope for block in blocks for scope in block.scopes],
            Basis(*map(np.concatenate, zip(*(block.basis for block in blocks), strict=True))),
            np.concatenate([block.updated for block in blocks]),
            [levers for block in blocks for levers in block.levers],
            [path for block in blocks for path in block.paths or (None,) * len(block.ids)],
        )
        order = sorted(range(len(whole.ids)), key=whole.ids.__getitem__)
        return whole if order == list(range(len(order))) else whole._in_order(order)

    def _in_order(self, rows: Sequence[int]) -> Self:
        return type(self)(
            [self.ids[row] for row in rows],
            [self.lines[row] for row in rows],
            [self.scopes[row] for row in rows],
            Basis(*(column[rows] for column in self.basis)),
            self.updated[rows],
            [self.levers[row] for row in rows],
            None if self.paths is None else [self.paths[row] for row in rows],
        )


class Moves(NamedTuple):
    """Targets, shape (overrides, levers), NaN where an override does not move a lever; and the ramps towards them."""

    levers: tuple[str, ...]
    targets: Column
    ramps: Ramps | None


def bucket_of(rows: OverrideColumns, scopes: PackedScopes, formula: WeightFormula[float]) -> Bucket:
    """Return the bucket of overrides in id order; `scopes` holds theirs."""
    levers = tuple(sorted({name for each in rows.levers for name in each}))
    targets = [[each.get(name, math.nan) for name in levers] for each in rows.levers]
    moves = Moves(levers, np.array(targets, float).reshape(len(rows.ids), len(levers)), _ramps(rows, levers))
    ids, lines = Names(rows.ids), Names(rows.lines)
    return bucket_of_columns(ids, lines, scopes, rows.updated.tolist(), rows.basis, moves, formula)


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


def _ramps(rows: OverrideColumns, levers: Sequence[str]) -> Ramps | None:
    """Return the ramps; an override without a path ends where it starts."""
    if rows.paths is None or all(path is None for path in rows.paths):
        return None
    since = [NO_PATH if path is None else microseconds(path.since) for path in rows.paths]
    starts = [
        [targets.get(name, math.nan) for name in levers]
        if path is None
        else [path.start.get(name, LEVERS[name].neutral) for name in levers]
        for targets, path in zip(rows.levers, rows.paths, strict=True)
    ]
    return Ramps(np.array(since, np.int64), np.array(starts, float))
