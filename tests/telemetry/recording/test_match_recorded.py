"""What a file may change of recorded trades: newer exports revise, backtests never do, earlier codings stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from telemetry.core.file_formats.decision_journal import JournalJoin, JournalLine
from telemetry.core.file_formats.exclusions import NO_BARS
from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.core.file_formats.freqtrade_coding_1 import first_payload
from telemetry.core.trades import parse_trade
from telemetry.core.unit_of_risk import Unit, UnitChoice
from telemetry.models import Outcome, Trade, UnitOfRisk
from telemetry.recording.import_files import FileReport, RefusedRow, import_files
from telemetry.recording.match_recorded import DECISIONS_ADDED
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW
from tests.telemetry.core.file_formats.builders import LOGGED, freqtrade_trade, result, table

pytestmark = pytest.mark.django_db


OPENED = datetime(2024, 5, 1, 10, tzinfo=UTC)


class Imports:
    """Imports documents from a folder and keeps what was refused last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refused: list[RefusedRow] = []
        self.report: FileReport | None = None

    def __call__(self, content: object, *, context: Any = None, **defaults: Any) -> dict[str, int]:
        path = self.folder / "file"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        self.refused = []
        (self.report,) = import_files(
            [path], now=NOW, defaults=Defaults(**defaults), context=context, on_refused=self.refused.append
        )
        return {status.value: count for status, count in self.report.counts.items() if count}

    @property
    def fields(self) -> list[str]:
        return [refusal.field for row in self.refused for refusal in row.refusals]


@pytest.fixture
def imported(tmp_path: Path) -> Imports:
    return Imports(tmp_path)


def live(**over: Any) -> list[dict[str, Any]]:
    return [freqtrade_trade(strategy="Macd", trade_id=7, timeframe=5, exchange="binance", **over)]


def backtest(**over: Any) -> dict[str, Any]:
    return result(Macd=[freqtrade_trade(**over)])


def with_scope(rows: Sequence[Row], **scope: str) -> list[Row]:
    """Stand in for the context from price bars: a scope and an rr in ATR."""
    given = []
    for row in rows:
        payload = dict(row.payload) if isinstance(row.payload, dict) else {}
        payload["actions"] = [{**action, "scope": {**action["scope"], **scope}} for action in payload["actions"]]
        if row.unit is Unit.ATR:
            payload |= {"rr": 1.25, "excluded_reason": None}
        given.append(replace(row, payload=payload))
    return given


class TestJournals:
    LINE = JournalLine(
        decision_id="019ab000-0000-7000-8000-000000000001",
        pair="BTC/USDT",
        side="long",
        strategy="Macd",
        timeframe="5m",
        entry_bar=OPENED,
        module="pm",
        pattern_key="Macd.long.entry",
        action_category="entry",
        at=OPENED,
    )
    USED = replace(LINE, applied={"size_mult": 0.9})

    def test_add_decisions_to_recorded_trades(self, imported: Imports) -> None:
        imported(backtest())

        assert imported(backtest(), context=JournalJoin([self.USED])) == {"corrected": 1}
        current = Trade.objects.get(is_current=True)
        assert current.correction_reason == DECISIONS_ADDED
        assert current.actions.get(index=0).applied == {"size_mult": 0.9}
        assert imported(backtest(), context=JournalJoin([self.USED])) == imported(backtest()) == {"unchanged": 1}

    def test_that_say_later_what_was_applied_are_named(self, imported: Imports) -> None:
        assert imported(backtest(), context=JournalJoin([self.LINE])) == {"new": 1}

        assert imported(backtest(), context=JournalJoin([self.USED])) == {"corrected": 1}
        current = Trade.objects.get(is_current=True)
        assert current.correction_reason == "what is noted of decisions differs in actions[0].applied"
        assert imported(backtest()) == {"unchanged": 1}


class TestNewerExports:
    def test_become_revisions_that_name_what_changed(self, imported: Imports) -> None:
        imported(live())

        assert imported(live(profit_ratio=0.025, exit_reason="stop_loss")) == {"corrected": 1}
        trade = Trade.objects.get(is_current=True)
        assert (trade.revision, trade.rr) == (2, 0.25)
        assert trade.correction_reason == "a newer export differs in profit_ratio, actions[1].controls"

    def test_are_unchanged_the_second_time_and_so_is_an_older_one(self, imported: Imports) -> None:
        imported(live())
        imported(live(profit_ratio=0.025))

        assert imported(live(profit_ratio=0.025)) == imported(live()) == {"unchanged": 1}
        assert Trade.objects.get(is_current=True).rr == 0.25

    def test_do_not_move_a_trade_to_another_book_by_themselves(self, imported: Imports) -> None:
        imported(live())

        assert imported(live(profit_ratio=0.025), book="live") == {"refused": 1}
        assert imported.fields == ["book"]


class TestBacktests:
    def test_are_never_revised(self, imported: Imports) -> None:
        cells = {**LOGGED, "run": "1"}
        imported(table(cells))

        assert imported(table({**cells, "profit_ratio": "0.06"})) == {"refused": 1}
        assert imported.fields == ["profit_ratio"]
        assert "(recorded 0.5, now 0.6)" in imported.refused[0].refusals[0].message

    def test_of_another_run_are_told_beside_it(self, imported: Imports) -> None:
        imported(backtest())

        assert imported(backtest(profit_ratio=0.06)) == {"new": 1}
        assert len(set(Outcome.objects.values_list("cluster_id", flat=True))) == 1

    @pytest.mark.parametrize("field", ["book", "source"])
    def test_can_be_moved_to_the_book_and_source_they_belong_to(self, imported: Imports, field: str) -> None:
        imported(backtest())

        assert imported(backtest(), **{field: "backtest"}) == {"refused": 1}
        assert imported.fields == [field]
        assert imported(backtest(), **{field: "backtest"}, correction="was a backtest") == {"corrected": 1}
        trade = Trade.objects.get(is_current=True)
        assert (getattr(trade, field), trade.correction_reason) == ("backtest", "was a backtest")

    def test_are_not_changed_under_the_cloak_of_a_correction(self, imported: Imports) -> None:
        cells = {**LOGGED, "run": "1"}
        imported(table(cells))

        refused = imported(table({**cells, "profit_ratio": "0.06"}), book="backtest", correction="wrong book")

        assert refused == {"refused": 1}
        assert Trade.objects.get().rr == 0.5


def recorded_at_first(trade: dict[str, Any], **over: Any) -> None:
    """Record a trade as the first coding did."""
    told: dict[str, Any] = {"book": "paper", "source": None, "family": None, **over}
    payload = first_payload(trade, "Macd", "run of Macd", "5m", **told)
    record_trades([parse_trade(payload, now=NOW)], now=NOW)


class TestEarlierCoding:
    @pytest.mark.parametrize("over", [{}, {"enter_tag": "bull/up"}, {"initial_stop_loss_ratio": -0.99}])
    def test_keeps_its_trades_and_their_ids(self, imported: Imports, over: dict[str, Any]) -> None:
        recorded_at_first(freqtrade_trade(**over))
        before = Trade.objects.values().get()

        assert imported(backtest(**over)) == {"unchanged": 1}
        assert Trade.objects.values().get() == before

    def test_keeps_those_of_a_bot_and_takes_their_changes(self, imported: Imports) -> None:
        trade = live()[0]
        recorded_at_first(trade)
        name = Trade.objects.get().external_id

        assert imported(live()) == {"unchanged": 1}
        assert imported(live(profit_ratio=0.02)) == {"corrected": 1}
        assert set(Trade.objects.values_list("external_id", flat=True)) == {name}

    def test_can_be_moved_to_another_book(self, imported: Imports) -> None:
        recorded_at_first(freqtrade_trade())

        assert imported(backtest(), book="backtest") == {"refused": 1}
        assert imported.fields == ["book"]
        assert imported(backtest(), book="backtest", correction="was a backtest") == {"corrected": 1}


class TestContext:
    def test_is_added_as_a_revision(self, imported: Imports) -> None:
        imported(backtest())

        assert imported(backtest(), context=lambda rows: with_scope(rows, bucket="micro")) == {"corrected": 1}
        trade = Trade.objects.get(is_current=True)
        assert trade.correction_reason == "context from price bars added"
        assert imported(backtest(), context=lambda rows: with_scope(rows, bucket="micro")) == {"unchanged": 1}

    def test_is_not_taken_away_by_an_import_without_bars(self, imported: Imports) -> None:
        imported(backtest(), context=lambda rows: with_scope(rows, bucket="micro"))

        assert imported(backtest()) == {"unchanged": 1}
        assert Outcome.objects.get().scope == {"timeframe": "5m", "bucket": "micro"}

    def test_gives_a_trade_its_unit_of_risk(self, imported: Imports) -> None:
        imported(backtest(initial_stop_loss_ratio=-0.99))
        assert Trade.objects.values_list("rr", "excluded_reason").get() == (None, NO_BARS)
        assert not Outcome.objects.exists()

        assert imported(backtest(initial_stop_loss_ratio=-0.99), context=with_scope) == {"corrected": 1}
        assert Outcome.objects.get().rr == 1.25
        assert imported(backtest(initial_stop_loss_ratio=-0.99)) == {"unchanged": 1}

    def test_of_another_universe_is_refused(self, imported: Imports) -> None:
        imported(backtest(), context=lambda rows: with_scope(rows, universe="top@1"))

        assert imported(backtest(), context=lambda rows: with_scope(rows, universe="top@2")) == {"refused": 1}
        assert imported.fields == ["actions[0].scope", "actions[1].scope"]


class TestUnits:
    def test_are_chosen_once(self, imported: Imports) -> None:
        imported(backtest())
        imported(backtest(initial_stop_loss_ratio=-0.99))

        assert UnitOfRisk.objects.values_list("strategy", "unit", "trades", "real_stops").get() == (
            "Macd",
            "stop",
            1,
            1,
        )
        assert imported.report is not None
        assert imported.report.units["Macd"].unit is Unit.STOP
        assert sum(imported.report.excluded.values()) == 1

    def test_are_chosen_by_all_rows_of_all_files(self, tmp_path: Path) -> None:
        """The first file's stops are all real, and more of the second's are not than may be."""
        files = [tmp_path / "a.json", tmp_path / "b.json"]
        real = [freqtrade_trade(amount=float(number)) for number in range(1, 2_003)]
        odd = [
            freqtrade_trade(pair="ETH/USDT", amount=1.0 + number, initial_stop_loss_ratio=-0.99)
            for number in range(300)
        ]
        for file, trades in zip(files, (real, odd), strict=True):
            file.write_text(json.dumps(result(Macd=trades)))

        reports = import_files(files, now=NOW, defaults=Defaults(), dry_run=True)

        assert [report.units["Macd"] for report in reports] == [UnitChoice(Unit.ATR, 2_302, 2_002)] * 2
        assert not UnitOfRisk.objects.exists()

    def test_that_contradict_the_choice_are_refused(self, imported: Imports) -> None:
        imported(backtest())

        assert imported(backtest(), risk={"Macd": Unit.ATR}) == {"refused": 1}
        assert imported.fields == ["risk"]
        assert imported(backtest(), risk={"Macd": Unit.STOP}) == {"unchanged": 1}


class TestNoContext:
    def test_is_none_where_bars_had_nothing_to_say(self, imported: Imports) -> None:
        recorded_at_first(freqtrade_trade(enter_tag="bull/up"))

        unsaid = imported(backtest(enter_tag="bull/up"), context=lambda rows: [_copied(row) for row in rows])

        assert unsaid == {"unchanged": 1}


def _copied(row: Row) -> Row:
    return replace(row, payload=dict(row.payload) if isinstance(row.payload, dict) else row.payload)


DECISION = "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f"


def with_decision(rows: Sequence[Row]) -> list[Row]:
    """Stand in for a bot's journal: the entry names a decision."""
    given = []
    for row in rows:
        payload = dict(row.payload) if isinstance(row.payload, dict) else {}
        entry, *others = payload["actions"]
        given.append(replace(row, payload=payload | {"actions": [{**entry, "decision_ids": [DECISION]}, *others]}))
    return given


class TestDecisions:
    def test_of_a_journal_are_added_as_a_revision_and_stay(self, imported: Imports) -> None:
        imported(backtest())

        assert imported(backtest(), context=with_decision) == {"corrected": 1}
        assert Trade.objects.get(is_current=True).correction_reason == "decisions from the bot's journal added"
        assert imported(backtest()) == imported(backtest(), context=with_decision) == {"unchanged": 1}

    def test_are_added_beside_the_context(self, imported: Imports) -> None:
        imported(backtest())

        imported(backtest(), context=lambda rows: with_scope(with_decision(rows), bucket="micro"))

        assert Trade.objects.get(is_current=True).correction_reason == (
            "context from price bars added; decisions from the bot's journal added"
        )
