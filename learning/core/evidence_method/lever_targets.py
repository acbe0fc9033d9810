"""From an edge to lever targets: c = kappa b in logs, held close where it is not verified (statistics section 3.6)."""

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

FULL_RANGE = math.log(LEVERS["size_mult"].high)  # what kappa is the dial of


def verified(overrides: Overrides, parameters: EvidenceParameters) -> Bools:
    """(overrides,) whether an override is sure of its sign, on enough trades of its own."""
    return (overrides.lfsr <= parameters.verified_lfsr) & (overrides.n >= parameters.n_min)


def likely(overrides: Overrides, parameters: EvidenceParameters) -> Bools:
    """(overrides,) whether it is not verified but nearly so: to be shown, and held like the unverified."""
    near = (overrides.lfsr <= parameters.likely_lfsr) & (overrides.n >= parameters.n_min)
    return near & ~verified(overrides, parameters)


def contributions(overrides: Overrides, parameters: EvidenceParameters) -> Floats:
    """c (overrides,): log of the size multiplier each asks for; unverified ones at most one cap from neutral."""
    c = parameters.kappa * overrides.b
    if not parameters.cap_unverified:
        return c
    cap = math.log1p(parameters.unverified_cap)
    return np.where(verified(overrides, parameters), c, np.clip(c, -cap, cap))


@dataclass(frozen=True)
class Target:
    """Where a lever is to go, and over how many days its ramp takes it there from neutral."""

    value: float
    days: float


def lever_targets(category: str, c: float, weights: WeightParameters) -> dict[str, Target]:
    """Lever -> target for the levers of allocation and strength on a category.

    A lever of a narrower range moves in proportion to it, in logs; all keep their (tightened) bounds. Every sign is the
    edge's, exit aggression's too: its outcome is what selling was worth.

    >>> targets = lever_targets("entry", 0.1, WeightParameters())
    >>> {name: (round(target.value, 6), round(target.days, 2)) for name, target in targets.items()}
    {'size_mult': (1.105171, 5.05), 'entry_aggression_mult': (1.071963, 3.51)}
    """
    targets = {}
    for lever in strength_levers(category):
        low, high = weights.bounds_of(lever.name)
        unit = min(max(float(c) * math.log(lever.high) / FULL_RANGE, math.log(low)), math.log(high))
        value = min(max(math.exp(unit), low), high)  # exp(ln(1.3)) may pass 1.3 by a bit
        targets[lever.name] = Target(value, abs(unit) / math.log1p(weights.step_of(lever.name)))
    return targets
