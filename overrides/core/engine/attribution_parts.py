"""How far each override moved a lever from the caller's value: the input of attribution (docs/method.md 11.1)."""

from __future__ import annotations

from .combination import Combination
from .definitions.levers import LEVERS
from .definitions.vocabulary import Combiner

PRIOR = "prior"


def starting_value(combination: Combination, lever: str) -> float:
    """Return m0: the caller's current value under combiner plan, neutral otherwise.

    Raises KeyError for an unmoved lever.
    """
    settled = combination.levers[lever]
    return settled.current if settled.combiner is Combiner.PLAN else settled.neutral


def attribution_parts(combination: Combination, lever: str, m0: float | None = None) -> dict[str, float]:
    """Return override id -> part'_i in units (logs for log levers), summing to the distance from m0 to the target.

    Under plan part'_i = w_i (ln t_i - ln m0) / (w0 + W), and the prior w0, which pulls to neutral, has a part of its
    own under the key "prior". Otherwise part'_i = ln a_i, from neutral. `m0` defaults to `starting_value`. The distance
    from m0 to the value is this sum plus the lever's `cut`. Raises KeyError for a lever that was not moved.
    """
    settled = combination.levers[lever]
    parts = {each.id: each.parts[lever] for each in combination.contributions if lever in each.parts}
    if settled.combiner is not Combiner.PLAN:
        return parts
    start = LEVERS[lever].unit(starting_value(combination, lever) if m0 is None else m0)
    weights = {each.id: each.w_total for each in combination.contributions if each.w_total is not None}
    support = 0.0 if settled.support is None else settled.support
    whole = settled.prior_weight + support
    moved = {name: part - (start * weights[name] / whole if whole > 0 else 0.0) for name, part in parts.items()}
    return moved | ({PRIOR: -start * settled.prior_weight / whole + 0.0} if settled.prior_weight > 0 else {})
