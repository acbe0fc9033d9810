"""The trades behind an override: which they are, and what they earned net of everything else that was fitted."""

from __future__ import annotations

import numpy as np

from learning.core.cells.rows import MISSING, Codes, Floats, Ints
from learning.core.evidence_method.learn import Learned
from learning.core.evidence_method.observations import Observations


class SupportingTrades:
    """Finds the observations of a pattern, category and scope, for any number of overrides.

    own      (rows,) winsorised outcome minus everything fitted, in R; 0 for rows in no fit
    recent   (rows,) whether the row is in the window of recent days
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
        """Return the observation numbers of a pattern, category and scope `(dims,)`; -1 leaves a dimension open."""
        low, high = np.searchsorted(self.pattern, [pattern, pattern + 1])
        first, last = low + np.searchsorted(self.category[low:high], [category, category + 1])
        rows = self.order[first:last]
        for dimension in np.flatnonzero(scope != MISSING):
            rows = rows[self.scope[rows, dimension] == scope[dimension]]
        return rows

    def incremental(self, rows: Ints, lasting: float, recent: float) -> Floats:
        """Return what each row `(rows,)` earned net of all effects except the override's, in R.

        `lasting` and `recent` are the two parts of the override's edge in R as fitted (`Overrides.believed`). The mean
        by precision is the override's `raw`.
        """
        return self.own[rows] + lasting + np.where(self.recent[rows], recent, 0.0)
