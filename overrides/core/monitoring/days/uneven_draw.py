"""Whether the positions that were traded were held back as often as they were drawn to be."""

from __future__ import annotations

import math

FEWEST = 100  # positions; below that the share says little
FEWEST_AGAIN = 5  # answers; fewer are chance or a retry
STANDARD_ERRORS = 4.0  # a fair draw lies further away about once in 16,000 times


def distance(held: int, positions: int, expected_percent: float) -> float | None:
    """Return by how many standard errors more (or, below zero, fewer) positions were held back than were drawn.

    The standard error is that of independent draws, sqrt(p (1 - p) / n) with p the expected share. None below `FEWEST`
    positions, or if none or all were to be held back. Of 400 at 5 percent, 20 are expected, with an error of 4.36:

    >>> round(distance(0, 400, 5.0), 2), distance(0, 99, 5.0)
    (-4.59, None)
    """
    share = expected_percent / 100
    if positions < FEWEST or not 0 < share < 1:
        return None
    return (held / positions - share) / math.sqrt(share * (1 - share) / positions)


def is_uneven(held: int, positions: int, expected_percent: float) -> bool:
    """Return whether `held` of `positions` differ from the expected share by more than four standard errors.

    Positions are drawn by a keyed hash, so traded positions are held back as often as all others, unless the answer
    decides who trades: a bot that asks under several keys until it is served leaves too few.

    >>> is_uneven(48, 1000, 5.0), is_uneven(10, 1000, 5.0), is_uneven(0, 99, 5.0)
    (False, True, False)
    """
    found = distance(held, positions, expected_percent)
    return found is not None and abs(found) > STANDARD_ERRORS


def is_more_often(held_again: int, held: int, served_again: int, served: int) -> bool:
    """Return whether something followed held-back answers more often than served ones, by more than four errors.

    The standard error is that of two equal shares, sqrt(p (1 - p) (1 / held + 1 / served)) with p the share of all. Not
    where it followed fewer than five held-back answers, or where either side has none.

    >>> is_more_often(40, 50, 100, 950), is_more_often(6, 50, 100, 950), is_more_often(4, 4, 0, 96)
    (True, False, False)
    """
    if held_again < FEWEST_AGAIN or not served:
        return False
    share = (held_again + served_again) / (held + served)
    error = math.sqrt(share * (1 - share) * (1 / held + 1 / served))
    return held_again / held - served_again / served > STANDARD_ERRORS * error
