"""Selects the cells of a group that become lessons of the plan method: enough trades, enough edge, and a gain.

The gain is over simpler scopes. Positive and negative edges are treated alike, each in its own direction. Among the
candidates that would weigh enough to act when fresh, the simplest scopes come first; the other candidates are kept,
with their weight, as too light to act.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from learning.core.cells.cell_columns import Cells
from learning.core.cells.parents import incremental_edges
from learning.core.cells.rows import Floats, Ints
from learning.core.significance.tested_cells import TestedCells
from overrides.core.engine.definitions.json_fields import LARGEST
from overrides.core.engine.definitions.override_stats import Stats
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from overrides.core.engine.weights import WEIGHT_DECIMALS, Basis, WeightFormula, formula_of, rounded_weight

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SelectionStatus(IntEnum):
    """The result of the selection for a candidate."""

    LESSON = 0
    TOO_LIGHT = 1  # its weight is below min_total_weight even when fresh
    SURPLUS = 2  # it would act, but simpler lessons use up max_lessons


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates of a group, simplest first: fewer dimensions, then larger |edge|, then mask and codes.

    cell               (candidates,) position in the cells they were selected from
    edge_raw           (candidates,) mean - baseline, in R
    incremental_edge   (candidates,) smallest gain over any parent in the direction of the edge, in R
    weight             (candidates,) w_total at age 0, 0 to 1
    standing           (candidates,) a `SelectionStatus` for each
    """

    cell: Ints
    edge_raw: Floats
    incremental_edge: Floats
    weight: Floats
    standing: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.cell)


def select(cells: Cells, baseline: float, lessons: LessonParameters, weights: WeightParameters) -> Candidates:
    """Return the candidates among the cells of one whole group, each with its selection result.

    `baseline` is in R. Raises ValueError if a parent of a candidate is not among the cells (`build_cube` always emits
    it).
    """
    edge = cells.mean - baseline
    n_min = _n_min(cells, lessons)
    # Rounded like weights, so that no lesson depends on the last bit of a sum.
    large = np.round(np.abs(edge), WEIGHT_DECIMALS) >= lessons.edge_min
    cell = np.flatnonzero((cells.n >= n_min[cells.sizes]) & large)
    incremental = incremental_edges(cells, edge, cell)
    gains = np.round(incremental, WEIGHT_DECIMALS) >= lessons.incremental_min
    cell, incremental = cell[gains], incremental[gains]
    order = _simplest_first(cells, edge, cell)
    cell, incremental = cell[order], incremental[order]
    weight = _fresh_weights(cells, edge, cell, lessons.default_half_life_days, weights)
    standing = _standing(weight, weights.min_total_weight, lessons.max_lessons)
    return Candidates(cell, edge[cell], incremental, weight, standing)


def tested_of(cells: Cells, baseline: float, lessons: LessonParameters, candidates: Candidates) -> TestedCells:
    """Return every cell with enough trades to become a lesson; the plan method does not shrink, so edges are raw."""
    cell = np.flatnonzero(cells.n >= _n_min(cells, lessons)[cells.sizes])
    edge = cells.mean[cell] - baseline
    emitted = np.zeros(len(cells), dtype=np.bool_)
    emitted[candidates.cell[candidates.standing == SelectionStatus.LESSON]] = True
    error = np.sqrt(cells.variance[cell] / cells.n[cell])
    return TestedCells(n=cells.n[cell], raw=edge, se=error, shrunk=edge, emitted=emitted[cell])


def fresh_weight(basis: Basis[float], formula: WeightFormula[float]) -> float:
    """w_total of an override at age 0 (docs/method.md 4.3).

    >>> formula = formula_of(WeightParameters(max_scope_dims=10))
    >>> round(fresh_weight(Basis(edge_raw=0.82, n=37, variance=0.45, half_life_days=18, dims=3), formula), 6)
    0.059086
    """
    _, total = formula.weight(basis).at(0.0)
    return total


def stats_of(cells: Cells, cell: int, baseline: float, half_life_days: float) -> Stats:
    """Return the evidence of a lesson on the cell; `updated_at` is the close of its newest trade.

    `half_life_days` is `default_half_life_days` until one is fitted to the cell's weeks (`half_life`). An edge or
    variance beyond the limit of `Stats` is replaced by the limit, so that one extreme outcome does not stop all
    learning.
    """
    return Stats(
        edge_raw=min(max(float(cells.mean[cell]) - baseline, -LARGEST), LARGEST),
        n=int(cells.n[cell]),
        variance=min(float(cells.variance[cell]), LARGEST),
        half_life_days=half_life_days,
        updated_at=EPOCH + timedelta(microseconds=int(cells.last_closed_at[cell])),
    )


def _n_min(cells: Cells, lessons: LessonParameters) -> Ints:
    """Return the smallest number of units of a cell, by number of dimensions, shape `(dims + 1,)`."""
    return np.array([lessons.n_min_of(size) for size in range(cells.codes.shape[1] + 1)])


def _simplest_first(cells: Cells, edge: Floats, cell: Ints) -> Ints:
    """Return the order of the cells, simplest first."""
    codes = cells.codes[cell].T[::-1]
    magnitude = np.round(np.abs(edge[cell]), WEIGHT_DECIMALS)
    return np.lexsort((*codes, cells.mask[cell], -magnitude, cells.sizes[cell]))


def _fresh_weights(cells: Cells, edge: Floats, cell: Ints, half_life_days: float, weights: WeightParameters) -> Floats:
    """`fresh_weight` of each of these cells; `half_life_days` is assumed of all, as none is fitted yet."""
    columns = (edge[cell], cells.n[cell], cells.variance[cell], cells.sizes[cell])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    bases = (Basis(edge_raw, n, variance, half_life_days, dims) for edge_raw, n, variance, dims in rows)
    formula = formula_of(weights)
    return np.array([fresh_weight(basis, formula) for basis in bases], dtype=np.float64)


def _standing(weight: Floats, min_total_weight: float, max_lessons: int) -> NDArray[np.int8]:
    """Return the selection result of each candidate, given its weight."""
    heavy = np.array([rounded_weight(each) >= min_total_weight for each in weight.tolist()], dtype=np.bool_)
    standing = np.where(np.cumsum(heavy) <= max_lessons, SelectionStatus.LESSON, SelectionStatus.SURPLUS)
    return np.where(heavy, standing, SelectionStatus.TOO_LIGHT).astype(np.int8)
