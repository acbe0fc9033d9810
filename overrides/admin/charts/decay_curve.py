"""The weight over the age of its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from overrides.core.engine.weights import decay_weight
from overrides.core.impact.weight_breakdown import Weighing
from telemetry.foundation.charts.canvas import LEFT, RIGHT, WIDTH, Mark, round_steps

HEIGHT, TOP, BOTTOM = 190.0, 14.0, 156.0
POINTS = 80
LIGHTEST = 1e-6  # a curve of nothing still has an axis


@dataclass(frozen=True)
class DecayCurve:
    points: str
    floor_y: float
    now: tuple[float, float]
    meets: Mark | None
    days: tuple[Mark, ...]
    weights: tuple[Mark, ...]
    left: float = LEFT
    right: float = WIDTH - RIGHT
    bottom: float = BOTTOM
    height: float = HEIGHT
    width: float = WIDTH


def decay_curve(weighing: Weighing) -> DecayCurve:
    """w_total over the age of the evidence, with today and the day on which it meets the floor."""
    meets = weighing.meets_floor_at
    longest = 1.25 * max(weighing.age_days, 0.0 if meets is None else meets, weighing.half_life_days / 2, 1.0)
    highest = 1.1 * max(weighing.fresh, weighing.floor, LIGHTEST)
    days, weights = round_steps(longest), round_steps(highest)

    def x(age: float) -> float:
        return LEFT + age / longest * (WIDTH - LEFT - RIGHT)

    def y(weight: float) -> float:
        return BOTTOM - weight / highest * (BOTTOM - TOP)

    def weight(age: float) -> float:
        return weighing.fresh * decay_weight(age, weighing.half_life_days)

    ages = [longest * step / POINTS for step in range(POINTS + 1)]
    return DecayCurve(
        points=" ".join(f"{x(age):.1f},{y(weight(age)):.1f}" for age in ages),
        floor_y=y(weighing.floor),
        now=(x(weighing.age_days), y(weighing.total)),
        meets=Mark(x(meets), f"day {meets:.0f}") if meets is not None and meets > 0 else None,
        days=tuple(Mark(x(step), f"{step:g}") for step in days),
        weights=tuple(Mark(y(step), f"{step:g}") for step in weights),
    )
