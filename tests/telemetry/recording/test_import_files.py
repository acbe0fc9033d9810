"""Imports of files: every row is recorded or refused by name, all or nothing on request, and again without effect."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError

from telemetry.core.decision_fit import REASONS, Misfit
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.decisions.decision_log import record_decisions
from telemetry.models import Action, DirtyGroup, Outcome, Trade
from telemetry.recording import import_files as verb
from telemetry.recording.import_files import FileReport, RefusedRow, import_files
from telemetry.recording.record_trades import NOT_YET, record_trades
from tests.builders import NOW, action_payload, decision_ids, make_decision, trade_payload
from tests.telemetry.core.file_formats.builders import LOGGED, json_lines, table

DATA = Path(os.environ.get("COUNTERWEIGHT_DATA", Path(__file__).parents[3] / "shared" / "data"))
GOOD, BAD = trade_payload("good"), trade_payload("bad", rr=None)

Write = Callable[..., Path]


def run(*files: Path, **options: Any) -> tuple[dict[str, int], list[RefusedRow]]:
    """Import files; return the non-zero counts of all files, and the refused rows."""
    refused: list[RefusedRow] = []
    defaults = Defaults(**options.pop("defaults", {}))
    reports = import_files(files, now=NOW, defaults=defaults, on_refused=refused.append, **options)
    statuses = [status for report in reports for status, count in report.counts.items() for _ in range(count)]
    counts = {status.value: statuses.count(status) for status in statuses}
    left_out = sum(report.open for report in reports)
    return {
        "read": sum(report.read for report in reports),
        **counts,
        **({"open": left_out} if left_out else {}),
    }, refused


def recorded() -> list[str]:
    return sorted(Trade.objects.values_list("external_id", flat=True))


@pytest.mark.django_db
class TestImportFiles:
    def test_records_the_good_rows_and_names_the_refused_ones(self, write: Write) -> None:
        path = write(json_lines(GOOD, BAD, trade_payload("late", closed_at="2099-01-01T00:00:00Z")) + b"{\n")

        counts, refused = run(path)

        assert counts == {"read": 4, "new": 1, "refused": 3}
        assert recorded() == ["good"]
        assert [(each.file, each.row, each.external_id) for each in refused] == [
            (path, "line 2", "bad"), (path, "line 3", "late"), (path, "line 4", ""),
        ]  # fmt: skip
        assert [[reason.field for reason in each.refusals] for each in refused] == [["rr"], ["closed_at"], [""]]

    @pytest.mark.parametrize(
        ("over", "field"),
        [
            ({"symbol": "A\0B"}, "symbol"),
            ({"symbol": "\ud800"}, "symbol"),
            ({"colour": "red"}, "colour"),
            ({"opened_at": "2026-02-01T00:00:00"}, "opened_at"),
            ({"rr": True}, "rr"),
            ({"actions": []}, "actions"),
        ],
    )
    def test_refuses_what_the_api_refuses(self, write: Write, over: dict[str, Any], field: str) -> None:
        _, (refused,) = run(write(json_lines(GOOD | over)))

        assert [each.field for each in refused.refusals] == [field]

    def test_refuses_a_number_beyond_all_bounds(self, write: Write) -> None:
        _, (refused,) = run(write(json_lines(GOOD).replace(b"1.5", b"1e999")))

        assert (refused.row, refused.refusals[0].field) == ("line 1", "rr")
        assert refused.refusals[0].message.startswith("Infinity is out of range")

    def test_changes_nothing_the_second_time(self, write: Write) -> None:
        path = write(json_lines(GOOD))
        run(path)
        DirtyGroup.objects.all().delete()

        assert run(path)[0] == {"read": 1, "unchanged": 1}
        assert not DirtyGroup.objects.exists()

    def test_records_a_repeated_row_once_and_refuses_its_contradiction(self, write: Write) -> None:
        counts, refused = run(write(json_lines(GOOD, GOOD, GOOD | {"rr": 2.0})))

        assert counts == {"read": 3, "new": 1, "unchanged": 1, "refused": 1}
        assert [(each.row, each.refusals[0].field) for each in refused] == [("line 3", "external_id")]

    def test_takes_corrections(self, write: Write) -> None:
        correction = GOOD | {"rr": 2.0, "revision": 2, "correction_reason": "the fee was wrong"}

        assert run(write(json_lines(GOOD, correction)))[0] == {"read": 2, "new": 1, "corrected": 1}
        assert Trade.objects.get(is_current=True).rr == 2.0

    def test_counts_the_decisions_that_are_unknown_or_do_not_fit(self, write: Write) -> None:
        fitting, wrong = make_decision(), make_decision(pattern_key="rsi.long.dip")
        record_decisions([fitting, wrong])
        named = decision_ids(fitting, wrong, *(make_decision() for _ in range(2)))
        path = write(json_lines(trade_payload("t", actions=[action_payload(decision_ids=named)])))

        (report,) = import_files([path], now=NOW, defaults=Defaults(), on_refused=lambda _: None)

        assert report.misnamed == {NOT_YET: 2, REASONS[Misfit.PATTERN]: 1}

    def test_loads_nothing_under_strict_if_any_row_of_any_file_is_refused(self, write: Write) -> None:
        first, second = write(json_lines(GOOD), "a.jsonl"), write(json_lines(trade_payload("b"), BAD), "b.jsonl")

        counts, refused = run(first, second, strict=True)

        assert (counts, len(refused)) == ({"read": 3, "new": 2, "refused": 1}, 1)
        assert recorded() == []
        assert not DirtyGroup.objects.exists()

    def test_loads_everything_under_strict_if_all_is_well(self, write: Write) -> None:
        assert run(write(json_lines(GOOD)), strict=True)[0] == {"read": 1, "new": 1}
        assert recorded() == ["good"]

    def test_reports_what_a_dry_run_would_have_done(self, write: Write) -> None:
        run(write(json_lines(GOOD)))

        counts, _ = run(write(json_lines(GOOD, trade_payload("next"), BAD)), dry_run=True)

        assert counts == {"read": 3, "unchanged": 1, "new": 1, "refused": 1}
        assert recorded() == ["good"]

    def test_refuses_a_file_it_cannot_read_and_goes_on(self, write: Write, tmp_path: Path) -> None:
        counts, refused = run(tmp_path / "missing", tmp_path, write(b"", "empty.csv"), write(json_lines(GOOD)))

        assert counts == {"read": 1, "new": 1, "refused": 3}
        assert [(each.file.name, each.row) for each in refused][::2] == [("missing", "file"), ("empty.csv", "file")]
        assert "cannot be read (No such file or directory)" in refused[0].refusals[0].message
        assert "the folder holds no backtest result" in refused[1].refusals[0].message

    def test_records_in_batches_bounded_in_number_and_size(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes: list[int] = []

        def watch(trades: Any, *, now: Any) -> Any:
            sizes.append(len(trades))
            return record_trades(trades, now=now)

        monkeypatch.setattr(verb, "record_trades", watch)
        path = write(json_lines(*(trade_payload(f"t{number}") for number in range(5))))

        monkeypatch.setattr(verb, "BATCH", 2)
        run(path)
        monkeypatch.setattr(verb, "BATCH_SIZE", 1)
        run(path)

        assert sizes == [2, 2, 1, 1, 1, 1, 1, 1]

    def test_keeps_the_batches_before_a_failure_and_no_half_of_the_one_it_hits(
        self, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(verb, "BATCH", 2)

        def fail_at_t2(trades: Any, *, now: Any) -> Any:
            if any(trade.external_id == "t2" for trade in trades):
                raise IntegrityError
            return record_trades(trades, now=now)

        monkeypatch.setattr(verb, "record_trades", fail_at_t2)
        path = write(json_lines(*(trade_payload(f"t{number}") for number in range(6))))

        with pytest.raises(IntegrityError):
            run(path)

        assert recorded() == ["t0", "t1"]
        monkeypatch.undo()
        assert run(path)[0] == {"read": 6, "unchanged": 2, "new": 4}

    def test_reports_how_far_it_is(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(verb, "BATCH", 2)
        progress: list[tuple[int, float]] = []

        def watch(report: FileReport) -> None:
            progress.append((report.read, report.done))

        run(write(json_lines(*(trade_payload(f"t{number}") for number in range(5)))), on_progress=watch)

        assert [read for read, _ in progress] == [2, 4, 5]
        assert progress[-1][1] == 1.0

    def test_keeps_what_came_before_the_cut_of_a_packed_file(self, write: Write) -> None:
        content = gzip.compress(json_lines(*(trade_payload(f"t{number}") for number in range(2000))))

        counts, (refused,) = run(write(content[: len(content) // 2], "t.jsonl.gz"))

        assert counts["new"] == Trade.objects.count() > 100
        assert "damaged or cut off here" in refused.refusals[0].message
        assert Action.objects.count() == Outcome.objects.count() == Trade.objects.count()


@pytest.mark.django_db
class TestFreqtrade:
    def test_learns_from_the_entry_and_not_from_the_exit(self, write: Write) -> None:
        run(write(table(LOGGED), "trades.csv"), defaults={"book": "backtest"})

        assert Trade.objects.get().book == "backtest"
        assert list(Action.objects.values_list("action_category", flat=True)) == ["entry", "exit"]
        assert list(Outcome.objects.values_list("action_category", "pattern_key", "cluster_id", "rr")) == [
            ("entry", "Macd.long.dip", "e1", 0.5)
        ]


LOGS = {
    "alpergulsen_2023/trades.csv.gz": {"read": 3916, "new": 3916},
    "genetrader_2024/trades.csv.gz": {"read": 7851, "new": 7851},
    "freqtrade_testdata_2018/trades.csv.gz": {"read": 179, "new": 179},
    "gyaja_live_2021/trades.csv.gz": {"read": 33, "new": 31, "open": 2},
    "freqtrade_native/backtest-result.json": {"read": 179, "new": 179},
}


@pytest.mark.django_db
class TestRealLogs:
    @pytest.mark.parametrize("log", LOGS)
    def test_are_imported_whole_but_for_open_trades(self, log: str) -> None:
        if not (DATA / log).exists():
            pytest.skip(f"{log} is not under {DATA}; COUNTERWEIGHT_DATA names the folder with the logs")

        counts, refused = run(DATA / log)

        assert counts == LOGS[log]
        assert refused == []
        assert Trade.objects.count() == counts["new"]
        assert run(DATA / log)[0].get("unchanged") == counts["new"]
