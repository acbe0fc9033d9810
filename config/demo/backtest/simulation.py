"""The outcome of entries: the bars after them replayed under a rule, all trades of a pair at once.

The order within a bar is pessimistic: first the stop, then the trim, then the time limit; the trailing stop moves last
and counts from the next bar on. No loop over bars is needed, because the stop of a bar is the running maximum of the
initial stop and all earlier values of (best price - trailing distance).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from config.demo.backtest.price_paths import HOLDING_BARS, Paths, at, first, slipped
from telemetry.core.market_context.bars import Flags, Floats, Ints

TRAIL_ATR, TRIM_R, ADD_R = 3.0, 1.5, 0.5
TRIM_FRACTION = 1 / 3


@dataclass(frozen=True)
class Rule:
    """The parameters of a trade, named after the levers that change them; the defaults are the actual rule.

    panic_trigger_mult scales the initial stop (1 R), trail_mult the trailing distance (3 ATR), trim_delay_mult the
    trim's distance (1.5 R; infinity means never). min_ox_for_trim replaces that distance: trim at the open after the
    first close with OX at or above it. phase1_frac_mult is the part bought at the entry; the rest follows at the open
    after the first close beyond +0.5 R whose TS is at least min_ts_for_add, whose DX is at least min_dx_for_add and
    whose EDX is at most max_edx_for_add (a DX or EDX without a value passes no gate but the open one).
    """

    panic_trigger_mult: float = 1.0
    trail_mult: float = 1.0
    trim_delay_mult: float = 1.0
    min_ox_for_trim: float | None = None
    phase1_frac_mult: float = 1.0
    min_ts_for_add: float = 0.0
    min_dx_for_add: float = 0.0
    max_edx_for_add: float = 1.0


AS_TRADED = Rule()


@dataclass(frozen=True, eq=False)
class Trim:
    """The sale of one third, if the trade lasts that long: bar from the entry, mirrored price, whether at the open."""

    bar: Ints
    price: Floats
    at_open: bool


@dataclass(frozen=True, eq=False)
class Replay:
    """One row for each trade: bars count from the entry bar, prices are mirrored, rr is in R per unit of planned size.

    `closed` is False if the data ends first, and the row is then undefined; `trim` is defined only if `trimmed`.
    """

    closed: Flags
    exit_bar: Ints
    exit_price: Floats
    stopped: Flags
    stop_moved: Flags
    trimmed: Flags
    trim: Trim
    rr: Floats


def replay(paths: Paths, rule: Rule = AS_TRADED) -> Replay:
    """Replay every path under the rule."""
    trim = _trim(paths, rule)
    initial = paths.entry - rule.panic_trigger_mult * paths.risk
    trail = paths.best - rule.trail_mult * TRAIL_ATR * paths.atr
    stop = np.maximum.accumulate(np.column_stack([initial, trail[:, :-1]]), axis=1)
    touched = first(paths.low <= stop)
    stopped = touched < HOLDING_BARS
    exit_bar = np.minimum(touched, HOLDING_BARS - 1)
    last_stop = at(stop, exit_bar)
    exit_price = np.where(stopped, np.minimum(at(paths.open, exit_bar), last_stop), paths.close[:, -1])
    trimmed = (trim.bar < exit_bar) | ((trim.bar == exit_bar) & (trim.at_open | ~stopped))
    unit = _sold(paths, exit_price, trim, trimmed)
    if rule.phase1_frac_mult != 1:
        added = _added(paths, rule, exit_bar, exit_price, trim, trimmed)
        unit = rule.phase1_frac_mult * unit + (1 - rule.phase1_frac_mult) * added
    closed = paths.inside[np.arange(len(exit_bar)), exit_bar]
    return Replay(closed, exit_bar, exit_price, stopped, last_stop > initial, trimmed, trim, unit)


def _trim(paths: Paths, rule: Rule) -> Trim:
    if rule.min_ox_for_trim is not None:
        bar = first(paths.ox >= rule.min_ox_for_trim) + 1
        return Trim(bar, at(paths.open, bar), at_open=True)
    level = paths.entry + rule.trim_delay_mult * TRIM_R * paths.risk
    return Trim(first(paths.high >= level[:, None]), level, at_open=False)


def _sold(paths: Paths, exit_price: Floats, trim: Trim, trimmed: Flags, bought: Floats | None = None) -> Floats:
    """Return the result in R of one unit, part of which the trim sold, if there was one."""
    rest = paths.leg(exit_price, bought)
    with np.errstate(invalid="ignore"):
        parted = TRIM_FRACTION * paths.leg(trim.price, bought) + (1 - TRIM_FRACTION) * rest
    return np.where(trimmed, parted, rest)


def _added(paths: Paths, rule: Rule, exit_bar: Ints, exit_price: Floats, trim: Trim, trimmed: Flags) -> Floats:
    """Return the result of one unit of the second phase; 0 if it was never bought. An earlier trim sold none of it."""
    ready = (paths.close >= (paths.entry + ADD_R * paths.risk)[:, None]) & (paths.ts >= rule.min_ts_for_add)
    if rule.min_dx_for_add > 0:
        ready &= paths.dx >= rule.min_dx_for_add
    if rule.max_edx_for_add < 1:
        ready &= paths.edx <= rule.max_edx_for_add
    bar = first(ready) + 1
    unit = _sold(paths, exit_price, trim, trimmed & (trim.bar >= bar), slipped(at(paths.open, bar)))
    return np.where(bar <= exit_bar, unit, 0.0)
