"""The outcomes as they are fitted, and their noise: winsorised outcomes, noise by pattern, mean by category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Floats, Ints
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

ROUNDING = 1e-9  # a smaller sd, relative to the largest outcome, is a rounding error
NOTHING = 1e-3  # R; the smallest "largest outcome" that ROUNDING is applied to


@dataclass(frozen=True, eq=False)
class Noise:
    """Outcomes as they are fitted, and their noise.

    outcome   (rows,) winsorised, minus the mean of its category, in units of `scale`
    scale     sd of the winsorised outcomes in R; 1 if they do not vary
    sd        (patterns,) noise s_p of each pattern, in units of `scale`
    mu0       (categories,) mean outcome in R, weighted by precision
    """

    outcome: Floats
    scale: float
    sd: Floats
    mu0: Floats


def winsorise(outcome: Floats, weight: Floats, pattern: Ints, category: Ints, parameters: EvidenceParameters) -> Noise:
    """Clip outcomes to their pattern's mean +- `winsor_sds` noise sds, then restore the pattern's mean.

    All columns are `(rows,)` with at least one row; pattern and category are positions, `weight` is above 0, `outcome`
    in R. Restoring the mean matters for skewed outcomes: clipping alone would lower the mean of every pattern.
    """
    centre = float(np.average(outcome, weights=weight))
    values = _differences(outcome - centre, weight, float(np.abs(outcome).max()))
    mean, sd = _by_pattern(values, weight, pattern, parameters.noise_prior)
    limit = parameters.winsor_sds * sd[pattern]
    clipped = np.clip(values, mean[pattern] - limit, mean[pattern] + limit)
    clipped += (mean - _means(clipped, weight, pattern))[pattern]
    scale = _sd(clipped, weight) or 1.0
    _, sd = _by_pattern(clipped, weight, pattern, parameters.noise_prior)
    sd = np.where(sd > 0, sd, scale)  # only where nothing varies at all
    mu0 = _means(clipped, weight / sd[pattern] ** 2, category)
    return Noise((clipped - mu0[category]) / scale, scale, sd / scale, centre + mu0)


def _differences(deviation: Floats, weight: Floats, largest: float) -> Floats:
    """Return the deviations from the overall mean; zeros if outcomes differ only by rounding errors.

    `largest` is the largest absolute outcome in R.
    """
    return np.zeros(len(deviation)) if _sd(deviation, weight) <= ROUNDING * max(largest, NOTHING) else deviation


def _sd(values: Floats, weight: Floats) -> float:
    """Return the weighted standard deviation."""
    deviation = values - np.average(values, weights=weight)
    return float(np.sqrt(np.average(deviation * deviation, weights=weight)))


def _means(values: Floats, weight: Floats, group: Ints) -> Floats:
    """Return the weighted mean of each group, shape `(groups,)`."""
    return np.bincount(group, weight * values) / np.bincount(group, weight)


def _by_pattern(values: Floats, weight: Floats, pattern: Ints, prior: float) -> tuple[Floats, Floats]:
    """Return mean and noise sd of each pattern: s_p^2 = (sum w (R - mean_p)^2 + prior s^2) / (sum w + prior)."""
    mean = _means(values, weight, pattern)
    deviation = values - mean[pattern]
    squares = np.bincount(pattern, weight * deviation * deviation) + prior * _sd(values, weight) ** 2
    return mean, np.sqrt(squares / (np.bincount(pattern, weight) + prior))
