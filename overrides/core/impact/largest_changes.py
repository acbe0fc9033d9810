"""The largest changes of a what-if: by pattern as served, by line and weight as their own part; measured in steps."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from overrides.core.engine.combination import Combination
from overrides.core.engine.definitions.vocabulary import Blend
from overrides.core.impact.measured_levers import MEASURED, PRODUCT

MOST = 10
NOTICEABLE = 1e-12
Pattern = tuple[str, str]
Name = TypeVar("Name", str, Pattern)


@dataclass
class _Moved:
    """A sum of changes: the number of requests, the absolute steps, and the change per lever in units."""

    requests: int = 0
    steps: float = 0.0
    sums: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, changes: Mapping[str, float]) -> None:
        self.requests += 1
        for name, change in changes.items():
            self.steps += abs(change) / STEPS[name]
            self.sums[name] += change

    def document(self) -> dict[str, Any]:
        means = {name: total / self.requests for name, total in sorted(self.sums.items())}
        return {"changed": self.requests, "steps": self.steps, "mean_change": means}


class LargestChanges:
    """Sums the changes over requests; `requested` counts all requests of a pattern, unchanged ones included."""

    def __init__(self) -> None:
        self.requested: Counter[Pattern] = Counter()
        self._patterns: defaultdict[Pattern, _Moved] = defaultdict(_Moved)
        self._lines: defaultdict[str, _Moved] = defaultdict(_Moved)
        self._weights: defaultdict[str, _Moved] = defaultdict(_Moved)

    def add(self, pattern: Pattern, changes: Mapping[str, float], before: Combination, after: Combination) -> None:
        """Add one request: `changes` are those of the served levers, the combinations hold those of the lines."""
        if changes:
            self._patterns[pattern].add(changes)
        parts = {each.line: each.parts for each in before.contributions}
        for each in after.contributions:
            self._add_line(each.line, parts.pop(each.line, {}), each.parts)
        for line, gone in parts.items():
            self._add_line(line, gone, {})

    def weigh(self, changes: Mapping[str, float]) -> None:
        """Add one request's changes of the log of its product, by weight (`coefficient=value`) or "cap"."""
        for name, change in changes.items():
            if abs(change) > NOTICEABLE:
                self._weights[name].add({PRODUCT.name: change})

    def patterns(self) -> list[dict[str, Any]]:
        """Return the patterns with the largest changes, largest first, as JSON values."""
        return [
            {
                "pattern_key": key,
                "action_category": category,
                "asked": self.requested[key, category],
                **moved.document(),
            }
            for (key, category), moved in _farthest(self._patterns)
        ]

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines whose part changes most, before step limits and bounds, as JSON values."""
        return [{"line": line, **moved.document()} for line, moved in _farthest(self._lines)]

    def weights(self) -> list[dict[str, Any]]:
        """Return the parts of the coefficient product that change most, before its bounds, as JSON values."""
        return [{"part": part, **moved.document()} for part, moved in _farthest(self._weights)]

    def _add_line(self, line: str, before: Mapping[str, float], after: Mapping[str, float]) -> None:
        changes = {name: after.get(name, 0.0) - before.get(name, 0.0) for name in {**before, **after}}
        noticed = {name: change for name, change in changes.items() if abs(change) > NOTICEABLE}
        if noticed:
            self._lines[line].add(noticed)


def _farthest(moved: Mapping[Name, _Moved]) -> list[tuple[Name, _Moved]]:
    return sorted(moved.items(), key=lambda each: (-each[1].steps, each[0]))[:MOST]


STEPS = {
    name: math.log1p(lever.max_step) if lever.blend is Blend.LOG else lever.max_step for name, lever in MEASURED.items()
}
