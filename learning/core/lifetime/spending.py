"""The fixed sequence by which lines share the error budget, and the horizon boost; both depend on counts alone."""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import Floats, Ints

# Most trades in the line's budgeted life, and the factor; from 60 on with the values of the study that this follows,
# below and between simulated with the same margin (they are 0.88 to 0.98 of the simulated 1 / P).
HORIZONS = np.array([25.0, 30, 40, 50, 60, 80, 100, 120, 240, 500, 1000, 2000])
BOOSTS = np.array([7.4, 5.9, 4.35, 3.55, 3.1, 2.55, 2.25, 2.1, 1.7, 1.4, 1.28, 1.19, 1.0])
SURPLUS = 1.25  # the budgeted life holds this multiple of the trades that are expected in it


def shares_of_budget(number: Ints, initial: int) -> Floats:
    """Return the share of the budget `(lines,)` of lines by their number of arrival, from 1.

    The first m = `initial` lines have half of the budget in equal parts; the j-th later one has
    1/2 * m / ((m + j - 1) (m + j)). All shares add up to 1 at most, however many lines arrive. Raises ValueError if a
    number or `initial` is below 1.

    >>> shares_of_budget(np.array([1, 2, 3, 4]), 2).round(4).tolist()
    [0.25, 0.25, 0.1667, 0.0833]
    """
    if initial < 1 or (number < 1).any():
        raise ValueError("number: arrivals are numbered from 1, and at least one line is initial")
    later = np.maximum(number - initial, 1).astype(np.float64)
    return np.where(number <= initial, 0.5 / initial, 0.5 * initial / ((initial + later - 1) * (initial + later)))


def horizon_boosts(expected: Floats) -> Floats:
    """Return the factor `(lines,)` by which the evidence of a line counts for more, from its expected trades.

    `expected` is the number of trades, above 0, expected over the budgeted life at the rate known at arrival. The
    factor is 1 / P(the e-value reaches 30 within 1.25 times as many trades) under the prior of the alternative:
    evidence counts for publication only where it reaches 30, so what other paths would have used is available. It was
    computed for independent outcomes that are close to normal, and is exact for those alone.

    >>> horizon_boosts(np.array([40.0, 400.0, 5000.0])).tolist()
    [3.55, 1.4, 1.0]
    """
    boosts: Floats = BOOSTS[np.searchsorted(HORIZONS, SURPLUS * expected, side="left")]
    return boosts
