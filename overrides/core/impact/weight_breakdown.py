"""An override's five factors at one moment, and when its weight meets the floor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.weights import (
    age_in_days,
    decay_weight,
    edge_weight,
    microseconds,
    rounded_weight,
    sample_weight,
    specificity_weight,
    variance_weight,
)

NEVER_AFTER_DAYS = 36_500.0
ONE_SECOND = 1 / 86_400


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
    while high - low > ONE_SECOND:
        middle = (low + high) / 2
        low, high = (low, middle) if is_below(middle) else (middle, high)
    return high
