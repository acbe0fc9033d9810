"""What scales a position beside its levers: the coefficients of dm, and the cap on their product with the levers.

The cap bounds coefficients x alloc_mult x size_mult, which two modules compute. Each module cuts its own factor last:
dm cuts its coefficient product, so that product x alloc_mult stays within the cap; pm cuts size_mult, given the answer
of dm. Neutral is never cut: a cap is at least 1, and a dm that keeps to it leaves room for size_mult up to 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .definitions.coefficients import Weights, clipped, weights_of

COEFFICIENTS, CAP = "coefficients", "cap"  # names of parts in attribution


@dataclass(frozen=True, slots=True)
class Scaling:
    """The coefficients (coefficient -> value -> weight) and the cap of a version; empty and None scale nothing."""

    weights: Weights = field(default_factory=dict)
    cap: float | None = None


@dataclass(frozen=True, slots=True)
class PositionScaling:
    """The scaling of one answer, unrounded; `cut` <= 0 is the log of the factor that the cap leaves.

    dm: `product` of the request's `weights`, 0.5 to 2, before the cap cuts it. pm: `product` is the answer of dm
    (coefficients x alloc_mult), and the cap cuts size_mult.
    """

    weights: Mapping[str, float]
    product: float
    cut: float
    cap: float | None

    @property
    def kept(self) -> float:
        """The factor that the cap leaves of what it cuts, in (0, 1]."""
        return math.exp(self.cut)

    def to_document(self) -> dict[str, Any]:
        """Return the scaling as JSON values, as decisions store it."""
        return {
            "weights": dict(self.weights),
            "product": self.product,
            "ln_product": math.log(self.product),
            "cap": self.cap,
            "cap_cut": self.cut,
        }


def allocation_scaling(scaling: Scaling, scope: Mapping[str, str], alloc_mult: float) -> PositionScaling | None:
    """Return the coefficient product of a dm decision and what the cap cuts of it; None if the version has neither.

    Weights of 1.5 and 1.2 make 1.8, times an alloc_mult of 1.25 makes 2.25; a cap of 2 leaves a product of 1.6:

    >>> scaling = Scaling({"chain": {"base": 1.5}, "age": {"<1d": 1.2}}, 2.0)
    >>> found = allocation_scaling(scaling, {"chain": "base", "age_bucket": "<1d"}, 1.25)
    >>> round(found.product, 12), round(found.product * found.kept, 12)
    (1.8, 1.6)
    """
    if not scaling.weights and scaling.cap is None:
        return None
    weights = weights_of(scaling.weights, scope)
    product = clipped(weights.values())
    return PositionScaling(weights, product, _cut(product, alloc_mult, scaling.cap), scaling.cap)


def size_scaling(scaling: Scaling, upstream_multiplier: float, size_mult: float, low: float) -> PositionScaling | None:
    """Return what the cap cuts of a pm decision's size_mult (> 0); None without a cap.

    `upstream_multiplier` (> 0) is dm's coefficient product x alloc_mult; `low` is the lower bound of size_mult.

    >>> found = size_scaling(Scaling(cap=2.0), 1.8, 1.25, 0.7)
    >>> round(1.25 * found.kept, 12)
    1.111111111111
    >>> round(1.25 * size_scaling(Scaling(cap=1.0), 2.0, 1.25, 0.7).kept, 12)  # no lower than a lever goes
    0.7
    """
    if scaling.cap is None:
        return None
    cut = max(_cut(size_mult, upstream_multiplier, scaling.cap), min(math.log(low / size_mult), 0.0))
    return PositionScaling({}, upstream_multiplier, cut, scaling.cap)


def _cut(value: float, others: float, cap: float | None) -> float:
    """Return the log of the factor that the cap leaves of `value`, which is multiplied by `others`; at most 0."""
    return 0.0 if cap is None else min(math.log(cap / (value * others)), 0.0)
