"""The gain of one alternative, as a fit to the changes that trades tell: its mean and the effects of scopes.

    gain(pattern, scope) = k mu + lasting effects + recent effects,    k = s^2 / (s^2 + variance of mu)

mu is the mean change of all trades, drawn towards 0 as the effects are: with s = 0.05 R the spread of what alternatives
gain. The effects, the weights of trades and the dependence of days are those of edges (docs/method.md 5); only the
outcome is another one. What rests on fewer effective days than an edge needs is 0, the mean too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from learning.core.cells.effect_cells import number_cells
from learning.core.cells.rows import Bools, Codes, Floats, Ints
from learning.core.evidence_method.coding import Owner
from learning.core.evidence_method.fit import Fit, fit
from learning.core.evidence_method.mixture import normal_cdf
from learning.core.evidence_method.observations import Observations
from learning.core.evidence_method.predict import predict
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

MEAN_SD = 0.05  # R; sd of the mean gain of an alternative before anything is known of it
MOST_DIMENSIONS = 1  # of a fitted effect; narrower ones rest on too few changes to choose by
FEWEST_TOLD = 200  # trades that tell of an alternative before it is judged


@dataclass(frozen=True, eq=False)
class Expected:
    """The gain expected of an alternative for each row `(rows,)`, its posterior sd in R, and its false sign rate."""

    gain: Floats
    sd: Floats

    @property
    def lfsr(self) -> Floats:
        """The probability `(rows,)` that a gain has the wrong sign, 0 to 0.5."""
        found: Floats = normal_cdf(-np.abs(self.gain) / np.where(self.sd > 0, self.sd, 1.0))
        return found

    def is_sure(self, parameters: EvidenceParameters) -> Bools:
        """Return for which rows the alternative is better than what was taken: a gain above 0 of a sure sign."""
        sure: Bools = (self.gain > 0) & (self.lfsr <= parameters.verified_lfsr)
        return sure


@dataclass(frozen=True, eq=False)
class AlternativeFit:
    """A fit with the shrinkage of its mean.

    n               units that tell of the alternative
    mean            mean change in R, weighted as in the fit
    shrunk          the mean drawn towards 0, in R; 0 where it rests on too few days
    mean_variance   posterior variance of the mean in R squared
    days            effective decision days behind it
    """

    fit: Fit
    n: int
    mean: float
    shrunk: float
    mean_variance: float
    days: float

    def expected(self, pattern: Ints, scope: Codes, *, of_cells: bool = False) -> Expected:
        """Return what is expected of trades, or of cells, with these codes, `(rows,)` and `(rows, dims)`."""
        found = predict(self.fit, pattern, np.zeros(len(pattern), dtype=np.int64), scope, of_cells=of_cells)
        return Expected(self.shrunk + found.edge, np.sqrt(found.variance + self.mean_variance))

    @property
    def of_all(self) -> Expected:
        """What is expected of a trade of no pattern in particular."""
        return Expected(np.array([self.shrunk]), np.sqrt(np.array([self.mean_variance])))


def fit_alternative(told: Observations, as_of: float, parameters: EvidenceParameters) -> AlternativeFit | None:
    """Return the fit of the changes known at `as_of`, in days from their origin; None if too few trades tell any.

    Raises BudgetExceeded, which says what to drop, if the fit would hold too much.
    """
    if len(told) < FEWEST_TOLD:
        return None
    size = min(parameters.max_subset_size, MOST_DIMENSIONS)
    found = fit(told, as_of, replace(parameters, max_subset_size=size))
    variance, days = _of_mean(found)
    k = MEAN_SD**2 / (MEAN_SD**2 + variance) if days >= parameters.effective_days else 0.0
    mean = float(found.noise.mu0[0])
    return AlternativeFit(found, len(np.unique(told.cluster)), mean, k * mean, _posterior(variance, k), days)


def _of_mean(found: Fit) -> tuple[float, float]:
    """Return the variance of the mean change in R squared, dependence of days included, and its effective days."""
    sample = found.sample
    everything = number_cells(sample.digits, found.coding.widths, (Owner.ALL,), sample.units, 1)
    variances, days = sample.variances(everything, everything.sums(sample.precision), Owner.ALL)
    return float(variances[0]) * found.noise.scale**2, float(days[0])


def _posterior(variance: float, k: float) -> float:
    """Return the posterior variance of the mean; without anything learned of it, that of its prior.

    >>> _posterior(0.0025, 0.5), _posterior(0.0025, 0.0)
    (0.00125, 0.0025000000000000005)
    """
    return k * variance if k > 0 else MEAN_SD**2
