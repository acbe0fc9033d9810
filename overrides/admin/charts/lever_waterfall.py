"""Chart of a lever's way from neutral to its value: a bar per override's part, the cuts of step and bounds, the sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from overrides.core.monitoring.replaying.lever_path import Movement
from telemetry.foundation.charts.canvas import TOP, WIDTH
from telemetry.foundation.charts.scales import LinearScale

LEFT, RIGHT = 150.0, 76.0  # names of overrides are longer than those of factors
ROW, BAR = 24.0, 14.0
MOST_BARS = 10  # all further parts share one bar


@dataclass(frozen=True)
class MoveBar:
    """One row: from the lever's position before (`start`) to the one after (`end`), in units from neutral."""

    name: str
    kind: str
    amount: float
    start: float
    end: float
    x: float
    width: float
    x_end: float
    y: float

    @property
    def middle(self) -> float:
        return self.y + BAR / 2

    @property
    def below(self) -> float:
        return self.y + ROW


@dataclass(frozen=True)
class Moves:
    """The rows of one lever, the total last."""

    height: float
    bars: tuple[MoveBar, ...]
    x_neutral: float
    width: float = WIDTH
    left: float = LEFT
    right: float = WIDTH - RIGHT

    @property
    def axis(self) -> float:
        return self.bars[-1].below


def moves(movement: Movement, names: Mapping[str, str]) -> Moves:
    """Return the chart of a lever; `names` maps ids of overrides to the text shown for them."""
    steps = _steps(movement, names)
    running, points = 0.0, [(0.0, 0.0)]
    for _, _, amount in steps:
        points.append((running, running + amount))
        running += amount
    low = min(min(point) for point in points)
    high = max(max(point) for point in points)
    x = LinearScale(low, high if high > low else low + 1.0, LEFT, WIDTH - RIGHT)

    rows = [(name, kind, amount, *point) for (name, kind, amount), point in zip(steps, points[1:], strict=True)]
    rows.append(("in all", "total", movement.total, 0.0, movement.total))
    bars = tuple(
        MoveBar(name, kind, amount, start, end, x(min(start, end)), abs(x(end) - x(start)), x(end), TOP + row * ROW)
        for row, (name, kind, amount, start, end) in enumerate(rows)
    )
    return Moves(TOP + len(bars) * ROW + 6, bars, x(0.0))


def _steps(movement: Movement, names: Mapping[str, str]) -> list[tuple[str, str, float]]:
    """Return name, kind and amount of every row before the total."""
    parts = list(movement.parts.items())
    steps = [(names.get(override, override[:12]), "part", part) for override, part in parts[:MOST_BARS]]
    if rest := parts[MOST_BARS:]:
        steps.append((f"{len(rest)} others", "part", sum(part for _, part in rest)))
    return [*steps, ("step limit", "cut", movement.step_cut), ("bounds", "cut", movement.bounds_cut)]
