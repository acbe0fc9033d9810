"""Prequential strength: of what a learning method believed before each decision, how much came true afterwards.

    outcome = level of the step + lambda_1 lasting + lambda_2 recent + noise,    prior lambda ~ N(1, .5^2) each

A step is a fit on what was known at its start, and the decisions that followed. Beliefs and outcomes are taken net of
their step's mean, so that a rising market is no strength. A strength of 1 says that edges came true as believed, 0 that
nothing of them did. It brakes what the method claims, and never drives it: see `Brake` (docs/method.md 5.14).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from learning.core.cells.rows import Floats, Ints

PRIOR_SD = 0.5  # of a strength around 1, before anything was measured
BLOCK_DAYS = 7  # decisions of one block are dependent
CLIPPED = 0.99  # quantile of absolute deviations from the median at which outcomes are clipped
LEAST = 0.5  # a method of which even the upper end of the whole strength lies below has not come true
NORMAL_95 = 1.959964
FEWEST_BLOCKS = 2
LEAST_NOISE = 1e-9  # R^2; a smaller variance of outcomes is a rounding error
NEGLIGIBLE = 1e-10


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What was believed of decisions, and what they earned: columns `(rows,)`.

    step       the fit that believed it
    day        the day of the decision, from any fixed origin
    lasting    believed edge of all days, in R
    recent     believed shift of the most recent days, in R
    outcome    in R per unit of size
    weight     share of the unit, above 0
    """

    step: Ints
    day: Floats
    lasting: Floats
    recent: Floats
    outcome: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.outcome)


@dataclass(frozen=True)
class Brake:
    """What strengths do to claims: each part of an edge is multiplied by its strength, 0 to 1.

    variance_lasting, covariance, variance_recent  the error of both strengths, which widens that of the edge
    """

    lasting: float = 1.0
    recent: float = 1.0
    variance_lasting: float = 0.0
    covariance: float = 0.0
    variance_recent: float = 0.0

    def edge(self, lasting: Floats, recent: Floats) -> Floats:
        """Return lambda_1 lasting + lambda_2 recent, of any shape, but never beyond the edge as fitted, nor across 0.

        Where a recent shift takes a lasting edge back, braking the shift alone would raise the claim: of .5 R less a
        shift of .4 R, .1 R remains, and not .5 R.

        >>> Brake(0.5, 0.25).edge(np.array([0.4]), np.array([0.2])).tolist()
        [0.25]
        >>> Brake(1.0, 0.0).edge(np.array([0.5, 0.5]), np.array([-0.4, -0.6])).round(9).tolist()
        [0.1, 0.0]
        """
        fitted = lasting + recent
        braked = self.lasting * lasting + self.recent * recent
        return np.clip(braked, np.minimum(fitted, 0.0), np.maximum(fitted, 0.0))

    def shares(self, lasting: Floats, recent: Floats) -> tuple[Floats, Floats]:
        """Return the factors of the lasting and of the recent part, of any shape, with which they add up to `edge`.

        >>> [each.round(9).tolist() for each in Brake(1.0, 0.5).shares(np.array([0.5]), np.array([-0.4]))]
        [[0.333333333], [0.166666667]]
        """
        braked = self.lasting * lasting + self.recent * recent
        kept = np.divide(self.edge(lasting, recent), braked, out=np.zeros_like(braked), where=braked != 0)
        return self.lasting * kept, self.recent * kept

    def variance(self, lasting: Floats, recent: Floats, variance: Floats) -> Floats:
        """Return the variance of the braked edge, given that of the edge as believed; all of one shape.

        max(lambda)^2 variance + V_11 lasting^2 + 2 V_12 lasting recent + V_22 recent^2.

        >>> brake, variance = Brake(0.5, 0.25, variance_lasting=0.04), np.array([0.04])
        >>> brake.variance(np.array([0.5]), np.array([0.2]), variance).round(9).tolist()
        [0.02]
        """
        error: Floats = self.variance_lasting * lasting**2 + self.variance_recent * recent**2
        error += 2 * self.covariance * lasting * recent
        return max(self.lasting, self.recent) ** 2 * variance + np.maximum(error, 0.0)


NO_BRAKE = Brake()


@dataclass(frozen=True)
class Estimate:
    """A strength with its standard error, prior included; it may lie outside 0 to 1."""

    value: float
    se: float

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval."""
        return self.value - NORMAL_95 * self.se

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval."""
        return self.value + NORMAL_95 * self.se

    @property
    def factor(self) -> float:
        """The strength as it multiplies claims, 0 to 1."""
        return min(max(self.value, 0.0), 1.0)


@dataclass(frozen=True)
class Strength:
    """The strengths of a learning method: of everything it believed, and of the lasting and the recent part.

    covariance         of the errors of `lasting` and `recent`
    steps, decisions   number of fits and of decisions behind it
    """

    whole: Estimate
    lasting: Estimate
    recent: Estimate
    covariance: float
    steps: int
    decisions: int

    @property
    def brake(self) -> Brake:
        """The effect on claims."""
        variances = self.lasting.se**2, self.covariance, self.recent.se**2
        return Brake(self.lasting.factor, self.recent.factor, *variances)

    @property
    def came_true(self) -> bool:
        """Whether at least `LEAST` of what was believed may have come true, by the upper end of the whole strength."""
        return self.whole.high >= LEAST

    def to_document(self) -> dict[str, Any]:
        """Return the strengths as JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_document` wrote."""
        parts = {name: Estimate(**document[name]) for name in ("whole", "lasting", "recent")}
        return cls(**{**document, **parts})


def strength_of(beliefs: Beliefs) -> Strength | None:
    """Return the strengths of what was believed; None with fewer than two blocks of days, which have no error.

    Example: of +-1 R believed, +-.5 R came true in each of 8 weeks. The measurement has no error, so the prior has no
    weight. Nothing recent was believed: its strength remains the prior.

    >>> believed, zero = np.tile([-1.0, 1.0], 8), np.zeros(16)
    >>> beliefs = Beliefs(zero.astype(int), np.repeat(np.arange(8) * 7.0, 2), believed, zero, believed / 2, zero + 1)
    >>> found = strength_of(beliefs)
    >>> round(found.lasting.value, 6), round(found.lasting.se, 4), found.recent
    (0.5, 0.0, Estimate(value=1.0, se=0.5))
    """
    block = np.unique(np.floor_divide(beliefs.day, BLOCK_DAYS), return_inverse=True)[1]
    if len(block) == 0 or block.max() + 1 < FEWEST_BLOCKS:
        return None
    step = np.unique(beliefs.step, return_inverse=True)[1]
    believed = np.stack([beliefs.lasting, beliefs.recent])
    whole = _posterior(beliefs, step, block, believed.sum(axis=0)[None])
    parts = _posterior(beliefs, step, block, believed)
    lasting, recent = (Estimate(float(parts[0][at]), math.sqrt(parts[1][at, at])) for at in (0, 1))
    return Strength(
        whole=Estimate(float(whole[0][0]), math.sqrt(whole[1][0, 0])),
        lasting=lasting,
        recent=recent,
        covariance=float(parts[1][0, 1]),
        steps=int(step.max()) + 1,
        decisions=len(beliefs),
    )


def _posterior(beliefs: Beliefs, step: Ints, block: Ints, believed: Floats) -> tuple[Floats, Floats]:
    """Return mean `(parts,)` and covariance `(parts, parts)` of the strengths of `believed` `(parts, rows)`.

    With A = X'WX and residuals e, least squares has the covariance A^-1 M A^-1. M is the sandwich of G blocks, G/(G-1)
    times the sum of the squared sums of w x e (Liang and Zeger, Biometrika 1986), plus the ordinary s^2 A. The inverse
    A M^-1 A is added to that of the prior; it is 0 for a part that never differed.
    """
    weight = beliefs.weight
    x = np.stack([_centred(each, step, weight) for each in believed])
    y = _centred(_clipped(beliefs.outcome), step, weight)
    square, pull = (x * weight) @ x.T, (x * weight) @ y
    error = y - (_inverse(square) @ pull) @ x
    scores = np.stack([np.bincount(block, weight * each * error) for each in x])
    blocks, degrees = scores.shape[1], max(len(y) - len(x) - int(step.max()) - 1, 1)
    noise = max(float(weight @ (error * error)) / degrees, LEAST_NOISE)
    sandwich = blocks / (blocks - 1) * (scores @ scores.T)
    half = square @ _inverse(sandwich + noise * square)
    covariance: Floats = np.linalg.inv(np.eye(len(x)) / PRIOR_SD**2 + half @ square).astype(np.float64)
    return covariance @ (1 / PRIOR_SD**2 + half @ pull), covariance


def _inverse(matrix: Floats) -> Floats:
    """Return the inverse of a symmetric matrix; directions in which it is 0 stay 0."""
    inverse: Floats = np.linalg.pinv(matrix, rcond=NEGLIGIBLE, hermitian=True).astype(np.float64)
    return inverse


def _centred(values: Floats, step: Ints, weight: Floats) -> Floats:
    """Return the values less the weighted mean of their step."""
    centred: Floats = values - (np.bincount(step, weight * values) / np.bincount(step, weight))[step]
    return centred


def _clipped(outcome: Floats) -> Floats:
    """Return the outcomes within the median plus and minus the `CLIPPED` quantile of distances from it.

    >>> _clipped(np.array([*[-1.0, 0.0, 1.0] * 100, 50.0])).max()
    np.float64(1.0)
    """
    middle = float(np.median(outcome))
    limit = float(np.quantile(np.abs(outcome - middle), CLIPPED))
    return np.clip(outcome, middle - limit, middle + limit)
