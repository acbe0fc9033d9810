"""A live bot and an import with the same candles say the same of an action's situation."""

from __future__ import annotations

import importlib.util
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import telemetry.core.market_context
from telemetry.core.market_context.bars import Bars
from telemetry.recording.bar_files import BarFolder
from telemetry.recording.market_context import BarsContext
from tests.docs.conftest import EXAMPLES
from tests.telemetry.recording.data_folders import write_bars
from tests.telemetry.recording.test_market_context import OPENED, PAIRS, action_of, row_of

OURS = "telemetry.core.market_context"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a module, with the market context of this checkout in place of the wheel's."""
    monkeypatch.setitem(sys.modules, "counterweight", ModuleType("counterweight"))
    monkeypatch.setitem(sys.modules, "counterweight.market_context", telemetry.core.market_context)
    for name in ("bars", "context", "market", "pair_history", "universe"):
        monkeypatch.setitem(sys.modules, f"counterweight.market_context.{name}", sys.modules[f"{OURS}.{name}"])
    spec = importlib.util.spec_from_file_location("market_scope", EXAMPLES / "market_scope.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Column:
    """A column of a pandas table, as far as the example uses it."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def to_numpy(self, dtype: Any) -> Any:
        return self._values.astype(dtype)


def table(bars: Bars) -> dict[str, Column]:
    prices = {name: Column(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")}
    return {"date": Column(np.array(bars.time, "datetime64[s]").astype("datetime64[ms]")), **prices}


@pytest.mark.parametrize("hours", [0, 7])
def test_is_that_of_an_import_of_the_same_candles(module: ModuleType, tmp_path: Path, hours: int) -> None:
    for bars in PAIRS:
        write_bars(tmp_path, bars)
    opened = OPENED + timedelta(hours=hours)
    (row,) = BarsContext(BarFolder(tmp_path), name="my pairs")([row_of(opened=opened)])

    candles = {bars.symbol: bars for bars in PAIRS}
    scope_of = module.MarketScope("my pairs", candles, lambda pair, timeframe: candles[pair])
    until_then = {pair: bars.between(0, int(opened.timestamp())) for pair, bars in candles.items()}
    live = module.MarketScope("my pairs", candles, lambda pair, timeframe: until_then[pair])

    imported = action_of(row, "entry")["scope"]
    assert len(imported) > 8
    assert scope_of("P0/USDT", "1h", opened, "long") == imported
    assert live("P0/USDT", "1h", opened, "long") == imported  # the candles after the action say nothing of it


def test_candles_of_pandas_are_read_as_they_are(module: ModuleType) -> None:
    found = module.bars_of("P0/USDT", "1h", table(PAIRS[0]))

    assert found.time.tolist() == PAIRS[0].time.tolist()
    assert found.close.tolist() == PAIRS[0].close.tolist()
