"""An override as pictures: pure geometry in SVG units, drawn by templates; every number comes from `core`.

Three pictures: how five factors multiply to a weight (logarithmic, so that equal bars are equal losses), how the
weight fades with age, and where each lever's target lies between its bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from overrides.core.levers import LEVERS
from overrides.core.parameters import WeightParameters
from overrides.core.specs import OverrideSpec
from overrides.core.weights import (
    age_in_days,
    decay_weight,
    edge_weight,
    microseconds,
    rounded_weight,
    sample_weight,
    specificity_weight,
    variance_weight,
)

WIDTH, LEFT, RIGHT = 640.0, 120.0, 70.0
ROW, TOP = 26.0, 18.0
CURVE_HEIGHT, CURVE_TOP, CURVE_BOTTOM, CURVE_POINTS = 190.0, 14.0, 156.0, 80
LIGHTEST = 1e-6  # where the logarithmic scale ends; a factor of 0 reaches it
NEVER_AFTER_DAYS = 36_500.0


@dataclass(frozen=True)
class Factor:
    """One factor, its value, what it rests on, and the product up to and with it."""

    name: str
    rests_on: str
    value: float
    product: float


@dataclass(frozen=True)
class Weighing:
    """An override's weight at one moment. `meets_floor_at` is the age (days) at which it is excluded; None: never."""

    factors: tuple[Factor, ...]
    total: float
    fresh: float
    floor: float
    age_days: float
    half_life_days: float
    meets_floor_at: float | None

    @property
    def acts(self) -> bool:
        return rounded_weight(self.total) >= self.floor

    @property
    def acts_when_fresh(self) -> bool:
        return rounded_weight(self.fresh) >= self.floor


def weigh(spec: OverrideSpec, parameters: WeightParameters, at: datetime) -> Weighing:
    """The five factors at `at`, in the order in which the engine multiplies them."""
    stats = spec.stats
    age = age_in_days(microseconds(stats.updated_at), microseconds(at))
    dims, most = len(spec.scope), parameters.max_scope_dims
    values = (
        ("edge", f"{stats.edge_raw:+.3g} R", edge_weight(stats.edge_raw, parameters.weight_edge_scale)),
        ("sample", f"{stats.n:g} trades", sample_weight(stats.n, parameters.n_target)),
        ("variance", f"{stats.variance:.3g} R²", variance_weight(stats.variance, parameters.variance_penalty)),
        ("specificity", f"{dims} of {most}", specificity_weight(dims, most, parameters.specificity_alpha)),
        ("decay", f"{age:.3g} days", decay_weight(age, stats.half_life_days)),
    )
    factors, product = [], 1.0
    for name, rests_on, value in values:
        product *= value
        factors.append(Factor(name, rests_on, value, product))
    fresh = factors[-2].product
    floor = parameters.min_total_weight
    meets = _age_at_floor(fresh, floor, stats.half_life_days)
    return Weighing(tuple(factors), product, fresh, floor, age, stats.half_life_days, meets)


def _age_at_floor(fresh: float, floor: float, half_life_days: float) -> float | None:
    """The first age at which the floor excludes, by bisection over the engine's own decay and rounding."""

    def is_below(age: float) -> bool:
        return rounded_weight(fresh * decay_weight(age, half_life_days)) < floor

    low, high = 0.0, NEVER_AFTER_DAYS
    if is_below(low):
        return 0.0
    if not is_below(high):
        return None
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if is_below(middle) else (middle, high)
    return high


@dataclass(frozen=True)
class Mark:
    """A labelled position on a scale."""

    at: float
    label: str


@dataclass(frozen=True)
class Bar:
    """A row of the waterfall: from the product before a factor down to the product with it."""

    factor: Factor
    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Waterfall:
    height: float
    bars: tuple[Bar, ...]
    total: Bar
    floor: float | None
    ticks: tuple[Mark, ...]
    width: float = WIDTH


def waterfall(weighing: Weighing) -> Waterfall:
    """From 1 on the right, each factor takes its share to the left; what stays must reach past the floor."""
    smallest = max(min(weighing.total, weighing.floor or 1.0, 0.1), LIGHTEST)
    decades = math.ceil(-math.log10(smallest) - 1e-9)
    scale = (WIDTH - LEFT - RIGHT) / decades

    def x(weight: float) -> float:
        return LEFT + scale * (decades + math.log10(max(weight, 10.0**-decades)))

    bars, before = [], 1.0
    for row, factor in enumerate(weighing.factors):
        bars.append(Bar(factor, x(factor.product), TOP + row * ROW, x(before) - x(factor.product)))
        before = factor.product
    last = Factor("w_total", "", weighing.total, weighing.total)
    total = Bar(last, LEFT, TOP + len(bars) * ROW + 4, x(weighing.total) - LEFT)
    ticks = tuple(Mark(x(10.0**-power), f"{10.0**-power:g}") for power in range(decades + 1))
    return Waterfall(total.y + ROW + 18, tuple(bars), total, x(weighing.floor) if weighing.floor > 0 else None, ticks)


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
    bottom: float = CURVE_BOTTOM
    height: float = CURVE_HEIGHT
    width: float = WIDTH


def decay_curve(weighing: Weighing) -> DecayCurve:
    """w_total over the age of the evidence, with today and the day on which it meets the floor."""
    meets = weighing.meets_floor_at
    longest = 1.25 * max(weighing.age_days, meets or 0.0, weighing.half_life_days / 2, 1.0)
    highest = 1.1 * max(weighing.fresh, weighing.floor, LIGHTEST)
    days, weights = _steps(longest), _steps(highest)

    def x(age: float) -> float:
        return LEFT + age / longest * (WIDTH - LEFT - RIGHT)

    def y(weight: float) -> float:
        return CURVE_BOTTOM - weight / highest * (CURVE_BOTTOM - CURVE_TOP)

    def weight(age: float) -> float:
        return weighing.fresh * decay_weight(age, weighing.half_life_days)

    ages = [longest * step / CURVE_POINTS for step in range(CURVE_POINTS + 1)]
    return DecayCurve(
        points=" ".join(f"{x(age):.1f},{y(weight(age)):.1f}" for age in ages),
        floor_y=y(weighing.floor),
        now=(x(weighing.age_days), y(weighing.total)),
        meets=Mark(x(meets), f"day {meets:.0f}") if meets else None,
        days=tuple(Mark(x(step), f"{step:g}") for step in days),
        weights=tuple(Mark(y(step), f"{step:g}") for step in weights),
    )


def _steps(longest: float) -> list[float]:
    """Round numbers from 0 to `longest`, about four steps.

    >>> _steps(100), _steps(0.07)
    ([0, 25, 50, 75, 100], [0, 0.02, 0.04, 0.06])
    """
    power = 10.0 ** math.floor(math.log10(longest / 4))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= longest / 4 * 0.999)
    return [float(f"{step * index:.6g}") for index in range(int(longest / step * 1.000001) + 1)]


@dataclass(frozen=True)
class Track:
    """One lever: its bounds, neutral, what one answer may move it at most, and the override's target."""

    name: str
    low: float
    high: float
    neutral: float
    target: float
    x_neutral: float
    x_target: float
    x_reach: float
    reach_width: float
    y: float

    @property
    def x_text(self) -> float:
        return min(max(self.x_target, LEFT + 24), WIDTH - RIGHT - 24)


@dataclass(frozen=True)
class Tracks:
    height: float
    tracks: tuple[Track, ...]
    left: float = LEFT
    right: float = WIDTH - RIGHT
    width: float = WIDTH


TRACK_ROW = 46.0


def lever_tracks(spec: OverrideSpec, parameters: WeightParameters) -> Tracks:
    """Every target of the override within its lever's bounds, on the lever's own scale (logarithmic or linear)."""
    tracks = tuple(_track(name, spec.levers[name], parameters, row) for row, name in enumerate(_ordered(spec.levers)))
    return Tracks(len(tracks) * TRACK_ROW + 6, tracks)


def _ordered(names: Iterable[str]) -> list[str]:
    return [name for name in LEVERS if name in set(names)]


def _track(name: str, target: float, parameters: WeightParameters, row: int) -> Track:
    lever = LEVERS[name]
    low, high = parameters.bounds_of(name)

    def x(value: float) -> float:
        at = (lever.unit(value) - lever.unit(low)) / (lever.unit(high) - lever.unit(low))
        return LEFT + min(max(at, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    lowest, highest = lever.reach(lever.neutral, parameters.step_of(name))
    return Track(
        name=name,
        low=low,
        high=high,
        neutral=lever.neutral,
        target=target,
        x_neutral=x(lever.neutral),
        x_target=x(target),
        x_reach=x(lowest),
        reach_width=x(highest) - x(lowest),
        y=TOP + row * TRACK_ROW + 8,
    )
