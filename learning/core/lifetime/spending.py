"""The fixed sequence by which lines share the error budget, and the horizon boost; both depend on counts alone."""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import Floats, Ints

# Most trades in the line's budgeted life, and .95 / P(the e-value reaches 30 within them), by 400,000 simulated lines.
HORIZONS = np.array([20.0, 25, 30, 40, 50, 60, 80, 120, 240, 500, 1000, 2000, 4000])
BOOSTS = np.array([12.2, 8.06, 6.34, 4.68, 3.84, 3.33, 2.75, 2.21, 1.69, 1.4, 1.24, 1.15, 1.09])
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


def share_spent(arrivals: int, initial: int) -> float:
    """Return the share of the budget, 0 to 1, that the first `arrivals` lines and restarts have taken.

    It is the sum of their `shares_of_budget`: arrivals / (2 m) up to m = `initial`, then 1 - m / (2 arrivals).

    >>> share_spent(1, 2), share_spent(2, 2), share_spent(4, 2)
    (0.25, 0.5, 0.75)
    """
    return arrivals / (2 * initial) if arrivals <= initial else 1 - initial / (2 * arrivals)


def horizon_boosts(expected: Floats) -> Floats:
    """Return the factor `(lines,)` by which the evidence of a line counts for more, from its expected trades.

    `expected` is the number of trades, above 0, expected over the budgeted life at the rate known at arrival. The
    factor is .95 / P(the e-value reaches 30 within 1.25 times as many trades) under the prior of the alternative:
    evidence counts for publication only where it reaches 30, so what other paths would have used is available. Between
    the simulated horizons its logarithm is interpolated in that of the horizon. It was computed for independent
    outcomes that are close to normal, and is exact for those alone.

    >>> horizon_boosts(np.array([40.0, 400.0, 5000.0])).round(2).tolist()
    [3.84, 1.4, 1.0]
    """
    horizon = SURPLUS * expected
    boosts: Floats = np.exp(np.interp(np.log(horizon), np.log(HORIZONS), np.log(BOOSTS)))
    return np.where(horizon > HORIZONS[-1], 1.0, boosts)
