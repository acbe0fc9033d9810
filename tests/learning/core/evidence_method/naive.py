"""A literal and slow implementation of the evidence method (docs/method.md 5), with loops and dictionaries."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, zip_longest
from typing import Any

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
    days: float = 0.0
    left_out: float = 0.0


class NaiveFit:
    """The model over the blocks of every owner, for observations in which all owners and dimensions differ."""

    def __init__(self, observations: Observations, as_of: float, parameters: EvidenceParameters) -> None:
        self.as_of, self.parameters = as_of, parameters
        self.rows = list(_rows(observations, as_of, parameters))
        self.winsorise()
        self.start()
        self.lags = {group: self.lags_over(group) for group in ("all", "pattern")}
        self.blocks = {name: self.cells(*name) for name in self.names(observations.scope.shape[1])}
        self.measure()
        self.pi = {
            (len(dims), owner, recent): self.start_weights(len(dims), recent) for owner, dims, recent in self.blocks
        }
        for _ in range(parameters.sweeps):
            self.sweep()
        self.leave_out()

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

    def deviation(self, row: Row) -> float:
        return (row.y - self.mu0[row.category]) / self.sd[row.pattern]

    def lags_over(self, group: str) -> list[float]:
        """Return the correlations among all rows, or among those of a pattern, around the means of patterns."""
        means = self.means(
            {row.pattern: [each for each in self.rows if each.pattern == row.pattern] for row in self.rows}
        )
        groups: dict[object, list[tuple[Row, float]]] = defaultdict(list)
        for row in self.rows:
            key = row.pattern if group == "pattern" else None
            groups[key].append((row, self.deviation(row) - means[row.pattern]))
        return _correlations(groups.values(), self.age) if self.parameters.same_day else []

    def lags_of(self, cells: dict[Cell, list[Row]], owner: str) -> list[float]:
        """Return the correlations among the rows of one cell, lag by lag at least those among all of the owner."""
        if not self.parameters.same_day:
            return []
        means = self.means(cells)
        found = _correlations(
            [[(row, self.deviation(row) - means[cell]) for row in rows] for cell, rows in cells.items()], self.age
        )
        base = self.lags["all" if owner == "all" else "pattern"]
        return [max(pair) for pair in zip_longest(found, base, fillvalue=0.0)]

    def means(self, groups: Mapping[Any, list[Row]]) -> dict[Any, float]:
        return {
            key: sum(row.weight * self.deviation(row) for row in rows) / sum(row.weight for row in rows)
            for key, rows in groups.items()
        }

    def variance(self, rows: list[Row], lags: list[float]) -> float:
        """Return the variance of the mean of a cell's rows, given how rows of days `lag` apart move together."""
        others = 0.0
        for lag, correlation in enumerate(lags):
            near = [(a, b) for a in rows for b in rows if abs(self.age(a) - self.age(b)) == lag]
            others += correlation * sum(a.weight * b.share for a, b in near if a is not b)
        effect = 1 + others / sum(row.weight for row in rows)
        return effect / sum(self.precision(row) for row in rows)

    def effective_days(self, rows: list[Row]) -> float:
        days: dict[int, float] = defaultdict(float)
        for row in rows:
            days[self.age(row)] += row.weight
        return sum(days.values()) ** 2 / sum(weight**2 for weight in days.values())

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

    def measure(self) -> None:
        """Give every effect the variance of its unshrunk estimate, and its days."""
        for (owner, _, _), cells in self.blocks.items():
            lags = self.lags_of({cell: effect.rows for cell, effect in cells.items()}, owner)
            for effect in cells.values():
                effect.v, effect.days = self.variance(effect.rows, lags), self.effective_days(effect.rows)

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

    def leave_out(self) -> None:
        """Set the effects of too few days to 0, and give their rows back what was fitted."""
        for cells in self.blocks.values():
            for effect in cells.values():
                if effect.days < self.parameters.effective_days:
                    effect.left_out, effect.b = effect.b, 0.0
                    for row in effect.rows:
                        row.fitted -= effect.left_out

    def lfsr(self, effect: Effect) -> float:
        negative = positive = 0.0
        for phi, s in zip(effect.phi[1:], self.parameters.grid[1:], strict=True):
            sh = (self.scale * s) ** 2 / ((self.scale * s) ** 2 + effect.v)
            below = _normal_cdf(-sh * effect.m / math.sqrt(sh * effect.v))
            negative, positive = negative + phi * below, positive + phi * (1 - below)
        return effect.phi[0] + min(negative, positive)

    # 5. fold-down

    def fold(self, pattern: int, category: int, scope: tuple[int, ...]) -> dict[str, float]:
        """Return n, b, var, the owners' parts and days, the part left out, the recent part and raw edge of a key."""
        dims = tuple(d for d, value in enumerate(scope) if value != -1)
        mine = [row for row in self.rows if (row.pattern, row.category) == (pattern, category)]
        mine = [row for row in mine if all(row.scope[d] == scope[d] for d in dims)]
        found = dict.fromkeys(("b", "var", "recent", "left_out", *OWNERS), 0.0)
        own_effects = []
        for (owner, subset, recent), cells in self.blocks.items():
            effect = cells.get(_cell(mine[0], owner, dims)) if subset == dims else None
            if effect is not None:
                found["b"] += effect.b
                found["var"] += effect.var
                found[owner] += effect.b
                found["recent"] += effect.b if recent else 0.0
                found["left_out"] += effect.left_out
                found[f"{owner} days"] = min(effect.days, found.get(f"{owner} days", effect.days))
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
            "own days": self.effective_days(mine),
            "raw_se": math.sqrt(self.variance(mine, self.own_lags(dims))),
        }
        return found | own

    def own_lags(self, dims: tuple[int, ...]) -> list[float]:
        """Return the correlations among the own trades of all keys of these dimensions that have enough of them."""
        fewest = 1 if any(owner != "own" and of == dims for (owner, of, _), c in self.blocks.items() if c) else None
        cells: dict[Cell, list[Row]] = defaultdict(list)
        for row in self.rows:
            if self.is_in(row, dims, False):
                cells[_cell(row, "own", dims)].append(row)
        enough = fewest or self.parameters.n_min
        return self.lags_of({c: rows for c, rows in cells.items() if len({r.unit for r in rows}) >= enough}, "own")


def _correlations(groups: Iterable[list[tuple[Row, float]]], age: Callable[[Row], int]) -> list[float]:
    """Return the mean product of pairs of units of a group, `lag` days apart, over the mean square, while positive."""
    merged: list[dict[tuple[int, int], list[float]]] = []
    for rows in groups:
        units: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for row, value in rows:
            units[age(row), row.unit][0] += row.weight
            units[age(row), row.unit][1] += row.weight * value
        merged.append(units)
    total = sum(weight for units in merged for weight, _ in units.values())
    square = sum(pull**2 / weight for units in merged for weight, pull in units.values()) / total if total else 0.0
    found: list[float] = []
    for lag in range(31):
        products = pairs = 0.0
        for units in merged:
            for one, (weight, pull) in units.items():
                for other, (other_weight, other_pull) in units.items():
                    if one != other and other[0] - one[0] == lag:
                        pairs, products = pairs + weight * other_weight, products + pull * other_pull
        if square == 0 or pairs <= 1e-9 * total or products <= 0:
            break
        found.append(min(products / pairs / square, 1.0))
    return found


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
