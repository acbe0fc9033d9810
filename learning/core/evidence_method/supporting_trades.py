"""The trades behind an override: which they are, and what they earned beside everything else that was fitted."""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import MISSING, Codes, Floats, Ints
from learning.core.evidence_method.learn import Learned
from learning.core.evidence_method.observations import Observations


class SupportingTrades:
    """Finds the observations of a pattern, category and scope, for one override after the other.

    own      (rows,) outcome less all that was fitted, in R; as winsorised; 0 where it is in no fit
    recent   (rows,) whether it is in the window of recent days
    """

    def __init__(self, observations: Observations, learned: Learned) -> None:
        self.scope = observations.scope
        self.order = np.lexsort((observations.category, observations.pattern))
        self.pattern, self.category = observations.pattern[self.order], observations.category[self.order]
        self.own, self.recent = np.zeros(len(observations)), np.zeros(len(observations), dtype=np.bool_)
        for fit, rows in zip(learned.fits, learned.rows, strict=True):
            self.own[rows] = fit.residual * fit.noise.scale
            self.recent[rows[: fit.sample.recent]] = True

    def rows(self, pattern: int, category: int, scope: Codes) -> Ints:
        """The numbers of the observations there; `scope` (dims,) is -1 where it leaves a dimension open."""
        low, high = np.searchsorted(self.pattern, [pattern, pattern + 1])
        first, last = low + np.searchsorted(self.category[low:high], [category, category + 1])
        rows = self.order[first:last]
        for dimension in np.flatnonzero(scope != MISSING):
            rows = rows[self.scope[rows, dimension] == scope[dimension]]
        return rows

    def incremental(self, rows: Ints, lasting: float, recent: float) -> Floats:
        """(rows,) what each earned beside everything but the override, whose edge has these two parts, in R.

        Their mean by precision is the override's `raw`.
        """
        return self.own[rows] + lasting + np.where(self.recent[rows], recent, 0.0)
