"""Whether the positions that were traded were held back as often as they were drawn to be."""

from __future__ import annotations

import math

FEWEST = 100  # positions; below that the share says little
STANDARD_ERRORS = 4.0  # a fair draw lies further away about once in 16,000 times


def is_uneven(held: int, positions: int, expected_percent: float) -> bool:
    """Return whether `held` of `positions` differ from the expected share by more than four standard errors.

    The standard error is that of independent draws, sqrt(p (1 - p) / n) with p the expected share. Positions are drawn
    by a keyed hash, so traded positions are held back as often as all others, unless the answer decides who trades: a
    bot that asks under several keys until it is served leaves too few.

    >>> is_uneven(48, 1000, 5.0), is_uneven(10, 1000, 5.0), is_uneven(0, 99, 5.0)
    (False, True, False)
    """
    share = expected_percent / 100
    if positions < FEWEST or not 0 < share < 1:
        return False
    return abs(held / positions - share) > STANDARD_ERRORS * math.sqrt(share * (1 - share) / positions)
