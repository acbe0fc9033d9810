"""How the demo's rules replay each lever with another value, or why they cannot.

The meaning of a lever is that of the registry (`overrides/core/engine/definitions/levers.py`). Where the rules have
only something like it, the sentence says what.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SOURCE = "genetrader_2024 hourly bars"  # of the demo's trades
_NO_SCORE = "Not replayed: the rules buy and sell whole, and have no score of aggression that a multiple could change."
_NO_STATES = "Not replayed: the rules have no states S1 to S3, so no add belongs to one."
REPLAYED: Mapping[str, str] = MappingProxyType(
    {
        "entry_delay_bars": "Replayed by an entry 1, 2, 3 or 6 bars later, in the risk of the signal's bar.",
        "phase1_frac_mult": "Replayed by buying a third or half at once and the rest at the first close beyond +0.5 R.",
        "min_ts_for_add": "Replayed on the second half of an entry, bought at the first close beyond +0.5 R with "
        "enough TS.",
        "min_dx_for_add": "Replayed on the second half of an entry, bought at the first close beyond +0.5 R that has "
        "come back far enough from the best price.",
        "max_edx_for_add": "Replayed on the second half of an entry, bought at the first close beyond +0.5 R whose EDX "
        "is low enough.",
        "trim_delay_mult": "Replayed by the distance at which a third is sold (1.5 R as traded), up to never.",
        "min_ox_for_trim": "Replayed by a trim after the first close with enough OX, in place of the trim at 1.5 R.",
        "trail_mult": "Replayed by the distance of the trailing stop (3 ATR as traded).",
        "panic_trigger_mult": "Replayed by the distance of the initial stop (1 R as traded), the rules' only "
        "emergency exit.",
    }
)
NOT_REPLAYED: Mapping[str, str] = MappingProxyType(
    {
        "entry_aggression_mult": _NO_SCORE,
        "exit_aggression_mult": _NO_SCORE,
        "wait_n_bars_after_trim": "Not replayed: the rules buy nothing back after a trim, so nothing waits.",
        "phase_scaling_s1": _NO_STATES,
        "phase_scaling_s2": _NO_STATES,
        "phase_scaling_s3": _NO_STATES,
    }
)
NOTES: Mapping[str, str] = MappingProxyType({**REPLAYED, **NOT_REPLAYED})
