"""The coefficient product of one dm request before and after a change, and the weights that differ between the two."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from overrides.core.engine.combination import Combination
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.core.engine.position_scaling import CAP, Scaling, allocation_scaling
from overrides.core.engine.serve import rounded_for_output


class ProductOf(NamedTuple):
    """A coefficient product: `value` as served, 0.5 to 2 before the cap; `cut` <= 0 is the log of what the cap leaves.

    `weights` maps coefficient -> weight.
    """

    value: float
    cut: float
    is_bounded: bool
    weights: Mapping[str, float]


def product_of(scaling: Scaling, scope: Mapping[str, str], combination: Combination) -> ProductOf:
    """Return the product of an allocation whose levers are combined; 1 if the version has neither weights nor cap.

    >>> from overrides.core.engine.definitions.vocabulary import Reason
    >>> from overrides.core.engine.taken import NO_CONTRIBUTIONS, NO_EXCLUSIONS
    >>> nobody = Combination({}, NO_CONTRIBUTIONS, NO_EXCLUSIONS, Reason.NO_MATCH, ())
    >>> product_of(Scaling({"chain": {"base": 1.5}}, 1.2), {"chain": "base"}, nobody).value
    1.2
    """
    moved = combination.levers.get("alloc_mult")
    scaled = allocation_scaling(scaling, scope, 1.0 if moved is None else moved.value)
    if scaled is None:
        return ProductOf(1.0, 0.0, False, {})
    is_bounded = abs(math.log(math.prod(scaled.weights.values()) / scaled.product)) > 1e-12
    return ProductOf(rounded_for_output(scaled.product * scaled.kept), scaled.cut, is_bounded, scaled.weights)


def product_parts(before: ProductOf, after: ProductOf, scope: Mapping[str, str]) -> dict[str, float]:
    """Return `coefficient=value` -> change of ln weight, and "cap" -> change of its cut, before the bounds 0.5 to 2."""
    changes = {
        f"{lever}={scope[LEVER_DIMENSIONS[lever]]}": math.log(
            after.weights.get(lever, 1.0) / before.weights.get(lever, 1.0)
        )
        for lever in before.weights.keys() | after.weights.keys()
    }
    return changes | {CAP: after.cut - before.cut}
