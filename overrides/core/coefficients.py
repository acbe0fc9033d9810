"""DM coefficients as a version carries them: which dimension feeds which lever, and what a decision's values weigh."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

LOWEST, HIGHEST = 0.5, 2.0  # of one weight and of a decision's product alike

# A request without the dimension has no factor for the lever: timeframe acts only where a request names one.
LEVER_DIMENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "curator": "curator",
        "chain": "chain",
        "cap": "mcap_bucket",
        "vol": "vol_bucket",
        "age": "age_bucket",
        "intent": "intent",
        "mapping_confidence": "mapping_confidence",
        "mcap_vol_ratio": "mcap_vol_ratio_bucket",
        "timeframe": "timeframe",
    }
)


def lever_values(scope: Mapping[str, str]) -> dict[str, str]:
    """Lever -> value for the levers whose dimension a scope names.

    >>> lever_values({"mcap_bucket": "1m-2m", "macro_phase": "Good"})
    {'cap': '1m-2m'}
    """
    return {lever: scope[name] for lever, name in LEVER_DIMENSIONS.items() if name in scope}


def coefficient_product(weights: Mapping[str, Mapping[str, float]], scope: Mapping[str, str]) -> float:
    """The product of a decision's weights (lever -> value -> weight), within 0.5 to 2; an unseen value weighs 1.

    >>> weights = {"chain": {"base": 1.5}, "cap": {"1m-2m": 1.6, "50m+": 0.9}}
    >>> coefficient_product(weights, {"chain": "base", "mcap_bucket": "1m-2m"})  # 2.4, clipped
    2.0
    >>> coefficient_product(weights, {"chain": "solana", "mcap_bucket": "50m+"})
    0.9
    """
    product = math.prod(weights.get(lever, {}).get(value, 1.0) for lever, value in lever_values(scope).items())
    return min(max(product, LOWEST), HIGHEST)
