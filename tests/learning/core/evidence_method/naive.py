"""A literal and slow implementation of the evidence method (docs/method.md 5), with loops and dictionaries."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from learning.core.evidence_method.observations import Observations
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

Cell = tuple[object, ...]
OWNERS = ("all", "pattern", "own")


@dataclass
class Row:
    day: float
    pattern: int
    category: int
    scope: tuple[int, ...]
    outcome: float
    unit: int
    share: float
    weight: float
    y: float = 0.0
    fitted: float = 0.0


@dataclass
class Effect:
    units: set[int] = field(default_factory=set)
    rows: list[Row] = field(default_factory=list)
    m: float = 0.0
    v: float = 0.0
    b: float = 0.0
    var: float = 0.0
    phi: list[float] = field(default_factory=list)


class NaiveFit:
    """The model over the blocks of every owner, for observations in which all owners and dimensions differ."""

    def __init__(self, observations: Observations, as_of: float, parameters: EvidenceParameters) -> None:
        self.as_of, self.parameters = as_of, parameters
        self.rows = list(_rows(observations, as_of, parameters))
        self.winsorise()
        self.start()
        self.correlation = self.same_day_correlation() if parameters.same_day else 0.0
        self.blocks = {name: self.cells(*name) for name in self.names(observations.scope.shape[1])}
        self.pi = {
            (len(dims), owner, recent): self.start_weights(len(dims), recent) for owner, dims, recent in self.blocks
        }
        for _ in range(parameters.sweeps):
            self.sweep()

    # 1. noise and winsorising

    def winsorise(self) -> None:
        patterns = {row.pattern for row in self.rows}
        for row in self.rows:
            row.y = row.outcome
        mean, sd = self.moments()
        for row in self.rows:
            limit = self.parameters.winsor_sds * sd[row.pattern]
            row.y = min(max(row.outcome, mean[row.pattern] - limit), mean[row.pattern] + limit)
        clipped = {p: _mean([row for row in self.rows if row.pattern == p]) for p in patterns}
        for row in self.rows:
            row.y += mean[row.pattern] - clipped[row.pattern]
        _, self.sd = self.moments()
        self.scale = _sd(self.rows)

    def moments(self) -> tuple[dict[int, float], dict[int, float]]:
        """Return mean and s_p of each pattern."""
        mean, sd = {}, {}
        for p in {row.pattern for row in self.rows}:
            mine = [row for row in self.rows if row.pattern == p]
            mean[p] = _mean(mine)
            squares = sum(row.weight * (row.y - mean[p]) ** 2 for row in mine)
            prior = self.parameters.noise_prior
            sd[p] = math.sqrt((squares + prior * _sd(self.rows) ** 2) / (sum(row.weight for row in mine) + prior))
        return mean, sd

    def precision(self, row: Row) -> float:
        return row.weight / self.sd[row.pattern] ** 2

    def same_day_correlation(self) -> float:
        outcomes: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
        for row in self.rows:
            together = outcomes[self.age(row)][row.unit]
            together[0] += row.weight
            together[1] += row.weight * (row.y - self.mu0[row.category]) / self.sd[row.pattern]
        pairs = products = squares = total = 0.0
        for day in outcomes.values():
            for unit, (weight, value) in day.items():
                squares, total = squares + value**2 / weight, total + weight
                for other, (other_weight, other_value) in day.items():
                    if other != unit:
                        pairs, products = pairs + weight * other_weight, products + value * other_value
        return min(max(products / pairs / (squares / total), 0.0), 1.0)

    def variance(self, rows: list[Row]) -> float:
        """Return the variance of the mean of a cell's rows, given that rows of one day move together."""
        days: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            days[self.age(row)].append(row)
        others = sum(a.weight * b.share for day in days.values() for a in day for b in day if a is not b)
        effect = 1 + self.correlation * others / sum(row.weight for row in rows)
        return effect / sum(self.precision(row) for row in rows)

    def age(self, row: Row) -> int:
        return math.floor(self.as_of - row.day)

    # 2. blocks

    def names(self, dims: int) -> Iterator[tuple[str, tuple[int, ...], bool]]:
        for size in range(self.parameters.max_subset_size + 1):
            for owner in OWNERS:
                for recent in (False, True):
                    if (size == 0 and owner == "all") or (size == 2 and (owner != "own" or recent)):
                        continue
                    for subset in combinations(range(dims), size):
                        yield owner, subset, recent

    def cells(self, owner: str, dims: tuple[int, ...], recent: bool) -> dict[Cell, Effect]:
        cells: dict[Cell, Effect] = defaultdict(Effect)
        for row in self.rows:
            if self.is_in(row, dims, recent):
                cells[_cell(row, owner, dims)].rows.append(row)
                cells[_cell(row, owner, dims)].units.add(row.unit)
        return {cell: effect for cell, effect in cells.items() if len(effect.units) >= self.parameters.n_min}

    def is_in(self, row: Row, dims: tuple[int, ...], recent: bool) -> bool:
        return all(row.scope[d] != -1 for d in dims) and (
            not recent or row.day >= self.as_of - self.parameters.recent_days
        )

    # 3. model

    def start(self) -> None:
        self.mu0 = {}
        for category in {row.category for row in self.rows}:
            mine = [row for row in self.rows if row.category == category]
            total = sum(self.precision(row) for row in mine)
            self.mu0[category] = sum(self.precision(row) * row.y for row in mine) / total
        for row in self.rows:
            row.fitted = self.mu0[row.category]

    def start_weights(self, size: int, recent: bool) -> list[float]:
        null = self.parameters.null_mass[size]
        if recent:
            null = 1 - self.parameters.recent_factor * (1 - null)
        others = len(self.parameters.grid) - 1
        return [null] + [(1 - null) / others] * others

    # 4. fit

    def sweep(self) -> None:
        for klass in self.pi:
            effects = []
            for name, cells in self.blocks.items():
                if (len(name[1]), name[0], name[2]) == klass:
                    for effect in cells.values():
                        self.update(effect, self.pi[klass])
                        effects.append(effect)
            if effects:
                counts = [sum(effect.phi[k] for effect in effects) for k in range(len(self.pi[klass]))]
                counts[0] += self.parameters.null_counts[klass[0]]
                self.pi[klass] = [count / sum(counts) for count in counts]

    def update(self, effect: Effect, pi: list[float]) -> None:
        total = sum(self.precision(row) for row in effect.rows)
        effect.m = sum(self.precision(row) * (row.y - row.fitted + effect.b) for row in effect.rows) / total
        effect.v = self.variance(effect.rows)
        variances = [(self.scale * s) ** 2 for s in self.parameters.grid]
        densities = [p * _normal_density(effect.m, s2 + effect.v) for p, s2 in zip(pi, variances, strict=True)]
        effect.phi = [density / sum(densities) for density in densities]
        shrinkage = [s2 / (s2 + effect.v) for s2 in variances]
        b = sum(phi * sh * effect.m for phi, sh in zip(effect.phi, shrinkage, strict=True))
        second = sum(
            phi * (sh * effect.v + (sh * effect.m) ** 2) for phi, sh in zip(effect.phi, shrinkage, strict=True)
        )
        for row in effect.rows:
            row.fitted += b - effect.b
        effect.b, effect.var = b, second - b * b

    def lfsr(self, effect: Effect) -> float:
        negative = positive = 0.0
        for phi, s in zip(effect.phi[1:], self.parameters.grid[1:], strict=True):
            sh = (self.scale * s) ** 2 / ((self.scale * s) ** 2 + effect.v)
            below = _normal_cdf(-sh * effect.m / math.sqrt(sh * effect.v))
            negative, positive = negative + phi * below, positive + phi * (1 - below)
        return effect.phi[0] + min(negative, positive)

    # 5. fold-down

    def fold(self, pattern: int, category: int, scope: tuple[int, ...]) -> dict[str, float]:
        """Return n, b, var, the owners' parts, the recent part and the raw edge of one key."""
        dims = tuple(d for d, value in enumerate(scope) if value != -1)
        mine = [row for row in self.rows if (row.pattern, row.category) == (pattern, category)]
        mine = [row for row in mine if all(row.scope[d] == scope[d] for d in dims)]
        found = dict.fromkeys(("b", "var", "recent", *OWNERS), 0.0)
        own_effects = []
        for (owner, subset, recent), cells in self.blocks.items():
            effect = cells.get(_cell(mine[0], owner, dims)) if subset == dims else None
            if effect is not None:
                found["b"] += effect.b
                found["var"] += effect.var
                found[owner] += effect.b
                found["recent"] += effect.b if recent else 0.0
                own_effects.append((effect.b, recent))
        total = raw = 0.0
        for row in mine:
            beside = row.y - row.fitted + sum(b for b, recent in own_effects if self.is_in(row, dims, recent))
            total, raw = total + self.precision(row), raw + self.precision(row) * beside
        weight = sum(row.weight for row in mine)
        own = {
            "n": len({row.unit for row in mine}),
            "weight": weight,
            "raw": raw / total,
            "raw_se": math.sqrt(self.variance(mine)),
        }
        return found | own


def _rows(observations: Observations, as_of: float, parameters: EvidenceParameters) -> Iterator[Row]:
    trades: dict[int, set[int]] = defaultdict(set)
    pairs: dict[tuple[int, int], set[tuple[int, int]]] = defaultdict(set)
    actions: dict[tuple[int, ...], int] = defaultdict(int)
    columns = (observations.cluster, observations.trade, observations.pattern, observations.category)
    levels = list(zip(*(column.tolist() for column in columns), strict=True))
    for cluster, trade, pattern, category in levels:
        trades[cluster].add(trade)
        pairs[cluster, trade].add((pattern, category))
        actions[cluster, trade, pattern, category] += 1
    for at, (cluster, trade, pattern, category) in enumerate(levels):
        age = as_of - float(observations.day[at])
        parts = len(trades[cluster]) * len(pairs[cluster, trade]) * actions[cluster, trade, pattern, category]
        weight = 0.5 ** (age / parameters.half_life_days) / parts
        share = 1 / parts
        scope = tuple(observations.scope[at].tolist())
        yield Row(as_of - age, pattern, category, scope, float(observations.outcome[at]), cluster, share, weight)


def _cell(row: Row, owner: str, dims: tuple[int, ...]) -> Cell:
    who = {"all": (), "pattern": (row.pattern,), "own": (row.pattern, row.category)}[owner]
    return (*who, *(row.scope[d] for d in dims))


def _mean(rows: list[Row]) -> float:
    return sum(row.weight * row.y for row in rows) / sum(row.weight for row in rows)


def _sd(rows: list[Row]) -> float:
    mean = _mean(rows)
    return math.sqrt(sum(row.weight * (row.y - mean) ** 2 for row in rows) / sum(row.weight for row in rows))


def _normal_density(x: float, variance: float) -> float:
    return math.exp(-x * x / (2 * variance)) / math.sqrt(2 * math.pi * variance)


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
