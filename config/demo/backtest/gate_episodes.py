"""Episodes of gates from bars, in the JSON that recording accepts: what was let in, what was kept out, and its result.

A window opens by the course of the price, whatever the scores say, so that near misses are among its samples. At each
sample, which is the close of a bar, the scores stand beside what an entry at the next open would have earned under the
rule of the backtest: net of fees and slippage, and nothing else of an order's effect on the market. The bot enters at
the first sample at which every gate is open. Thresholds are those of levers in the registry; of a lever that is not
there the gate is told by whether it was open, at the same threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.demo.backtest.market_states import S1, WINDOW_BARS, Course, courses, openings, states
from config.demo.backtest.positions import RISK_FLOOR
from config.demo.backtest.price_paths import Paths
from config.demo.backtest.rules import crosses_unit_change
from config.demo.backtest.simulation import Replay, replay
from config.demo.market.scopes import pm_scope
from config.demo.market.times import utc_at
from telemetry.core.gates import is_floor, score_of
from telemetry.core.market_context.bars import Bars, Flags, Floats, Ints
from telemetry.core.market_context.indicators import LONG, Indicators, dip
from telemetry.core.market_context.market import Market

SOURCE = "genetrader_2024 bars, states of EMA20, EMA50 and EMA200"
USUAL = {"min_ts_for_add": 0.60, "min_dx_for_add": 0.60, "max_edx_for_add": 0.50}
CONSIDERED = {"s1_entry": ("min_ts_for_add", "max_edx_for_add"), "s3_retest": tuple(USUAL)}
MOST_WINDOWS = 100

Payload = dict[str, Any]


def gate_episodes(
    bars: Sequence[Bars], levers: Mapping[str, float], *, market: Market, side: int = LONG
) -> list[Payload]:
    """Return the episodes of each pair on one side, by their end.

    `levers` holds the thresholds in force of the gates that the registry knows. Results are rounded to 6 decimals.
    """
    found = [payload for one in bars for payload in _of_pair(one, levers, market, side)]
    return sorted(found, key=lambda each: (each["ended_at"], each["episode_id"]))


@dataclass(frozen=True, eq=False)
class _Samples:
    """One row for each sample of all windows of a pair; `bar` is the bar at whose close it was taken."""

    bar: Ints
    scores: Mapping[str, Floats]
    flags: Mapping[str, Flags]
    result: Replay
    is_known: Flags

    def is_open(self, considered: Sequence[str], thresholds: Mapping[str, float]) -> Flags:
        """Return at which samples every gate is open."""
        shut = [~flag for flag in self.flags.values()]
        for lever in considered:
            score = self.scores[score_of(lever)]
            shut.append(~(score >= thresholds[lever] if is_floor(lever) else score <= thresholds[lever]))
        closed: Flags = np.logical_or.reduce(shut)
        return ~closed


def _of_pair(bars: Bars, levers: Mapping[str, float], market: Market, side: int) -> Iterator[Payload]:
    indicators = Indicators.of(bars)
    found = courses(states(indicators, side))
    windows = [openings(bars, indicators, side, course)[:MOST_WINDOWS] for course in found]
    spans = [
        np.arange(first, min(first + WINDOW_BARS, course.end))
        for course, firsts in zip(found, windows, strict=True)
        for first in firsts
    ]
    if not spans:
        return
    samples = _samples(bars, indicators, side, np.concatenate(spans), found)
    start = 0
    for course, firsts in zip(found, windows, strict=True):
        rows = []
        for first in firsts:
            stop = start + min(first + WINDOW_BARS, course.end) - first
            rows.append(slice(start, stop))
            start = stop
        if rows:
            yield _Episode(bars, market, side, course, samples, {**USUAL, **levers}, frozenset(levers)).payload(rows)


def _samples(bars: Bars, indicators: Indicators, side: int, bar: Ints, found: Sequence[Course]) -> _Samples:
    paths = Paths.of(bars, indicators, bar, np.full(len(bar), side))
    result = replay(paths)
    last = np.minimum(bar + 1 + result.exit_bar, len(bars) - 1)
    middle = side * indicators.ema50
    best = _best_since(bars, side, found)
    dx = dip(side, best[bar], bars.close[bar], indicators.atr[bar])
    scores = {
        "ts": indicators.ts[side][bar],
        "dx": dx,
        "edx": indicators.edx[side][bar],
        "ox": indicators.ox[side][bar],
    }
    return _Samples(
        bar=bar,
        scores={name: np.nan_to_num(column).round(6) for name, column in scores.items()},
        flags={
            "slope_ok": middle[bar] > middle[bar - 1],
            "risk_ok": paths.risk >= RISK_FLOOR * np.abs(paths.entry),
        },
        result=result,
        is_known=result.closed & ~crosses_unit_change(bars, bar, last),
    )


def _best_since(bars: Bars, side: int, found: Sequence[Course]) -> Floats:
    """Return the best price of each bar's course up to that bar; NaN outside of courses."""
    best = np.full(len(bars), np.nan)
    for course in found:
        span = slice(course.first, course.end)
        best[span] = np.maximum.accumulate(bars.high[span]) if side == LONG else np.minimum.accumulate(bars.low[span])
    return best


@dataclass(frozen=True, eq=False)
class _Episode:
    """One course, to be converted to JSON."""

    bars: Bars
    market: Market
    side: int
    course: Course
    samples: _Samples
    thresholds: Mapping[str, float]
    levers: frozenset[str]

    @property
    def episode_type(self) -> str:
        return "s1_entry" if self.course.state == S1 else "s3_retest"

    def payload(self, rows: Sequence[slice]) -> Payload:
        end, side = self.bars.end, "long" if self.side == LONG else "short"
        began, pair = utc_at(int(end[self.course.first])), self.bars.symbol.replace("/", "_")
        return {
            "episode_id": f"demo:{self.bars.timeframe}:{pair}:{self.episode_type}:{side}:{began[:16]}Z",
            "episode_type": self.episode_type,
            "source": SOURCE,
            "symbol": self.bars.symbol,
            "side": side,
            "timeframe": self.bars.timeframe,
            "started_at": began,
            "ended_at": utc_at(int(end[self.course.end])),
            "ended_in": f"s{self.course.then}",
            "windows": [self._window(number, each) for number, each in enumerate(rows)],
        }

    def _window(self, number: int, rows: slice) -> Payload:
        considered = CONSIDERED[self.episode_type]
        bar = self.samples.bar[rows]
        entered = np.flatnonzero(self.samples.is_open(considered, self.thresholds)[rows])
        side = "long" if self.side == LONG else "short"
        window = {
            "window_id": f"w{number + 1}",
            "pattern_key": f"trend.{side}.{'beginning' if self.episode_type == 's1_entry' else 'retest'}",
            "action_category": "entry" if self.episode_type == "s1_entry" else "add",
            "scope": self._scope(rows.start),
            "retest_index": number,
            "started_at": utc_at(int(self.bars.end[bar[0]])),
            "ended_at": utc_at(int(self.bars.end[bar[-1]])),
            "thresholds": {lever: self.thresholds[lever] for lever in considered if lever in self.levers},
            "samples": [self._sample(row, considered) for row in range(rows.start, rows.stop)],
        }
        if len(entered):
            window |= self._entry(rows.start + int(entered[0]))
        known = np.flatnonzero(self.samples.is_known[rows]) + rows.start
        if len(known):
            exits = self.samples.bar[known] + 1 + self.samples.result.exit_bar[known]
            window["known_at"] = utc_at(int(self.bars.end[exits].max()))
        return window

    def _entry(self, row: int) -> Payload:
        entry = {"entered_at": utc_at(int(self.bars.end[self.samples.bar[row]]))}
        if self.samples.result.trimmed[row] and self.samples.is_known[row]:
            trim = self.samples.bar[row] + 1 + self.samples.result.trim.bar[row]
            entry["trimmed_at"] = utc_at(int(self.bars.end[trim]))
        return entry

    def _sample(self, row: int, considered: Sequence[str]) -> Payload:
        scores = {name: float(column[row]) for name, column in self.samples.scores.items()}
        gates = {name: bool(flag[row]) for name, flag in self.samples.flags.items()}
        for lever in set(considered) - self.levers:
            score, threshold = scores[score_of(lever)], self.thresholds[lever]
            gates[f"{score_of(lever)}_ok"] = score >= threshold if is_floor(lever) else score <= threshold
        sample: Payload = {"at": utc_at(int(self.bars.end[self.samples.bar[row]])), "scores": scores, "gates": gates}
        if self.samples.is_known[row]:
            sample["rr"] = round(float(self.samples.result.rr[row]), 6)
        return sample

    def _scope(self, row: int) -> Payload:
        """Return the scope at the beginning of a window, when it is not known yet how it goes on."""
        at = int(self.bars.end[self.samples.bar[row]])
        ts, ox = (float(self.samples.scores[name][row]) for name in ("ts", "ox"))
        return dict(pm_scope(self.market, self.bars.symbol, self.bars.timeframe, at, ts=ts, ox=ox))
