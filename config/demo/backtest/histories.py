"""The history of every trade of one pair and timeframe, as columns: bars, results, signals, counterfactuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from config.demo.backtest.counterfactuals import Counterfactuals, counterfactuals
from config.demo.backtest.positions import take
from config.demo.backtest.price_paths import Paths, at
from config.demo.backtest.simulation import Replay, replay
from telemetry.core.market_context.bars import Bars, Flags, Floats, Ints
from telemetry.core.market_context.indicators import LONG, SHORT, Indicators, dip

AFTER_BARS = 24


@dataclass(frozen=True, eq=False)
class Signals:
    """The signal proxies at one closed bar of each trade; NaN if undefined (DX without a position)."""

    ts: Floats
    ox: Floats
    dx: Floats
    edx: Floats
    atr: Floats


@dataclass(frozen=True, eq=False)
class Histories:
    """One row for each trade, as columns `(trades,)`; results in R.

    entry, trim, exit       bar numbers; `trim` is -1 without a trim
    trim_after, exit_after  what the part sold would have earned if kept; NaN if unknown
    mae, mfe                worst (<= 0) and best (>= 0) price while open, before costs; of a bar that ended in a stop
                            only the exit price counts
    at_entry, at_trim, at_exit   signals of the last bar closed before the action's bar
    """

    pattern: Ints
    adding: Flags
    entry: Ints
    trim: Ints
    exit: Ints
    rr: Floats
    trim_leg: Floats
    exit_leg: Floats
    trim_after: Floats
    exit_after: Floats
    exit_reason: Sequence[str]
    mae: Floats
    mfe: Floats
    at_entry: Signals
    at_trim: Signals
    at_exit: Signals
    would_have: Counterfactuals

    def __len__(self) -> int:
        return len(self.entry)


def histories(bars: Bars) -> Histories:
    """Return every trade that the rules take on these bars and that closes within them."""
    indicators = Indicators.of(bars)
    positions = take(bars, indicators)
    trades = positions.trades()
    signal, side = trades.signal, trades.side
    paths = Paths.of(bars, indicators, signal, side)
    result = replay(paths)
    exit_leg, trim_leg = paths.leg(result.exit_price), paths.leg(result.trim.price)
    trim_bar = np.where(result.trimmed, result.trim.bar, 0)
    mae, mfe = _excursions(paths, result)
    return Histories(
        pattern=trades.pattern,
        adding=positions.holding(side, trades.entry),
        entry=trades.entry,
        trim=np.where(result.trimmed, trades.entry + trim_bar, -1),
        exit=trades.exit,
        rr=result.rr,
        trim_leg=trim_leg,
        exit_leg=exit_leg,
        trim_after=exit_leg - trim_leg,
        exit_after=_held_on(bars, paths, side, trades.exit) - exit_leg,
        exit_reason=_reasons(result),
        mae=mae,
        mfe=mfe,
        at_entry=_signals(indicators, paths, signal, side, np.zeros_like(signal)),
        at_trim=_signals(indicators, paths, signal, side, trim_bar),
        at_exit=_signals(indicators, paths, signal, side, result.exit_bar),
        would_have=counterfactuals(bars, indicators, signal, side, paths, result),
    )


def _held_on(bars: Bars, paths: Paths, side: Ints, out: Ints) -> Floats:
    """Return the leg result of a sale at the close of the 24th bar after the exit; NaN beyond the data."""
    later = out + AFTER_BARS
    close = side * bars.close[np.minimum(later, len(bars) - 1)]
    return np.where(later < len(bars), paths.leg(close), np.nan)


def _excursions(paths: Paths, result: Replay) -> tuple[Floats, Floats]:
    seen = result.exit_bar - result.stopped
    before = seen >= 0
    worst = np.where(before, at(np.minimum.accumulate(paths.low, axis=1), seen), paths.entry)
    best = np.where(before, at(paths.best, seen), paths.entry)
    worst = np.minimum(np.minimum(worst, result.exit_price), paths.entry)
    return (worst - paths.entry) / paths.risk, (best - paths.entry) / paths.risk


def _reasons(result: Replay) -> list[str]:
    stops = np.where(result.stop_moved, "trail_stop", "initial_stop")
    reasons: list[str] = np.where(result.stopped, stops, "time_stop").tolist()
    return reasons


def _signals(indicators: Indicators, paths: Paths, signal: Ints, side: Ints, bar: Ints) -> Signals:
    """Return the signals one bar before `bar`, which counts from the entry bar; at 0 that is the signal bar."""
    known, is_long = signal + bar, side == LONG
    atr = indicators.atr[known]
    mirrored_dip = dip(LONG, at(paths.best, bar - 1), at(paths.close, bar - 1), atr)
    return Signals(
        ts=np.where(is_long, indicators.ts[LONG][known], indicators.ts[SHORT][known]),
        ox=np.where(is_long, indicators.ox[LONG][known], indicators.ox[SHORT][known]),
        dx=np.where(bar > 0, mirrored_dip, np.nan),
        edx=np.where(is_long, indicators.edx[LONG][known], indicators.edx[SHORT][known]),
        atr=atr,
    )
