"""The ramp of an approved override: from its old value to its target, one step a day (docs/method.md 4.10).

One approval covers the whole ramp. Its value is a continuous, pure function of time, so that a replay needs only the
time; disabling the override takes effect at once.
"""

from __future__ import annotations

import math

from .definitions.vocabulary import Blend

HOURS_PER_STEP = 24.0


def ramped(blend: Blend, max_step: float, start: float, target: float, hours: float) -> float:
    """Return the value `hours` after the ramp began, at most one step per 24 hours away from `start`.

    Log levers: ln a = ln start + clip(ln(target / start), +-ln(1 + max_step) * max(0, hours) / 24). Linear levers: the
    same in lever units. `start` and `target` must be above 0 for log levers.

    >>> ramped(Blend.LOG, 0.02, 1.0, 1.10, 24.0)
    1.02
    >>> ramped(Blend.LINEAR, 0.2, 0.0, -1.0, 12.0)
    -0.1
    >>> ramped(Blend.LOG, 0.02, 1.0, 1.10, -5.0), ramped(Blend.LOG, 0.02, 1.0, 1.10, 1e9)
    (1.0, 1.1)
    """
    steps = max(0.0, hours) / HOURS_PER_STEP
    if blend is Blend.LINEAR:
        distance, reach = target - start, max_step * steps
        return target if abs(distance) <= reach else start + math.copysign(reach, distance)
    distance, reach = math.log(target / start), math.log1p(max_step) * steps
    return target if abs(distance) <= reach else start * math.exp(math.copysign(reach, distance))
