"""When a line is published as proven, and when it is withdrawn."""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import Bools, Floats, Ints

FEWEST = 20  # trades of a line
LEAST_E = 30.0  # for which the horizon boost is computed
FEWEST_RECENT = 10.0  # effective trades behind a withdrawal


def published_now(e: Floats, share: Floats, boost: Floats, alpha: float, before: int) -> Ints:
    """Return the positions of the lines to publish, given those that may be: unpublished, with at least 20 trades.

    The largest k lines are published whose e-values are at least 30 and for which
    alpha * share * boost * e >= 1 / (before + k). Columns are `(lines,)`; `before` counts all lines ever published,
    withdrawn ones too. On average at most alpha of all lines ever published have no edge, at any time and under any
    dependence between lines (e-LOND, Xu and Ramdas, AISTATS 2024; the proof needs `before` only to grow).

    >>> published_now(np.array([900.0, 200.0, 29.0]), np.array([0.02, 0.02, 0.9]), np.ones(3), 0.1, 0).tolist()
    [0]
    >>> published_now(np.array([900.0, 200.0, 29.0]), np.array([0.02, 0.02, 0.9]), np.ones(3), 0.1, 1).tolist()
    [0, 1]
    """
    able = np.flatnonzero(e >= LEAST_E)
    score = alpha * share[able] * boost[able] * e[able]
    near = score * (before + len(able)) >= 1  # no other line can be among the largest k
    able, score = able[near], score[near]
    order = np.argsort(-score, kind="stable")
    reached = np.flatnonzero(score[order] * (before + 1 + np.arange(len(order))) >= 1)
    k = int(reached[-1]) + 1 if len(reached) else 0
    return np.sort(able[order[:k]])


def has_lost_its_sign(sign: Floats, recent: Floats, recent_n: Floats) -> Bools:
    """Return which published lines `(lines,)` are to be withdrawn: their recent mean no longer has their sign.

    `sign` is -1 or 1, `recent` the sum of outcomes and `recent_n` their number, both halved every 90 days; at least ten
    effective trades are needed. A withdrawal spends nothing.

    >>> has_lost_its_sign(np.ones(3), np.array([-2.0, -2.0, 3.0]), np.array([12.0, 9.0, 12.0])).tolist()
    [True, False, False]
    """
    lost: Bools = (recent_n >= FEWEST_RECENT) & (sign * recent <= 0)
    return lost
