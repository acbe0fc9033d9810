"""The scope dimensions of each module, in the reference's bit order.

Learned dimensions make cells and lessons. Recorded ones are outputs of the system itself: kept with every
decision, not learned from unless a builder's parameters ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LEARNED_DIMENSIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pm": (
            "macro_phase", "meso_phase", "micro_phase", "bucket_leader", "bucket_rank_position",
            "market_family", "bucket", "timeframe",
        ),
        "dm": (
            "curator", "chain", "mcap_bucket", "vol_bucket", "age_bucket", "intent", "mapping_confidence",
            "mcap_vol_ratio_bucket", "macro_phase", "meso_phase", "micro_phase", "bucket_leader",
            "bucket_rank_position", "bucket",
        ),
    }
)  # fmt: skip
RECORDED_DIMENSIONS: Mapping[str, tuple[str, ...]] = MappingProxyType({"pm": ("A_mode", "E_mode"), "dm": ()})


def known_dimensions(module: str) -> tuple[str, ...]:
    """The dimensions a request of the module may carry without a flag."""
    return LEARNED_DIMENSIONS[module] + RECORDED_DIMENSIONS[module]
