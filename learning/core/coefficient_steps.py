"""Which weight follows the one in force: a rule that does not flap between requests (docs/method.md 8.5).

A fresh weight changes a little with every trade. Two thresholds keep a weight at a border from coming and going: a
value without a weight gets one beyond half a step from 1, and a weight in force changes only by a whole step or more.
"""

from __future__ import annotations

import math

from overrides.core.engine.definitions.coefficients import STEP, is_material

ROUNDING = 1e-6  # in ln; weights are signed with six decimals, so a whole step may fall short by this much


def next_weight(in_force: float, fresh: float, *, is_enough: bool) -> float:
    """Return the weight to propose for a value, or `in_force` where nothing is proposed.

    `fresh` is the weight of docs/method.md 8.3, and `is_enough` says whether it rests on enough trades and days; if it
    does not, the value returns to 1. A weight within half a step of 1 counts as 1.

    >>> next_weight(1.0, 1.009, is_enough=True), next_weight(1.0, 1.012, is_enough=True)
    (1.0, 1.012)
    >>> next_weight(1.012, 1.009, is_enough=True), next_weight(1.012, 1.0, is_enough=False)
    (1.012, 1.0)
    >>> next_weight(1.10, 1.119, is_enough=True), next_weight(1.10, 1.123, is_enough=True)
    (1.1, 1.123)
    """
    wanted = fresh if is_enough and is_material(1.0, fresh) else 1.0
    if is_enough and is_material(1.0, in_force):
        return wanted if abs(math.log(wanted / in_force)) >= STEP - ROUNDING else in_force
    return wanted if is_material(in_force, wanted) else in_force
