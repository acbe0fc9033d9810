"""From an edge to lever targets: c = kappa b in logs, limited while it is not verified (docs/method.md 5.10)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Bools, Floats
from learning.core.evidence_method.fold_down import Overrides
from learning.core.lesson_levers import strength_levers
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.parameters import WeightParameters

FULL_RANGE = math.log(LEVERS["size_mult"].high)  # ln of the largest size multiplier, for which kappa is set


def verified(overrides: Overrides, parameters: EvidenceParameters) -> Bools:
    """Return whether each override `(overrides,)` has a certain enough sign and enough trades of its own."""
    return (overrides.lfsr <= parameters.verified_lfsr) & (overrides.n >= parameters.n_min)


def likely(overrides: Overrides, parameters: EvidenceParameters) -> Bools:
    """Return whether each override `(overrides,)` is close to verified but not verified.

    Likely overrides are labelled as such and limited like all unverified ones.
    """
    near = (overrides.lfsr <= parameters.likely_lfsr) & (overrides.n >= parameters.n_min)
    return near & ~verified(overrides, parameters)


def log_size_multipliers(overrides: Overrides, is_verified: Bools, parameters: EvidenceParameters) -> Floats:
    """Return c `(overrides,)`, the log of the size multiplier that each override requests.

    `is_verified` is `(overrides,)`. Unverified overrides request at most `unverified_cap` above or below neutral, if
    the parameters say so.
    """
    c = parameters.kappa * overrides.b
    if not parameters.cap_unverified:
        return c
    cap = math.log1p(parameters.unverified_cap)
    return np.where(is_verified, c, np.clip(c, -cap, cap))


@dataclass(frozen=True)
class Target:
    """The target value of a lever, and the days that its ramp takes to reach it from neutral."""

    value: float
    days: float


def lever_targets(category: str, c: float, weights: WeightParameters) -> dict[str, Target]:
    """Return lever -> target for the allocation and strength levers of a category.

    `c` is the log of the requested size multiplier. A lever with a narrower range moves less, in proportion to its
    range in logs, and all targets stay within their (tightened) bounds. Every lever has the sign of the edge, exit
    aggression too, because the outcome of a sale is the value of having sold.

    >>> targets = lever_targets("entry", 0.1, WeightParameters())
    >>> {name: (round(target.value, 6), round(target.days, 2)) for name, target in targets.items()}
    {'size_mult': (1.105171, 5.05), 'entry_aggression_mult': (1.071963, 3.51)}
    """
    targets = {}
    for lever in strength_levers(category):
        low, high = weights.bounds_of(lever.name)
        unit = min(max(float(c) * math.log(lever.high) / FULL_RANGE, math.log(low)), math.log(high))
        value = min(max(math.exp(unit), low), high)  # exp(ln(1.3)) may exceed 1.3 by a rounding error
        targets[lever.name] = Target(value, abs(unit) / math.log1p(weights.step_of(lever.name)))
    return targets
