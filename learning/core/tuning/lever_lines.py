"""What would be proposed of a lever: for each pattern the scopes in which an alternative is better, with a target each.

The cells are those of the plan's cube over the trades by their entry. A cell asks for the alternative that is chosen in
it, with a gain that holds for the whole cell; targets are absolute, so gains of nested cells are never added. Of the
cells that would weigh enough under the plan's combiner, the simplest come first; without any, the heaviest is kept as
too light to act.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from learning.core.cells.cell_columns import Cells
from learning.core.cells.cube import build_cubes
from learning.core.cells.rows import LARGEST, MISSING, Rows
from learning.core.plan_method.lesson_selection import fresh_weight
from learning.core.tuning.alternative_fit import AlternativeFit
from learning.core.tuning.evidence_source import Source
from learning.core.tuning.lever_choice import target_of, value_of
from learning.core.tuning.trade_deltas import TradeDeltas
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import Lever
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from overrides.core.engine.weights import Basis, formula_of, rounded_weight

MOST_DIMENSIONS = 3  # of a cell; the effects behind it are of one each


@dataclass(frozen=True)
class LeverLine:
    """A target for one pattern and scope, and the evidence behind it.

    gain, sd, lfsr   what is expected of the alternative in the cell, in R per row of the source
    n, mean, variance   units of the cell that tell of it, their mean change and its variance
    closed_at        close of the newest of them, microseconds since 1970-01-01 UTC
    weight           w_total of a fresh override under the plan's combiner
    heavy            whether that is enough to act
    source           what it was learned from; gain, mean and n are per trade, or per window of a gate
    categories       action categories that it was learned of; empty: all that the lever acts on
    """

    lever: str
    pattern_key: str
    scope: Mapping[str, str]
    alternative: str
    target: float
    gain: float
    sd: float
    lfsr: float
    n: int
    mean: float
    variance: float
    closed_at: int
    weight: float
    heavy: bool
    source: Source = Source.TRADES
    categories: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the line as JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the line that `to_document` stored; one stored before there were sources is of trades."""
        line = cls(**document)
        return replace(line, source=Source(line.source), categories=tuple(line.categories))


class Limits(NamedTuple):
    """What lines are found under: parameters of a module, `weights` those of the tuning channel, and a brake.

    The brake, 0 to 1, is how much of what earlier fits promised came true; every gain is multiplied by it.
    """

    lessons: LessonParameters
    weights: WeightParameters
    evidence: EvidenceParameters
    brake: float = 1.0


def lines_of(
    trades: TradeDeltas, lever: Lever, fits: Mapping[str, AlternativeFit], limits: Limits
) -> tuple[LeverLine, ...]:
    """Return the lines of a lever, by pattern and simplest first, given the fit of each alternative.

    `trades` are those known at the moment of the fits. Raises CellBudgetExceeded if the cells would be too many.
    """
    best: dict[tuple[str, frozenset[tuple[str, str]]], LeverLine] = {}
    for name, found in fits.items():
        value = value_of(lever, name)
        if value is not None:
            for line in _lines_of_alternative(trades, lever, name, value, found, limits):
                key = line.pattern_key, frozenset(line.scope.items())
                if key not in best or line.gain > best[key].gain:
                    best[key] = line
    patterns = sorted({line.pattern_key for line in best.values()})
    return tuple(
        line
        for pattern in patterns
        for line in _kept([each for each in best.values() if each.pattern_key == pattern], limits.lessons.max_lessons)
    )


def _lines_of_alternative(
    trades: TradeDeltas, lever: Lever, name: str, value: float, found: AlternativeFit, limits: Limits
) -> Iterator[LeverLine]:
    """Yield a line for each cell in which the alternative is better with a sure sign."""
    most = limits.lessons.max_subset_size
    size = MOST_DIMENSIONS if most is None else min(most, MOST_DIMENSIONS)
    cubes = build_cubes(_rows_by_pattern(trades, lever.name, name), replace(limits.lessons, max_subset_size=size))
    for pattern, cells in enumerate(cubes):
        expected = found.expected(np.full(len(cells.n), pattern), cells.codes, of_cells=True)
        n_min = np.array([limits.lessons.n_min_of(dims) for dims in range(size + 1)])
        sure = expected.is_sure(limits.evidence) & (cells.n >= n_min[cells.sizes]) & (cells.sizes > 0)
        for cell in np.flatnonzero(sure).tolist():
            gain, sd = (limits.brake * float(each[cell]) for each in (expected.gain, expected.sd))
            of_sign = float(expected.lfsr[cell])
            line = _line(trades, lever, (name, value), pattern, cells, cell, (gain, sd, of_sign), limits)
            if lever.unit(line.target):
                yield line


def _rows_by_pattern(trades: TradeDeltas, lever: str, name: str) -> list[Rows]:
    """Return the trades of each pattern that tell of an alternative, with its change as their outcome."""
    changes = trades.levers[lever].of_alternative(name)
    rows = Rows(trades.scope, np.nan_to_num(changes), trades.trade, trades.cluster, trades.closed_at)
    told = ~np.isnan(changes)
    return [rows.take(told & (trades.pattern == pattern)) for pattern in range(len(trades.patterns))]


def _line(
    trades: TradeDeltas,
    lever: Lever,
    alternative: tuple[str, float],
    pattern: int,
    cells: Cells,
    cell: int,
    expected: tuple[float, float, float],
    limits: Limits,
) -> LeverLine:
    (name, value), (gain, sd, lfsr) = alternative, expected
    n, mean, variance = int(cells.n[cell]), float(cells.mean[cell]), min(float(cells.variance[cell]), LARGEST)
    half_life, dims = limits.evidence.half_life_days, float(cells.sizes[cell])
    basis = Basis(edge_raw=gain, n=float(n), variance=variance, half_life_days=half_life, dims=dims)
    weight = fresh_weight(basis, formula_of(limits.weights))
    named = zip(cells.codes[cell].tolist(), trades.dimensions, trades.values, strict=True)
    return LeverLine(
        lever=lever.name,
        pattern_key=trades.patterns[pattern],
        scope={dimension: known[code] for code, dimension, known in named if code != MISSING},
        alternative=name,
        target=target_of(lever, value, gain, mean, limits.weights.bounds_of(lever.name)),
        gain=gain,
        sd=sd,
        lfsr=lfsr,
        n=n,
        mean=mean,
        variance=variance,
        closed_at=int(cells.last_closed_at[cell]),
        weight=weight,
        heavy=rounded_weight(weight) >= limits.weights.min_total_weight,
    )


def _kept(lines: Sequence[LeverLine], most: int) -> list[LeverLine]:
    """Return the lines of a pattern to keep: the simplest that are heavy enough, else the heaviest."""
    heavy = [line for line in lines if line.heavy]
    if not heavy:
        return [max(lines, key=lambda line: (line.weight, sorted(line.scope.items())))]
    return sorted(heavy, key=lambda line: (len(line.scope), -line.gain, sorted(line.scope.items())))[:most]
