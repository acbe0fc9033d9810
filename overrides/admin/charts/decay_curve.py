"""Chart of an override's weight over the age of its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from overrides.core.impact.weight_breakdown import Weighing
from telemetry.foundation.charts.canvas import LEFT, RIGHT, WIDTH, polyline
from telemetry.foundation.charts.scales import LinearScale, Mark

HEIGHT, TOP, BOTTOM = 190.0, 14.0, 156.0
POINTS = 80
LIGHTEST = 1e-6  # keeps the axis of a weight of 0 from collapsing


@dataclass(frozen=True)
class DecayCurve:
    """The curve, the floor, and the current position; `meets` marks the day on which the curve meets the floor."""

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
    """Return w_total over the age of the evidence in days, with today and the day on which it meets the floor."""
    meets = weighing.meets_floor_at
    longest = 1.25 * max(weighing.age_days, 0.0 if meets is None else meets, weighing.half_life_days / 2, 1.0)
    highest = 1.1 * max(weighing.fresh, weighing.floor, LIGHTEST)
    x = LinearScale(0.0, longest, LEFT, WIDTH - RIGHT)
    y = LinearScale(0.0, highest, BOTTOM, TOP)

    ages = [longest * step / POINTS for step in range(POINTS + 1)]
    return DecayCurve(
        points=polyline((x(age), y(weighing.at_age(age))) for age in ages),
        floor_y=y(weighing.floor),
        now=(x(weighing.age_days), y(weighing.total)),
        meets=Mark(x(meets), f"day {meets:.0f}") if meets is not None and meets > 0 else None,
        days=x.ticks(),
        weights=y.ticks(),
    )
