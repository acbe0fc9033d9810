"""How far a line moves its levers, and how that changes exposure; shared by policies, caps and pages."""

from __future__ import annotations

import math
from collections.abc import Mapping

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Blend

Levers = Mapping[str, float]


def step_unit(name: str, weights: WeightParameters) -> float:
    """Return one largest step of a lever in units: ln(1 + step) for log levers, lever units otherwise.

    >>> round(step_unit("size_mult", WeightParameters()), 6), step_unit("entry_delay_bars", WeightParameters())
    (0.019803, 0.2)
    """
    step = weights.step_of(name)
    return math.log1p(step) if LEVERS[name].blend is Blend.LOG else step


def steps_moved(before: Levers, after: Levers, weights: WeightParameters) -> float:
    """Return the largest move among a line's levers, in largest steps; levers that are not listed are at neutral.

    Steps make levers of different kinds comparable: 2 % of size and 0.2 bars of delay are one step each.

    >>> round(steps_moved({}, {"size_mult": 1.0404}, WeightParameters()), 9)
    2.0
    """
    return max((abs(_unit(n, after) - _unit(n, before)) / step_unit(n, weights) for n in {*before, *after}), default=0)


def exposure_change(category: str, before: Levers, after: Levers) -> float:
    """Return the relative change of exposure (+0.25: a quarter more) if the override acts alone and in full.

    It is the product of the log levers that scale exposure, each with its sign for the category. Retiring an override
    that cuts exposure raises it, which is why pages show this beside every move towards neutral.

    >>> round(exposure_change("entry", {"size_mult": 0.8}, {}), 9)
    0.25
    >>> round(exposure_change("trim", {}, {"size_mult": 1.25}), 9)
    -0.2
    """
    names = [name for name in {*before, *after} if LEVERS[name].blend is Blend.LOG]
    return math.expm1(sum(LEVERS[n].exposure(category) * (_unit(n, after) - _unit(n, before)) for n in sorted(names)))


def lowers_exposure(category: str, before: Levers, after: Levers) -> bool:
    """Return whether some lever lowers exposure and none raises it; linear levers, which have no scale, must not move.

    >>> lowers_exposure("entry", {}, {"size_mult": 0.9}), lowers_exposure("entry", {"size_mult": 0.8}, {})
    (True, False)
    """
    moves = {name: _unit(name, after) - _unit(name, before) for name in {*before, *after}}
    if any(move != 0 and LEVERS[name].blend is not Blend.LOG for name, move in moves.items()):
        return False
    changes = [LEVERS[name].exposure(category) * move for name, move in moves.items()]
    return min(changes, default=0.0) < 0 and max(changes, default=0.0) <= 0


def _unit(name: str, levers: Levers) -> float:
    return LEVERS[name].unit(levers[name]) if name in levers else 0.0
