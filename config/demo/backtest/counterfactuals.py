"""Counterfactuals: every trade replayed with one lever changed, as the difference in R from the actual trade.

Alternatives are named in the lever's own unit (a multiple of the actual rule, bars, or a threshold), so the name of the
best one is a target. All results are in the ORIGINAL R; a replay that the end of the data cuts off has no value. They
are told as changes and not as replays, because the arm that was taken is the trade itself: its rr would be repeated
with every lever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from config.demo.backtest.price_paths import Paths
from config.demo.backtest.simulation import AS_TRADED, Replay, Rule, replay
from telemetry.core.market_context.bars import Bars, Floats, Ints
from telemetry.core.market_context.indicators import Indicators

ENTRY_DELAYS = (1, 2, 3, 6)
RULES: Mapping[str, Mapping[str, Rule]] = {
    "phase1_frac_mult": {
        "0.333": Rule(phase1_frac_mult=1 / 3),
        "0.5": Rule(phase1_frac_mult=1 / 2),
        "1": AS_TRADED,
    },
    # These thresholds apply to the second phase, so these trades start with half their size.
    "min_ts_for_add": {str(ts): Rule(phase1_frac_mult=1 / 2, min_ts_for_add=ts) for ts in (0.45, 0.55, 0.65, 0.75)},
    "min_dx_for_add": {str(dx): Rule(phase1_frac_mult=1 / 2, min_dx_for_add=dx) for dx in (0.2, 0.4, 0.6)},
    "max_edx_for_add": {str(edx): Rule(phase1_frac_mult=1 / 2, max_edx_for_add=edx) for edx in (0.1, 0.3, 0.5)},
    "trim_delay_mult": {
        "0.667": Rule(trim_delay_mult=2 / 3),
        "1.333": Rule(trim_delay_mult=4 / 3),
        "1.667": Rule(trim_delay_mult=5 / 3),
        "never": Rule(trim_delay_mult=np.inf),
    },
    "min_ox_for_trim": {str(ox): Rule(min_ox_for_trim=ox) for ox in (0.3, 0.4, 0.5, 0.6, 0.8)},
    "trail_mult": {"0.67": Rule(trail_mult=0.67), "1.33": Rule(trail_mult=1.33), "2": Rule(trail_mult=2.0)},
    "panic_trigger_mult": {
        "0.5": Rule(panic_trigger_mult=0.5),
        "0.75": Rule(panic_trigger_mult=0.75),
        "1.5": Rule(panic_trigger_mult=1.5),
    },
}
ENTRY_LEVERS = ("entry_delay_bars", "phase1_frac_mult", "min_ts_for_add", "min_dx_for_add", "max_edx_for_add")
TRIM_LEVERS = ("trim_delay_mult", "min_ox_for_trim")
EXIT_LEVERS = ("trail_mult", "panic_trigger_mult")
MISSED = (("none", 0.1), ("small", 0.5), ("medium", 1.5), ("large", np.inf))

Deltas = Mapping[str, Mapping[str, Floats]]


@dataclass(frozen=True, eq=False)
class Counterfactuals:
    """The alternatives of every trade, and when the last of them is known.

    deltas   {lever: {alternative: rr_alternative - rr_actual}}, NaN if the data ends too early
    bars     from the trade's entry bar to the end of the last alternative that has a value, that bar included
    """

    deltas: Deltas
    bars: Ints


def counterfactuals(
    bars: Bars, indicators: Indicators, signal: Ints, side: Ints, paths: Paths, actual: Replay
) -> Counterfactuals:
    """Replay every alternative of every trade."""
    late = {str(d): replay(Paths.of(bars, indicators, signal, side, delay=d)) for d in ENTRY_DELAYS}
    turned = {lever: {name: replay(paths, rule) for name, rule in rules.items()} for lever, rules in RULES.items()}
    ends = [(int(delay), one) for delay, one in late.items()]
    ends += [(0, one) for replays in turned.values() for one in replays.values()]
    return Counterfactuals(
        deltas={
            lever: {name: np.where(one.closed, one.rr - actual.rr, np.nan) for name, one in replays.items()}
            for lever, replays in ({"entry_delay_bars": late} | turned).items()
        },
        bars=np.max([np.where(one.closed, delay + one.exit_bar + 1, 0) for delay, one in ends], axis=0),
    )


def missed_bucket(alternatives: Mapping[str, Mapping[str, float]]) -> str:
    """Return the bucket of the R missed against the best alternative; limits are 0.1, 0.5 and 1.5 R.

    >>> missed_bucket({"trail_mult": {"0.67": -0.2, "2": 0.5}})
    'medium'
    """
    best = max((delta for lever in alternatives.values() for delta in lever.values()), default=0.0)
    return next(name for name, below in MISSED if best < below)
