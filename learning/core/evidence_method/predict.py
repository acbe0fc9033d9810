"""What a fit expects of trades, seen or unseen, from all effects and not only those that became overrides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learning.core.cells.effect_cells import key_of
from learning.core.cells.rows import MISSING, Bools, Codes, Floats, Ints
from learning.core.evidence_method.coding import FIRST_DIMENSION
from learning.core.evidence_method.fit import Fit
from learning.core.significance.strength import Brake


@dataclass(frozen=True, eq=False)
class Prediction:
    """Expectation for each row, shape `(rows,)`: the category's mean in R, the edge over it in R, and its variance.

    `recent` is the part of the edge that holds for the most recent days alone. The variance (R squared) is that of the
    edge's posterior. It includes neither the noise of a single trade nor the uncertainty of the category's mean.
    """

    mu0: Floats
    edge: Floats
    variance: Floats
    recent: Floats

    def braked(self, brake: Brake) -> Prediction:
        """Return the prediction with both parts of the edge multiplied by their strengths, as one claim."""
        lasting = self.edge - self.recent
        return Prediction(
            mu0=self.mu0,
            edge=brake.edge(lasting, self.recent),
            variance=brake.variance(lasting, self.recent, self.variance),
            recent=brake.shares(lasting, self.recent)[1] * self.recent,
        )


def predict(fit: Fit, pattern: Ints, category: Ints, scope: Codes, *, of_cells: bool = False) -> Prediction:
    """Predict the edge of trades that close soon after the fit's `as_of`, so that recent shifts apply.

    `pattern` and `category` are codes `(rows,)`, `scope` is `(rows, dims)`. An effect that was not fitted (an unseen or
    thin cell) is expected to be 0, with the variance of its class's prior. Rows may be cells in place of trades
    (`of_cells`): a dimension that a cell leaves open adds nothing, because its trades have all of its values. Raises
    ValueError for a category that is not part of the fit.
    """
    position = np.searchsorted(fit.coding.categories, category)
    known = fit.coding.categories.take(position, mode="clip") == category
    if not known.all():
        raise ValueError(f"category: {category[~known][0]} was not fitted; predict from the fit of its family")
    digits, grid = fit.coding.digits(pattern, category, scope), np.square(fit.parameters.grid)
    edge, variance, recent = np.zeros((3, len(category)))
    for block in fit.blocks:
        columns = block.cells.columns
        key = key_of([digits[column] for column in columns], fit.coding.widths, columns)
        at = block.cells.find(key)
        b = np.append(block.b, 0.0).take(at)
        spread = np.append(block.var, fit.pi[block.block_class] @ grid).take(at)
        edge += b
        if block.block_class.recent:
            recent += b
        variance += np.where(_is_open(columns, scope), 0.0, spread) if of_cells else spread
    scale = fit.noise.scale
    return Prediction(fit.noise.mu0[position], edge * scale, variance * scale**2, recent * scale)


def _is_open(columns: tuple[int, ...], scope: Codes) -> Bools:
    """Return which rows `(rows,)` leave a dimension of these columns open."""
    dims = [column - FIRST_DIMENSION for column in columns if column >= FIRST_DIMENSION]
    is_open: Bools = (scope[:, dims] == MISSING).any(axis=1)
    return is_open
