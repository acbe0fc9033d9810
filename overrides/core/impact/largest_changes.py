"""What changes most: patterns by what is served, lines and weights by their own parts; in steps, so they compare."""

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
    """Changes added up: how many requests, how far in steps whichever way, and per lever in units."""

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
    """Sums over requests; `asked` counts all of a pattern, also those that nothing changes for."""

    def __init__(self) -> None:
        self.asked: Counter[Pattern] = Counter()
        self._patterns: defaultdict[Pattern, _Moved] = defaultdict(_Moved)
        self._lines: defaultdict[str, _Moved] = defaultdict(_Moved)
        self._weights: defaultdict[str, _Moved] = defaultdict(_Moved)

    def add(self, pattern: Pattern, changes: Mapping[str, float], before: Combination, after: Combination) -> None:
        """One request: `changes` are those of the levers served; those of the lines stand in the contributions."""
        if changes:
            self._patterns[pattern].add(changes)
        parts = {each.line: each.parts for each in before.contributions}
        for each in after.contributions:
            self._add_line(each.line, parts.pop(each.line, {}), each.parts)
        for line, gone in parts.items():
            self._add_line(line, gone, {})

    def weigh(self, changes: Mapping[str, float]) -> None:
        """One request: how much of ln of its product each weight (`lever=value`), or the cap, changes."""
        for name, change in changes.items():
            if abs(change) > NOTICEABLE:
                self._weights[name].add({PRODUCT.name: change})

    def patterns(self) -> list[dict[str, Any]]:
        """The patterns that change most, the farthest first."""
        return [
            {"pattern_key": key, "action_category": category, "asked": self.asked[key, category], **moved.document()}
            for (key, category), moved in _farthest(self._patterns)
        ]

    def lines(self) -> list[dict[str, Any]]:
        """The lines whose part changes most, before steps and bounds."""
        return [{"line": line, **moved.document()} for line, moved in _farthest(self._lines)]

    def weights(self) -> list[dict[str, Any]]:
        """The parts of the coefficient product that change most, before its bounds."""
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
