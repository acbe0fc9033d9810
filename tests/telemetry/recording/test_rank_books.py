"""A position counts once, however many files, runs, variants and books tell it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from learning.lessons.aggregate import aggregate_dirty
from learning.models import Cell
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.attributed_trades import SUPERSEDED
from telemetry.decisions.decision_log import record_decisions
from telemetry.models import AttributionShare, DecisionOutcome, DirtyGroup, Outcome, Trade
from telemetry.recording.import_files import import_files
from telemetry.recording.rank_books import wait_for_others
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    NOW,
    action_payload,
    attempt,
    decision_ids,
    make_decision,
    make_trade,
    run_concurrently,
    wait_until,
    waits_for_lock,
)
from tests.telemetry.core.file_formats.builders import LOGGED, freqtrade_trade, result, table, zipped

ENTRY = {"entry_id": "BTC:long:10h", "cluster_id": "BTC:long:10h:donchian"}


def brought(tmp_path: Path, *documents: object, **defaults: Any) -> None:
    for number, document in enumerate(documents):
        path = tmp_path / f"{number}.json"
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        import_files([path], now=NOW, defaults=Defaults(**defaults))


def twelve(**over: Any) -> list[dict[str, Any]]:
    return [freqtrade_trade(open_date=f"2024-05-01 {hour:02}:03:00", **over) for hour in range(12)]


def told(external_id: str, book: str, *, pattern_key: str = "donchian.long.breakout", **over: Any) -> Any:
    actions = [action_payload(pattern_key=pattern_key)]
    return make_trade(external_id, **{"book": book, "actions": actions, **ENTRY, **over})


def counted() -> set[str]:
    """Return the external ids of the trades that learning reads."""
    return set(Outcome.objects.values_list("trade__external_id", flat=True))


@pytest.mark.django_db
class TestTwelveEntries:
    def test_count_twelve_in_every_cell(self, tmp_path: Path) -> None:
        again = result(Daily_1=twelve(amount=5.0))
        again["metadata"]["Daily_1"]["run_id"] = "a second run"
        header = (*LOGGED, "timeframe")
        cells = [
            {**LOGGED, "trade_id": str(hour), "strategy": "Daily_1", "enter_tag": "", "timeframe": "5", "entry_id": "",
             "open_date": f"2024-05-01 {hour:02}:03:59"}
            for hour in range(12)
        ]  # fmt: skip
        variants = result(Daily_1=twelve(), Daily_2=twelve(profit_ratio=0.02))

        brought(tmp_path, variants, again, table(*cells, columns=header), family="Daily")
        aggregate_dirty(now=NOW)

        assert Outcome.objects.count() == 36
        assert set(Cell.objects.values_list("n", flat=True)) == {12}

    @pytest.mark.parametrize("swapped", [False, True])
    def test_count_once_where_a_file_leaves_the_exchange_out_or_names_entries_otherwise(
        self, tmp_path: Path, swapped: bool
    ) -> None:
        named = zipped(bt=result(Macd=twelve()), bt_config={"exchange": {"name": "binance"}})
        cells = [
            {**LOGGED, "trade_id": str(hour), "entry_id": f"e{hour}", "enter_tag": "", "timeframe": "5",
             "open_date": f"2024-05-01 {hour:02}:03:00"}
            for hour in range(12)
        ]  # fmt: skip
        documents = [named, result(Macd=twelve(profit_ratio=0.01)), table(*cells)]

        brought(tmp_path, *(reversed(documents) if swapped else documents))
        aggregate_dirty(now=NOW)

        assert Outcome.objects.count() == 36
        assert set(Cell.objects.values_list("n", flat=True)) == {12}
        before = list(Trade.objects.order_by("id").values())
        brought(tmp_path, *documents)
        assert list(Trade.objects.order_by("id").values()) == before

    def test_stay_apart_on_two_exchanges(self, tmp_path: Path) -> None:
        for exchange in ("binance", "kraken"):
            brought(tmp_path, result(Macd=twelve(profit_ratio=0.01 * len(exchange))), exchange=exchange)

        assert Trade.objects.values("cluster_id").distinct().count() == 24


@pytest.mark.django_db
class TestRankBooks:
    @pytest.mark.parametrize(
        "order", [("backtest", "dry", "live"), ("live", "dry", "backtest"), ("dry", "live", "backtest")]
    )
    def test_lets_the_best_book_count_in_any_order(self, order: tuple[str, ...]) -> None:
        for book in order:
            record_trades([told(book, book)], now=NOW)

        assert counted() == {"live"}
        assert dict(Trade.objects.values_list("external_id", "superseded_by")) == {
            "live": "", "dry": "live", "backtest": "live",
        }  # fmt: skip

    def test_lets_the_best_book_count_within_one_batch(self) -> None:
        record_trades([told(book, book) for book in ("backtest", "live", "dry")], now=NOW)

        assert counted() == {"live"}

    def test_marks_what_lost_its_outcomes(self) -> None:
        record_trades([told("b", "backtest")], now=NOW)
        DirtyGroup.objects.all().delete()

        record_trades([told("l", "live", pattern_key="donchian.long.other")], now=NOW)

        assert {each.pattern_key for each in DirtyGroup.objects.all()} >= {"donchian.long.breakout"}

    @pytest.mark.parametrize(
        "over",
        [{"entry_id": "BTC:long:11h"}, {"book": "paper"}, {"excluded_reason": "not mine"}, {"entry_id": None}],
    )
    def test_lets_a_lesser_book_count_again_when_the_better_is_corrected(self, over: dict[str, Any]) -> None:
        record_trades([told("b", "backtest"), told("l", "live")], now=NOW)
        before = counted()

        corrected = {"revision": 2, "correction_reason": "it was not so", **over}
        record_trades([told("l", **{"book": "live", **corrected})], now=NOW)

        assert before == {"l"}
        assert "b" in counted()
        assert Trade.objects.get(external_id="b").superseded_by == ""

    def test_restores_outcomes_as_they_were(self) -> None:
        record_trades([told("b", "backtest")], now=NOW)
        fields = [each.name for each in Outcome._meta.fields if each.name != "id"]
        before = list(Outcome.objects.values(*fields))
        record_trades([told("l", "live")], now=NOW)

        record_trades([told("l", "live", revision=2, correction_reason="no", excluded_reason="no")], now=NOW)

        assert list(Outcome.objects.values(*fields)) == before

    def test_keeps_superseded_a_lesser_trade_that_is_corrected(self) -> None:
        record_trades([told("b", "backtest"), told("l", "live")], now=NOW)

        record_trades([told("b", "backtest", revision=2, correction_reason="fees", rr=0.1)], now=NOW)

        assert counted() == {"l"}
        assert Trade.objects.get(external_id="b", is_current=True).superseded_by == "l"

    def test_leaves_paper_and_other_entries_alone(self) -> None:
        record_trades([told("p", "paper"), told("l", "live"), told("b", "backtest", entry_id="other")], now=NOW)

        assert counted() == {"p", "l", "b"}

    def test_leaves_other_strategies_alone(self) -> None:
        record_trades([told("l", "live"), told("b", "backtest", pattern_key="rsi.long.dip")], now=NOW)

        assert counted() == {"l", "b"}

    @pytest.mark.parametrize(
        ("exchange", "expected"), [("binance", {"l"}), ("Binance", {"l"}), ("", {"l"}), ("kraken", {"l", "b"})]
    )
    def test_compares_exchanges_where_both_are_known(self, exchange: str, expected: set[str]) -> None:
        of = "{}:BTC:long:10h:donchian".format
        record_trades([told("l", "live", cluster_id=of("binance"))], now=NOW)
        record_trades([told("b", "backtest", cluster_id=of(exchange))], now=NOW)

        assert counted() == expected

    def test_lets_a_live_trade_without_a_unit_of_risk_supersede_nothing(self) -> None:
        record_trades([told("b", "backtest")], now=NOW)
        record_trades([told("l", "live", rr=None, excluded_reason="no unit of risk")], now=NOW)

        assert counted() == {"b"}


@pytest.mark.django_db
class TestEarnings:
    """Both books name an answer of their own for one position, which earns once."""

    @pytest.mark.parametrize("order", [("backtest", "live"), ("live", "backtest")])
    def test_are_of_the_book_that_counts(self, order: tuple[str, ...]) -> None:
        for book in order:
            self._record(book)
            attribute_trades(now=NOW)
        attribute_trades(now=NOW)

        assert self._earning() == ["live"]
        superseded = DecisionOutcome.objects.get(trade__external_id="backtest")
        assert (superseded.unattributed, superseded.misfit) == (SUPERSEDED, "")

    def test_return_with_the_outcomes(self) -> None:
        for book in ("live", "backtest"):
            self._record(book)
        attribute_trades(now=NOW)

        record_trades([told("live", "live", revision=2, correction_reason="no", excluded_reason="no")], now=NOW)
        attribute_trades(now=NOW)

        assert self._earning() == ["backtest"]

    @staticmethod
    def _record(book: str) -> None:
        decision = make_decision()
        record_decisions([decision])
        record_trades([told(book, book, actions=[action_payload(decision_ids=decision_ids(decision))])], now=NOW)

    @staticmethod
    def _earning() -> list[str]:
        return list(AttributionShare.objects.values_list("attribution__trade__external_id", flat=True))


@pytest.mark.django_db(transaction=True)
class TestConcurrently:
    def test_an_import_matches_what_others_are_about_to_record(self, tmp_path: Path) -> None:
        """The other file names no exchange; read before that one is there, the entry would be two clusters."""
        path = tmp_path / "named.json"
        path.write_text(json.dumps(result(Macd=twelve(exchange="binance"))))
        with ThreadPoolExecutor(1) as other, transaction.atomic():
            wait_for_others()
            coming = other.submit(attempt, lambda: import_files([path], now=NOW, defaults=Defaults()))
            wait_until(waits_for_lock, "the import to wait")
            brought(tmp_path, result(Macd=twelve(profit_ratio=0.01)))
        reports = coming.result()

        assert [report.counts["new"] for report in reports] == [12]
        assert (Trade.objects.count(), Trade.objects.values("cluster_id").distinct().count()) == (24, 12)

    def test_no_recording_overlooks_another(self) -> None:
        books = ("backtest", "dry", "live")

        run_concurrently(*[lambda book=book: record_trades([told(book, book)], now=NOW) for book in books])

        assert counted() == {"live"}
