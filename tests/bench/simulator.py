"""A simulator with known truth, loaded from a path when a benchmark runs; it is not part of the repository.

The file defines `World(seed, drift=, signal=)` with the protocol below. If an `est.py` lies beside it, its variants of
the plan's formula (`plan_cells`, `plan_eval`) are compared with the evidence method.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np

from learning.core.cells.rows import Bools, Floats, Ints
from learning.core.evidence_method.observations import Observations

END = 360.0  # length of a world in days
FOLDS = (180.0, 225.0, 270.0, 315.0)  # learn from the days before, act on the 45 days after
ACTED = 45.0


class World(Protocol):
    """Patterns x categories x dimensions with planted effects; all codes start at 0."""

    P: int  # number of patterns
    C: int  # number of categories
    cards: Ints  # number of values of each dimension

    def draw(self, N: int, seed: int) -> dict[str, Any]:
        """Return columns: t (days, ascending), pk (pattern * C + category), X (rows, dims), R, and mu, R's mean."""
        ...

    def mu(self, pk: Ints, X: Ints, t: Floats) -> Floats: ...


@dataclass(frozen=True)
class Simulator:
    """Worlds, and the variants of the plan if there are any."""

    worlds: ModuleType
    readings: ModuleType | None

    @classmethod
    def load(cls, path: Path) -> Simulator:
        if not path.is_file():
            raise SystemExit(f"--simulator: {path} is no file; give the path of one that defines World")
        beside = path.with_name("est.py")
        worlds = _module(path)
        sys.modules[path.stem] = worlds  # the variants import it by this name
        try:
            return cls(worlds, _module(beside) if beside.is_file() else None)
        finally:
            del sys.modules[path.stem]

    def world(self, seed: int, drift: str, signal: float = 1.0) -> World:
        return cast(World, self.worlds.World(seed, drift=drift, signal=signal))


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"--simulator: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, eq=False)
class Log:
    """Trades of a world; `key` is pattern * categories + category, `mu` the true mean of each outcome."""

    categories: int
    day: Floats
    key: Ints
    scope: Ints
    outcome: Floats
    mu: Floats

    @classmethod
    def draw(cls, world: World, trades: int, seed: int) -> Log:
        drawn = world.draw(trades, seed)
        key, scope = drawn["pk"].astype(np.int64), drawn["X"].astype(np.int64)
        return cls(world.C, drawn["t"], key, scope, drawn["R"], drawn["mu"])

    def __len__(self) -> int:
        return len(self.day)

    @property
    def pattern(self) -> Ints:
        return self.key // self.categories

    @property
    def category(self) -> Ints:
        return self.key % self.categories

    def where(self, chosen: Bools) -> Log:
        return replace(
            self,
            day=self.day[chosen],
            key=self.key[chosen],
            scope=self.scope[chosen],
            outcome=self.outcome[chosen],
            mu=self.mu[chosen],
        )

    def observations(self) -> Observations:
        names = [f"dimension {number}" for number in range(self.scope.shape[1])]
        return Observations.of_trades(self.day, self.pattern, self.category, self.scope, self.outcome, names)

    def folds(self) -> Iterator[tuple[float, Log, Log]]:
        """Yield (as_of, trades to learn from, trades to act on), walking forward."""
        for as_of in FOLDS:
            yield as_of, self.where(self.day < as_of), self.where((self.day >= as_of) & (self.day < as_of + ACTED))
