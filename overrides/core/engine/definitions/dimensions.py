"""The scope dimensions of each module, in the bit order of the reference implementation.

Learned dimensions make cells and lessons. Recorded dimensions are stored with every decision and make none, unless the
builder's parameters ask for them: those of pm are outputs of the system itself, and from that of dm a coefficient alone
is learned. A new dimension needs a name here and in a new format (`formats`). Modules whose parameters are stored
already take it up by a request that names it; one that a coefficient is learned from they know without
(`ModuleParameters.known_dimensions`).
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
RECORDED_DIMENSIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"pm": ("A_mode", "E_mode"), "dm": ("timeframe",)}
)


def known_dimensions(module: str) -> tuple[str, ...]:
    """Return the dimensions that a request of the module may carry without a flag. Raises KeyError."""
    return LEARNED_DIMENSIONS[module] + RECORDED_DIMENSIONS[module]
