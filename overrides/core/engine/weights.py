"""How much an override weighs: five factors and their product (plan section 3).

    w_total = w_edge * w_n * w_var * w_decay * w_spec

Only w_decay depends on the moment of asking; the product of the others is fixed when a version is compiled.
The examples are the plan's own override: edge .82R, 37 trades, variance .45, three of ten dimensions.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000  # microseconds
WEIGHT_DECIMALS = 12  # of w_total, for the floor test and the order only


def edge_weight(edge_raw: float, edge_scale: float) -> float:
    """w_edge = tanh(|edge_raw| / edge_scale), in [0, 1]; edge in R.

    >>> round(edge_weight(0.82, 1.0), 6)
    0.67507
    """
    return math.tanh(abs(edge_raw) / edge_scale)


def sample_weight(n: float, n_target: float) -> float:
    """w_n = 1 - exp(-n / n_target), in [0, 1]; n in trades.

    >>> round(sample_weight(37, 25), 6)
    0.772362
    """
    return 1.0 - math.exp(-n / n_target)


def variance_weight(variance: float, variance_penalty: float) -> float:
    """w_var = 1 / (1 + variance_penalty * variance), in (0, 1]; variance in R squared.

    >>> round(variance_weight(0.45, 1.0), 6)
    0.689655
    """
    return 1.0 / (1.0 + variance_penalty * variance)


def specificity_weight(dims: int, max_scope_dims: int, alpha: float) -> float:
    """w_spec = min(1, dims / max_scope_dims) ** alpha, in [0, 1]; a scope without dimensions weighs 0.

    >>> round(specificity_weight(3, 10, 1.5), 6), specificity_weight(0, 10, 0.0)
    (0.164317, 0.0)
    """
    return 0.0 if dims == 0 else min(1.0, dims / max_scope_dims) ** alpha


def decay_weight(age_days: float, half_life_days: float) -> float:
    """w_decay = exp(-age / half_life), in [0, 1]: at one half-life it is 1/e, not 1/2, exactly as the plan has it.

    >>> round(decay_weight(18.0, 18.0), 6), decay_weight(9.0, 18.0) ** 2 == decay_weight(18.0, 18.0)
    (0.367879, True)
    """
    return math.exp(-age_days / half_life_days)


def microseconds(at: datetime) -> int:
    """An aware time as a whole number: differences of such numbers are exact and cheap."""
    return (at - EPOCH) // MICROSECOND


def age_in_days(updated: int, now: int) -> float:
    """Age of evidence in days, never negative, from times in `microseconds`.

    >>> age_in_days(microseconds(datetime(2025, 1, 11, tzinfo=UTC)), microseconds(datetime(2025, 1, 20, tzinfo=UTC)))
    9.0
    """
    return (now - updated) / DAY if now > updated else 0.0


def rounded_weight(w_total: float) -> float:
    """The weight as the floor test and the order see it, so that neither hangs on the last bit.

    >>> rounded_weight(0.02 - 1e-16) < 0.02
    False
    """
    return round(w_total, WEIGHT_DECIMALS)
