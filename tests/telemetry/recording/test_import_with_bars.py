"""Files of freqtrade's trades, imported with price bars beside them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from telemetry.core.file_formats.file_rows import Defaults
from telemetry.models import Action, Outcome, Trade
from telemetry.recording.bar_files import BarFolder
from telemetry.recording.import_files import FileReport, import_files
from telemetry.recording.market_context import BarsContext
from tests.telemetry.recording.data_folders import write_bars
from tests.telemetry.recording.test_market_context import NOW, OPENED, PAIRS, price_at

pytestmark = pytest.mark.django_db


def trade_of(number: int, pair: int, **over: Any) -> dict[str, Any]:
    opened = OPENED + timedelta(hours=5 * number)
    closed = opened + timedelta(hours=3 + number)
    bars = PAIRS[pair]
    ratio = price_at(bars, closed) / price_at(bars, opened) - 1
    return {
        "trade_id": number,
        "pair": bars.symbol,
        "strategy": "Dip",
        "timeframe": "1h",
        "is_short": False,
        "enter_tag": "dip",
        "exit_reason": "roi",
        "open_date": opened.isoformat(),
        "close_date": closed.isoformat(),
        "open_rate": price_at(bars, opened),
        "close_rate": price_at(bars, closed),
        "profit_ratio": ratio,
        "initial_stop_loss_ratio": -0.99,
        **over,
    }


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    path = tmp_path / "trades.json"
    path.write_text(json.dumps([trade_of(number, number % 4) for number in range(8)]))
    return path


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    for each in PAIRS:
        write_bars(tmp_path / "bars", each)
    return tmp_path / "bars"


def imported(path: Path, bars: Path | None = None) -> tuple[FileReport, BarsContext | None]:
    context = None if bars is None else BarsContext(BarFolder(bars))
    (report,) = import_files([path], now=NOW, defaults=Defaults(), context=context)
    return report, context


def counts(report: FileReport) -> dict[str, int]:
    return {status.value: count for status, count in report.counts.items() if count}


def scopes_of_entries() -> list[dict[str, str]]:
    entries = Action.objects.filter(action_category="entry").order_by("at", "id")
    return list(entries.values_list("scope", flat=True))


class TestAnImport:
    def test_with_bars_gives_trades_that_teach(self, trades: Path, bars: Path) -> None:
        report, context = imported(trades, bars)

        assert counts(report) == {"new": 8}
        assert set(Trade.objects.values_list("excluded_reason", flat=True)) == {""}
        entry = Action.objects.filter(action_category="entry").order_by("at")[0]
        assert {"macro_phase", "bucket", "trend", "hour", "universe"} <= set(entry.scope)
        assert set(entry.replays["entry_delay_bars"]) == {"0", "1", "2", "3", "6"}
        assert entry.replays["entry_delay_bars"]["0"] == entry.trade.rr
        assert entry.taken_arms == {"entry_delay_bars": "0"}
        assert Outcome.objects.filter(action_category="exit").count() == 8
        assert context is not None
        assert context.report.share("entry", "macro_phase") == 1.0

    def test_without_bars_teaches_nothing_until_they_are_added(self, trades: Path, bars: Path) -> None:
        imported(trades)
        assert Outcome.objects.count() == 0

        first, _ = imported(trades, bars)
        again, _ = imported(trades, bars)

        assert counts(first) == {"corrected": 8}
        assert counts(again) == {"unchanged": 8}
        assert set(Trade.objects.filter(is_current=True).values_list("revision", flat=True)) == {2}
        assert Outcome.objects.filter(action_category="entry").count() == 8

    def test_with_bars_is_not_undone_by_one_without(self, trades: Path, bars: Path) -> None:
        imported(trades, bars)

        report, _ = imported(trades)

        assert counts(report) == {"unchanged": 8}
        assert Outcome.objects.filter(action_category="entry").count() == 8

    def test_knows_nothing_after_an_action(self, trades: Path, bars: Path, tmp_path: Path) -> None:
        """Bars that go wild after the last entry leave every entry's scope and R as they are."""
        imported(trades, bars)
        before = scopes_of_entries()
        rr = list(Trade.objects.order_by("opened_at", "id").values_list("rr", flat=True))
        last = int((OPENED + timedelta(hours=35)).timestamp())
        for each in PAIRS:
            wild = {name: np.where(each.end > last, 3.0, 1.0) * getattr(each, name) for name in ("close", "volume")}
            wild["high"], wild["low"] = np.maximum(each.high, wild["close"]), each.low
            write_bars(tmp_path / "wild", replace(each, **wild))
        Trade.objects.all().delete()

        imported(trades, tmp_path / "wild")

        assert scopes_of_entries() == before
        assert list(Trade.objects.order_by("opened_at", "id").values_list("rr", flat=True)) == rr
