"""The demo's closed trades, in the trade JSON that recording accepts.

Times. The `at` of an entry, and of the allocation with it, is the open of its bar: the signal bar has closed and
belongs to its scope. A trim or an exit happens somewhere inside its bar, so its `at` is the OPEN of that bar, the last
moment at which its scope contains no future data; `closed_at` is the END of the exit bar, when the result is known.

Results, in R of the entry. rr and leg_rr are after fees and slippage, per unit of size. rr_after, per unit of the part
sold, is the leg result of a later sale minus the actual leg result (the costs of the entry cancel). For a trim the
later sale is the exit; for an exit it is the close of the 24th bar after it, and the value is missing if the data ends
before. It is known only `controls.rr_after_bars` bars after `closed_at`.

Counterfactuals are known when the last alternative has ended, `controls.counterfactual_bars` of the exit after the
trade opened: a trail twice as wide, or an entry six bars later, may outlast the trade. `known_at` of an action is the
moment at which all of its results are known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.demo.backtest.counterfactuals import ENTRY_LEVERS, EXIT_LEVERS, TRIM_LEVERS, missed_bucket
from config.demo.backtest.histories import AFTER_BARS, Histories, Signals, histories
from config.demo.backtest.replayed_levers import SOURCE
from config.demo.backtest.rules import PATTERNS, Pattern
from config.demo.backtest.simulation import TRIM_FRACTION
from config.demo.market.scopes import dm_scope, pm_scope
from config.demo.market.times import utc_at
from telemetry.core.market_context.bars import SECONDS, Bars, Floats, Ints, four_hours
from telemetry.core.market_context.market import Market
from telemetry.core.vocabulary import DM_PATTERN_KEY

Payload = dict[str, Any]


def demo_trades(bars: Sequence[Bars]) -> list[Payload]:
    """Return every closed trade of the six rules on 1 h and 4 h bars, by `closed_at`, then `external_id`.

    `bars` are hourly, one entry for each pair. Results are rounded to 6 decimals; times are UTC ISO text.
    """
    market = Market.of(bars)
    trades: list[Payload] = []
    for one in (*bars, *map(four_hours, bars)):
        columns = histories(one)
        trades += [_Trade(market, one, columns, row).payload() for row in range(len(columns))]
    return sorted(trades, key=lambda trade: (trade["closed_at"], trade["external_id"]))


@dataclass(frozen=True, eq=False)
class _Trade:
    """One row of a pair's histories, to be converted to JSON."""

    market: Market
    bars: Bars
    columns: Histories
    row: int

    @property
    def pattern(self) -> Pattern:
        return PATTERNS[int(self.columns.pattern[self.row])]

    @property
    def is_trimmed(self) -> bool:
        return bool(self.columns.trim[self.row] >= 0)

    def payload(self) -> Payload:
        opened = int(self.bars.time[self.columns.entry[self.row]])
        closed = int(self.bars.time[self.columns.exit[self.row]]) + SECONDS[self.bars.timeframe]
        side, pair = self.pattern.side_name, self.bars.symbol.replace("/", "_")
        actions = [self._allocation(), self._entry(), *([self._trim()] if self.is_trimmed else []), self._exit()]
        return {
            "external_id": f"demo:{self.bars.timeframe}:{pair}:{self.pattern.family}.{side}:{utc_at(opened)[:16]}Z",
            "source": SOURCE,
            "symbol": self.bars.symbol,
            "side": side,
            "timeframe": self.bars.timeframe,
            "opened_at": utc_at(opened),
            "closed_at": utc_at(closed),
            "rr": self._number(self.columns.rr),
            "actions": actions,
        }

    def _allocation(self) -> Payload:
        opened = int(self.bars.time[self.columns.entry[self.row]])
        adding = bool(self.columns.adding[self.row])
        return {
            "module": "dm",
            "pattern_key": DM_PATTERN_KEY,
            "action_category": "allocation",
            "at": utc_at(opened),
            "scope": dm_scope(self.market, self.bars.symbol, opened, family=self.pattern.family, adding=adding),
        }

    def _entry(self) -> Payload:
        action = self._action("entry", self.columns.entry, self.columns.at_entry, ENTRY_LEVERS)
        return action | {"fraction": 1.0, "leg_rr": self._number(self.columns.rr)}

    def _trim(self) -> Payload:
        return self._action("trim", self.columns.trim, self.columns.at_trim, TRIM_LEVERS) | {
            "fraction": round(TRIM_FRACTION, 6),
            "leg_rr": self._number(self.columns.trim_leg),
            "rr_after": self._number(self.columns.trim_after),
        }

    def _exit(self) -> Payload:
        """Return the exit; without a trim it also carries the trim's alternatives, which might have trimmed."""
        levers = EXIT_LEVERS if self.is_trimmed else (*EXIT_LEVERS, *TRIM_LEVERS)
        action = self._action("exit", self.columns.exit, self.columns.at_exit, levers)
        action["fraction"] = round(1 - TRIM_FRACTION, 6) if self.is_trimmed else 1.0
        action["leg_rr"] = self._number(self.columns.exit_leg)
        if not math.isnan(self.columns.exit_after[self.row]):
            action |= {"rr_after": self._number(self.columns.exit_after), "known_at": self._known_at(AFTER_BARS)}
        action["controls"] |= {
            "rr_after_bars": AFTER_BARS,
            "counterfactual_bars": int(self.columns.would_have.bars[self.row]),
            "exit_reason": self.columns.exit_reason[self.row],
            "mae": self._number(self.columns.mae),
            "mfe": self._number(self.columns.mfe),
        }
        return action

    def _action(self, category: str, bars: Ints, signals: Signals, levers: Iterable[str]) -> Payload:
        at = int(self.bars.time[bars[self.row]])
        ts, ox = float(signals.ts[self.row]), float(signals.ox[self.row])
        alternatives = self._alternatives(levers)
        grade = "cf_entry_improvement_bucket" if category == "entry" else "cf_exit_improvement_bucket"
        return {
            "module": "pm",
            "pattern_key": self.pattern.key,
            "action_category": category,
            "at": utc_at(at),
            "scope": pm_scope(self.market, self.bars.symbol, self.bars.timeframe, at, ts=ts, ox=ox),
            "known_at": self._known_at(0),
            "controls": self._controls(signals),
            "counterfactuals": alternatives,
            grade: missed_bucket(alternatives),
        }

    def _known_at(self, after_close: int) -> str:
        """Return the end of the last alternative, or `after_close` bars after the close, whichever is later."""
        opened, last = (int(self.bars.time[each[self.row]]) for each in (self.columns.entry, self.columns.exit))
        length, alternatives = SECONDS[self.bars.timeframe], int(self.columns.would_have.bars[self.row])
        return utc_at(max(opened + alternatives * length, last + (1 + after_close) * length))

    def _controls(self, signals: Signals) -> Payload:
        """Return the signal proxies that are defined at this moment, and the ATR as a price."""
        values = {name.upper(): self._number(getattr(signals, name)) for name in ("ts", "ox", "dx", "edx")}
        known = {name: value for name, value in values.items() if not math.isnan(value)}
        return {"signals": known, "atr": float(f"{signals.atr[self.row]:.6g}")}

    def _alternatives(self, levers: Iterable[str]) -> dict[str, dict[str, float]]:
        deltas = {lever: self.columns.would_have.deltas[lever] for lever in levers}
        return {lever: known for lever, columns in deltas.items() if (known := self._known(columns))}

    def _known(self, columns: Mapping[str, Floats]) -> dict[str, float]:
        return {name: self._number(column) for name, column in columns.items() if not math.isnan(column[self.row])}

    def _number(self, column: Floats) -> float:
        return round(float(column[self.row]), 6)
