"""Coefficients of dm as a version holds them: the scope dimension of each one, and the weights of a scope's values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .field_error import FieldError
from .json_fields import closed_mapping, finite
from .levers import LEVERS

LOWEST, HIGHEST = 0.5, 2.0  # bounds of one weight, and of the product of a decision's weights
LONGEST_VALUE = 64  # characters of a scope value

COEFFICIENT_MODULE = "dm"  # coefficients scale allocations, and no other module decides those
# A request without the dimension has no such factor: timeframe acts only if the request names one.
LEVER_DIMENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "curator": "curator",
        "chain": "chain",
        "cap": "mcap_bucket",
        "vol": "vol_bucket",
        "age": "age_bucket",
        "intent": "intent",
        "mapping_confidence": "mapping_confidence",
        "mcap_vol_ratio": "mcap_vol_ratio_bucket",
        "timeframe": "timeframe",
    }
)


# A weight scales what alloc_mult scales, so the same change is material: more than half of the largest step. A change
# of less than 1 % of an allocation is not worth a reviewer's time.
STEP = math.log1p(LEVERS["alloc_mult"].max_step)
MATERIAL = STEP / 2

Weights = Mapping[str, Mapping[str, float]]  # lever -> value -> weight


def dimensions_weighed(module: str) -> tuple[str, ...]:
    """Return the scope dimensions of a module that coefficients are learned from.

    >>> dimensions_weighed("pm"), "timeframe" in dimensions_weighed("dm")
    ((), True)
    """
    return tuple(LEVER_DIMENSIONS.values()) if module == COEFFICIENT_MODULE else ()


def lever_values(scope: Mapping[str, str]) -> dict[str, str]:
    """Return coefficient -> value for the coefficients whose dimension the scope names.

    >>> lever_values({"mcap_bucket": "1m-2m", "macro_phase": "Good"})
    {'cap': '1m-2m'}
    """
    return {lever: scope[name] for lever, name in LEVER_DIMENSIONS.items() if name in scope}


def read_weights(document: object, field: str = "coefficients") -> dict[str, dict[str, float]]:
    """Parse the weights of a version, `coefficient=value` -> 0.5 to 2, and group them by coefficient.

    Raises FieldError.

    >>> read_weights({"chain=base": 1.5, "cap=<500k": 0.9})
    {'chain': {'base': 1.5}, 'cap': {'<500k': 0.9}}
    >>> read_weights({"chain=base": 2.5})
    Traceback (most recent call last):
    overrides.core.engine.definitions.field_error.FieldError: coefficients.chain=base: must be 0.5 to 2
    """
    weights: dict[str, dict[str, float]] = {}
    for name, weight in closed_mapping(document, field).items():
        lever, _, value = name.partition("=")
        if lever not in LEVER_DIMENSIONS or not 0 < len(value) <= LONGEST_VALUE:
            known = ", ".join(LEVER_DIMENSIONS)
            raise FieldError(field, f"{name!r:.80} is no lever=value; levers are {known}")
        weights.setdefault(lever, {})[value] = finite(weight, f"{field}.{name}", LOWEST, HIGHEST)
    return weights


def is_material(before: float, after: float) -> bool:
    """Return whether a weight changes enough to be reviewed: by more than half of the largest step of alloc_mult.

    >>> is_material(1.0, 1.009), is_material(1.0, 1.011), is_material(1.2, 1.0)
    (False, True, True)
    """
    return abs(math.log(after / before)) > MATERIAL


def steps_between(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return how far weights (`coefficient=value` -> weight) move in all, in largest steps of alloc_mult.

    >>> round(steps_between({"chain=base": 1.02}, {"cap=50m+": 1.0404}), 9)
    3.0
    """
    moved = (math.log(after.get(name, 1.0) / before.get(name, 1.0)) for name in before.keys() | after.keys())
    return sum(map(abs, moved)) / STEP


def weights_of(weights: Weights, scope: Mapping[str, str]) -> dict[str, float]:
    """Return coefficient -> weight for the values of the scope that have a weight."""
    found = {}
    for lever, dimension in LEVER_DIMENSIONS.items():
        values = weights.get(lever)
        if values is not None and (weight := values.get(scope.get(dimension, ""))) is not None:
            found[lever] = weight
    return found


def coefficient_product(weights: Weights, scope: Mapping[str, str]) -> float:
    """Return the product of a decision's weights, clipped to 0.5 to 2; a value without a weight counts as 1.

    >>> weights = {"chain": {"base": 1.5}, "cap": {"1m-2m": 1.6, "50m+": 0.9}}
    >>> coefficient_product(weights, {"chain": "base", "mcap_bucket": "1m-2m"})  # 2.4, clipped
    2.0
    >>> coefficient_product(weights, {"chain": "solana", "mcap_bucket": "50m+"})
    0.9
    """
    return clipped(weights_of(weights, scope).values())


def clipped(weights: Iterable[float]) -> float:
    """Return the product of weights, clipped to 0.5 to 2."""
    return min(max(math.prod(weights), LOWEST), HIGHEST)
