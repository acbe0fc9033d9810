"""The posterior of an effect measured with normal noise, for a prior that mixes normals around 0 (Stephens 2017).

The effect is beta ~ sum_k pi_k N(0, s_k^2) with s_0 = 0, the null component; its measurement is m ~ N(beta, v). All
variances share one unit, and effects have its square root as their unit.
"""

from __future__ import annotations

import math

import numpy as np

from learning.core.cells.rows import Floats


def responsibilities(m: Floats, v: Floats, pi: Floats, variances: Floats) -> Floats:
    """Return phi `(cells, k)`, the probability that each component generated the effect; rows add up to 1.

    `m` and `v` are `(cells,)`, `pi` and `variances` `(k,)`. A component of weight 0 gets 0. Example: a measurement
    three standard errors from 0, half null and half N(0, 9 v). The densities of m are N(3; 0, 1) = .00443 and N(3; 0,
    10) = .0804.

    >>> responsibilities(np.array([3.0]), np.array([1.0]), np.array([0.5, 0.5]), np.array([0.0, 9.0])).round(4).tolist()
    [[0.0522, 0.9478]]
    """
    total = variances + v[:, None]
    log_pi = np.log(pi, out=np.full(len(pi), -np.inf), where=pi > 0)
    log_density = log_pi - 0.5 * (np.log(total) + (m * m)[:, None] / total)
    density: Floats = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    density /= density.sum(axis=1, keepdims=True)
    return density


def posterior(phi: Floats, m: Floats, v: Floats, variances: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance `(cells,)` of the effects: b = sum phi_k h_k m with h_k = s_k^2 / (s_k^2 + v).

    >>> phi = np.array([[0.5, 0.5]])
    >>> [x.tolist() for x in posterior(phi, np.array([3.0]), np.array([1.0]), np.array([0.0, 9.0]))]
    [[1.35], [2.2725]]
    """
    shrinkage = variances / (variances + v[:, None])
    mean = shrinkage * m[:, None]
    b = (phi * mean).sum(axis=1)
    deviation = mean - b[:, None]  # a difference of squares loses precision
    return b, (phi * (shrinkage * v[:, None] + deviation * deviation)).sum(axis=1)


def local_false_sign_rates(phi: Floats, m: Floats, v: Floats, variances: Floats) -> Floats:
    """Return lfsr `(cells,)`, the probability that an effect is 0 or has the less likely sign, 0 to 1.

    >>> local_false_sign_rates(np.array([[0.2, 0.8]]), np.array([3.0]), np.array([1.0]), np.array([0.0, 9.0])).round(5)
    array([0.20177])
    """
    spread = variances[1:]
    z = m[:, None] * np.sqrt(spread / (v[:, None] * (spread + v[:, None])))
    negative = (phi[:, 1:] * normal_cdf(-z)).sum(axis=1)
    positive = np.maximum(phi[:, 1:].sum(axis=1) - negative, 0.0)
    rates: Floats = np.minimum(phi[:, 0] + np.minimum(negative, positive), 1.0)
    return rates


def normal_cdf(z: Floats) -> Floats:
    """Return P(Z <= z) for any shape of z, exact in the tails, where the error of approximations exceeds the value.

    >>> [f"{each:.6g}" for each in normal_cdf(np.array([-10.0, 0.0])).tolist()]
    ['7.61985e-24', '0.5']
    """
    halves = np.fromiter(map(math.erfc, (z / -math.sqrt(2.0)).ravel().tolist()), dtype=np.float64, count=z.size)
    return 0.5 * halves.reshape(z.shape)
