"""From what is expected of alternatives to the one to choose, and from it to a target.

Of the alternatives that are better than what was taken with a sure sign, the one of the largest gain is chosen. It is
the largest of several, but no winner's curse is left in it: every gain is a posterior mean, drawn towards 0 by how far
gains of its kind have spread.

    s = gain / mean change of the cell's own trades, 0 to 1
    log:     target = neutral (alternative / neutral)^s
    linear:  target = neutral + s (alternative - neutral)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Floats, Ints
from learning.core.tuning.alternative_fit import Expected
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import Lever
from overrides.core.engine.definitions.vocabulary import Blend

NOTHING = -1


@dataclass(frozen=True, eq=False)
class Choice:
    """The alternative chosen for each row.

    at          (rows,) its position, NOTHING where none is better than what was taken
    gain, sd    (rows,) what is expected of it in R and the sd of that, 0 where nothing is chosen
    """

    at: Ints
    gain: Floats
    sd: Floats


def choose(expected: Sequence[Expected], rows: int, parameters: EvidenceParameters) -> Choice:
    """Return the choice for each of so many rows among the alternatives, whose expectations are `(rows,)` each.

    >>> sure, unsure = Expected(np.array([0.2]), np.array([0.1])), Expected(np.array([0.3]), np.array([0.3]))
    >>> chosen = choose([unsure, sure], 1, EvidenceParameters())
    >>> chosen.at.tolist(), chosen.gain.tolist()
    ([1], [0.2])
    """
    best, gain, sd = np.full(rows, NOTHING), np.zeros(rows), np.zeros(rows)
    for position, each in enumerate(expected):
        better = each.is_sure(parameters) & (each.gain > gain)
        best[better], gain[better], sd[better] = position, each.gain[better], each.sd[better]
    return Choice(best, gain, sd)


def value_of(lever: Lever, alternative: str) -> float | None:
    """Return the value that an alternative names, None if it names none other than neutral that the lever can have.

    >>> from overrides.core.engine.definitions.levers import LEVERS
    >>> [value_of(LEVERS["trim_delay_mult"], name) for name in ("0.667", "1", "never", "-2")]
    [0.667, None, None, None]
    """
    try:
        value = float(alternative)
    except ValueError:
        return None
    if not math.isfinite(value) or value == lever.neutral or (lever.blend is Blend.LOG and value <= 0):
        return None
    return value


def target_of(lever: Lever, value: float, gain: float, mean: float, bounds: tuple[float, float]) -> float:
    """Return the target between neutral and an alternative's value, within the bounds.

    `gain` is the shrunk gain in R, `mean` the mean change of the cell's own trades. If they show no gain themselves,
    nothing is asked for. Example: half of a gain of .2 R is believed of entering two bars later.

    >>> from overrides.core.engine.definitions.levers import LEVERS
    >>> target_of(LEVERS["entry_delay_bars"], 2.0, 0.1, 0.2, (0.0, 5.0))
    1.0
    >>> round(target_of(LEVERS["trail_mult"], 2.0, 0.1, 0.2, (0.5, 2.0)), 6)  # the square root of 2
    1.414214
    >>> target_of(LEVERS["trail_mult"], 2.0, 0.1, -0.2, (0.5, 2.0))
    1.0
    """
    share = min(gain / mean, 1.0) if mean > 0 and gain > 0 else 0.0
    return min(max(lever.value_at(share * lever.unit(value)), bounds[0]), bounds[1])
