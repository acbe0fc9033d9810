"""Levers walked forward over the textbook rules on real bars: is anything proposed that its walk does not support?

`./dev bench tuning --bars DIR`: DIR holds folders of bars, as for `walk_forward --data`. The rules trade every pair
with enough hourly bars and replay each trade with the levers that they have. Every lever is walked forward as in a
nightly measurement; what is not supported is not proposed, and the figure is what choosing would have gained.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.demo.backtest.closed_trades import demo_trades
from learning.core.tuning.trade_deltas import TradeDeltas
from learning.core.walk_forward.lever_gain import LeverVerdict
from learning.core.walk_forward.lever_walk import walk_lever
from learning.readers.group_columns import since_epoch
from learning.readers.trade_deltas import MODULE, TUNED, DeltasReader
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from tests.bench.real_trades import SOURCES, hourly_bars
from tests.bench.report import figure

FOLDS = 8


def run(data: Path) -> None:
    """Print the gain of every lever in every folder, and how many are supported."""
    parameters = ModuleParameters.default(MODULE)
    walked, supported = 0, 0
    for source in SOURCES:
        trades = deltas_of(demo_trades(list(hourly_bars(data / source))), parameters.learned_from)
        for lever in (name for name, deltas in trades.levers.items() if deltas.names):
            walk = walk_lever(trades, lever, FOLDS, parameters.evidence)
            walked, supported = walked + 1, supported + (walk.verdict is LeverVerdict.SUPPORTED)
            gain = {} if walk.gain is None else walk.gain.to_document()
            figure("tuning", f"{source}: {lever}", gain.pop("gain", 0.0), "R per 1,000", verdict=walk.verdict, **gain)
    figure("tuning", "real bars: supported", supported, "levers", of=walked)


def deltas_of(trades: list[dict[str, Any]], learned: LearnedFrom) -> TradeDeltas:
    """Return recorded trades as the reader of the database would, all of their results known."""
    reader = DeltasReader(learned, TUNED)
    reader.add(list(_rows(trades, learned)))
    return reader.trades(datetime(2100, 1, 1, tzinfo=UTC))


def _rows(trades: list[dict[str, Any]], learned: LearnedFrom) -> Iterator[tuple[Any, ...]]:
    for trade in trades:
        closed = _microseconds(trade["closed_at"])
        actions = [each for each in trade["actions"] if each["module"] == MODULE]
        told = [_told(action, closed) for action in actions if action.keys() & {"counterfactuals", "replays"}]
        entry = actions[0]
        scope = (entry["scope"].get(name) for name in learned.dimensions)
        at = _microseconds(entry["at"])
        yield trade["external_id"], trade["external_id"], closed, at, entry["pattern_key"], json.dumps(told), *scope


def _told(action: Mapping[str, Any], closed: int) -> list[Any]:
    known = max(closed, _microseconds(action.get("known_at") or "1970-01-01T00:00:00Z"))
    return [known, *(action.get(name, {}) for name in ("counterfactuals", "replays", "taken_arms"))]


def _microseconds(moment: str) -> int:
    return since_epoch(datetime.fromisoformat(moment))
