"""The weight of an override at a time, factor by factor, and the age at which it falls below the floor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.weights import (
    MULTIPLIED,
    Basis,
    OverrideWeight,
    age_in_days,
    basis_of,
    formula_of,
    is_below,
    microseconds,
)

NEVER_AFTER_DAYS = 36_500.0
ONE_SECOND = 1 / 86_400


@dataclass(frozen=True)
class FactorValue:
    """One factor: its label, a text of its inputs, its value, and the product up to and including it."""

    name: str
    rests_on: str
    value: float
    product: float


@dataclass(frozen=True)
class Weighing:
    """The weight of an override at a time, with its age and half-life in days."""

    factors: tuple[FactorValue, ...]
    total: float
    fresh: float
    floor: float
    age_days: float
    half_life_days: float
    weight: OverrideWeight[float]

    @property
    def halves_after_days(self) -> float:
        """The age at which half of the weight is left: sooner than the half-life, at which 1/e is (method 4.3)."""
        return math.log(2) * self.half_life_days

    @property
    def acts(self) -> bool:
        """Whether the weight reaches the floor."""
        return not is_below(self.total, self.floor)

    @property
    def acts_when_fresh(self) -> bool:
        """Whether the weight reached the floor when its evidence was new."""
        return not is_below(self.fresh, self.floor)

    @cached_property
    def meets_floor_at(self) -> float | None:
        """The age (days) at which the floor excludes it; None: never."""
        return _age_at_floor(self.weight, self.floor)

    def at_age(self, age_days: float) -> float:
        """Return w_total at an age of the evidence in days."""
        return self.weight.at(age_days)[1]


def weigh(spec: OverrideSpec, parameters: WeightParameters, at: datetime) -> Weighing:
    """Return the weight at `at`, its factors in the order in which the engine multiplies them."""
    age = age_in_days(microseconds(spec.stats.updated_at), microseconds(at))
    basis = basis_of(spec.stats, len(spec.scope))
    weight = formula_of(parameters).weight(basis)
    values, total = weight.at(age)
    floor, half_life_days = parameters.min_total_weight, spec.stats.half_life_days
    return Weighing(
        factors=_factors(basis, parameters, age, values),
        total=total,
        fresh=weight.at(0.0)[1],
        floor=floor,
        age_days=age,
        half_life_days=half_life_days,
        weight=weight,
    )


def _factors(
    basis: Basis[float], parameters: WeightParameters, age_days: float, values: tuple[float, ...]
) -> tuple[FactorValue, ...]:
    found, product = [], 1.0
    for factor, value in zip(MULTIPLIED, values, strict=True):
        product *= value
        constants = {name: getattr(parameters, name) for name in factor.constants}
        rests_on = factor.rests_on.format(age_days=age_days, **basis._asdict(), **constants)
        found.append(FactorValue(factor.label, rests_on, value, product))
    return tuple(found)


def _age_at_floor(weight: OverrideWeight[float], floor: float) -> float | None:
    """Return the first age (days) at which the floor excludes, by bisection over the engine's own weight."""

    def is_excluded(age_days: float) -> bool:
        return is_below(weight.at(age_days)[1], floor)

    low, high = 0.0, NEVER_AFTER_DAYS
    if is_excluded(low):
        return 0.0
    if not is_excluded(high):
        return None
    while high - low > ONE_SECOND:
        middle = (low + high) / 2
        low, high = (low, middle) if is_excluded(middle) else (middle, high)
    return high
