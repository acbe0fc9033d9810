"""Windows of gates as columns: what every sample saw, the thresholds in force, and what acting there earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Bools, Codes, Floats, Ints
from telemetry.core.gates import is_floor

NEVER = -1  # the sample at which a window is entered that is not entered


@dataclass(frozen=True, eq=False)
class GateWindows:
    """One row for each window, one column of `(windows, samples)` for each sample; what is missing is NaN or False.

    at              (windows,) when it was decided, microseconds since 1970-01-01 UTC
    closed_at       (windows,) when its episode ended, likewise: nothing of the window was known before
    known           (windows,) when its last result was known; `trade_deltas.UNKNOWN` without one
    pattern         (windows,) positions in `patterns`
    category        (windows,) positions in `categories`
    scope           (windows, dims) positions in `values` of the dimension; -1 where the window does not have it
    trade, cluster  (windows,) numbers: each window stands for a trade, and those of one episode share a cluster
    rr              what acting at the sample earned or would have earned in R; NaN where it is not known
    is_open         whether the sample exists and all of its gates without a lever were open
    scores          lever -> its score at each sample; NaN in windows that do not consider the lever
    thresholds      lever -> (windows,) threshold in force; NaN likewise
    """

    at: Ints
    closed_at: Ints
    known: Ints
    pattern: Ints
    scope: Codes
    trade: Ints
    cluster: Ints
    patterns: tuple[str, ...]
    category: Ints
    categories: tuple[str, ...]
    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    rr: Floats
    is_open: Bools
    scores: Mapping[str, Floats]
    thresholds: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.at)

    def considers(self, lever: str) -> Bools:
        """Return which windows `(windows,)` were judged by a lever's gate."""
        thresholds = self.thresholds.get(lever)
        if thresholds is None:
            return np.zeros(len(self), dtype=np.bool_)
        told: Bools = ~np.isnan(thresholds)
        return told

    def passes(self, lever: str, thresholds: Floats) -> Bools:
        """Return where `(windows, samples)` a lever's gate is open under thresholds `(windows,)`.

        Where a window does not consider the lever, nothing is shut by it.
        """
        score, threshold = self.scores[lever], thresholds[:, None]
        with np.errstate(invalid="ignore"):
            is_open = score >= threshold if is_floor(lever) else score <= threshold
        passed: Bools = is_open | ~self.considers(lever)[:, None]
        return passed


def first_open(is_open: Bools) -> Ints:
    """Return the first sample of each window that is open, NEVER where none is.

    >>> first_open(np.array([[False, True, True], [False, False, False]])).tolist()
    [1, -1]
    """
    first: Ints = np.where(is_open.any(axis=1), is_open.argmax(axis=1), NEVER)
    return first
