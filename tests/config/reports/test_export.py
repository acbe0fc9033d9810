"""Export: exported trades can be imported unchanged, and rows fit in a table."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.reports.exports import EXPORTS
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Trade
from telemetry.recording.import_files import import_files
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    SCOPE,
    action_payload,
    decision_ids,
    make_correction,
    make_decision,
    make_lesson,
    make_trade,
)

FULL_ACTION = action_payload(
    fraction=0.5,
    leg_rr=-0.0,
    decision_ids=["018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f"],
    applied={"size_mult": 1.01, "entry_delay_bars": 0.0},
    controls={"big": 1e20, "bigger": [-1e300], "small": 1e-7, "whole": 2**53, "float": 1.0, "text": "é \u2028 \"\n"},
    counterfactuals={"entry_delay_bars": {"1": 0.2}},
    cf_entry_improvement_bucket="small",
    replays={"entry_delay_bars": {"0": 1.0, "1": 1.2}},
    taken_arms={"entry_delay_bars": "0"},
)  # fmt: skip
EXIT = action_payload(action_category="exit", rr_after=0.0, scope={}, known_at=utc_text(NOW - DAY / 2))


def export(what: str, **options: Any) -> str:
    stdout = io.StringIO()
    call_command("export", what, stdout=stdout, stderr=io.StringIO(), **options)
    return stdout.getvalue()


def exported(what: str, **options: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export(what, **options).splitlines()]


def table(what: str, **options: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export(what, format="csv", **options), newline="")))


def imported(path: Path) -> dict[str, int]:
    """Import an exported file; return the counts other than 0."""
    (report,) = import_files([path], now=NOW, defaults=Defaults())
    return {status.value: count for status, count in report.counts.items() if count}


def record(*trades: Any) -> None:
    assert all(receipt.status in ("new", "corrected") for receipt in record_trades(trades, now=NOW))


@pytest.fixture
def every_kind_of_trade(db: None) -> int:
    """Record a trade with every field, a corrected one and an excluded one; return the number of current trades."""
    record(
        make_trade("plain", rr=0.0),
        make_trade(
            "full", book="live", source="bot", side="short", timeframe="4h", cluster_id="c",
            opened_at=utc_text(NOW - 2 * DAY + timedelta(microseconds=7)), actions=[FULL_ACTION, EXIT],
        ),
        make_trade("excluded", excluded_reason="outage,\nsee \"the log\""),
        make_trade("corrected"),
    )  # fmt: skip
    record(make_correction("corrected", rr=-2.5))
    return 4


class TestTrades:
    @pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.csv", "t.csv.gz"])
    def test_are_unchanged_where_they_come_from(self, every_kind_of_trade: int, tmp_path: Path, name: str) -> None:
        export("trades", output=tmp_path / name)

        assert imported(tmp_path / name) == {"unchanged": every_kind_of_trade}

    @pytest.mark.parametrize("name", ["t.jsonl", "t.csv"])
    def test_fill_an_empty_database_with_all_revisions(
        self, every_kind_of_trade: int, tmp_path: Path, name: str
    ) -> None:
        export("trades", output=tmp_path / name, all_revisions=True)
        before = sorted(Trade.objects.values_list("external_id", "revision", "is_current", "digest"))
        Trade.objects.all().delete()

        assert imported(tmp_path / name) == {"new": every_kind_of_trade, "corrected": 1}
        assert sorted(Trade.objects.values_list("external_id", "revision", "is_current", "digest")) == before

    @pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(A1)", "'=1"])
    def test_are_text_to_a_spreadsheet_and_the_same_when_they_come_back(
        self, db: None, tmp_path: Path, name: str
    ) -> None:
        record(make_trade(name, symbol=name, excluded_reason=name, rr=-1.5))

        export("trades", output=tmp_path / "t.csv")

        (row,) = csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text()))
        assert {row[column][0] for column in ("external_id", "symbol", "excluded_reason")} == {"'"}
        assert row["rr"] == "-1.5"
        assert imported(tmp_path / "t.csv") == {"unchanged": 1}

    def test_leave_out_what_says_nothing(self, db: None) -> None:
        record(make_trade("plain", rr=0.0))

        assert exported("trades") == [{
            "external_id": "plain", "revision": 1, "book": "paper", "symbol": "BTC/USDT",
            "opened_at": utc_text(NOW - 2 * DAY), "closed_at": utc_text(NOW - DAY), "rr": 0.0,
            "actions": [action_payload()],
        }]  # fmt: skip

    def test_come_by_closing_time_and_within_it(self, db: None) -> None:
        for days in (3, 1, 2):
            record(make_trade(f"t{days}", opened_at=utc_text(NOW - 9 * DAY), closed_at=utc_text(NOW - days * DAY),
                              actions=[action_payload(at=utc_text(NOW - 9 * DAY))]))  # fmt: skip

        def ids(**options: Any) -> list[str]:
            return [trade["external_id"] for trade in exported("trades", **options)]

        assert ids() == ["t3", "t2", "t1"]
        assert ids(since=NOW - 2 * DAY) == ["t2", "t1"]
        assert ids(until=NOW - 2 * DAY) == ["t3"]

    def test_can_be_those_of_one_module(self, db: None) -> None:
        allocation = action_payload(
            module="dm", pattern_key="dm_pattern.allocation.allocation", action_category="allocation"
        )
        record(make_trade("both", actions=[allocation, action_payload()]), make_trade("pm"))

        assert [trade["external_id"] for trade in exported("trades", module="dm")] == ["both"]
        assert len(exported("trades", module="pm")) == 2


@pytest.mark.django_db
class TestDecisions:
    def test_carry_levers_and_outcomes(self) -> None:
        levers = {"size_mult": {"served": 1.02, "target": 1.02}, "entry_aggression_mult": {"served": 1.0}}
        named, unnamed = make_decision(levers=levers), make_decision(levers=levers)
        record_decisions([named, unnamed])
        record(make_trade(rr=1.5, actions=[action_payload(decision_ids=decision_ids(named))]))
        attribute_trades(now=NOW)

        first, second = exported("decisions")

        assert first["decision_id"] == str(named.decision_id)
        assert first["at"] == utc_text(NOW - 2 * DAY)
        assert first["levers"] == {"size_mult": 1.02, "entry_aggression_mult": 1.0}
        assert first["lever_detail"] == levers
        assert first["outcomes"] == [{"trade": "t1", "action_index": 0, "rr": 1.5, "unattributed": "", "misfit": ""}]
        assert second["outcomes"] == []

        row, other = table("decisions")

        assert (row["levers.size_mult"], row["levers.trail_mult"]) == ("1.02", "")
        assert (row["outcomes.0.trade"], row["outcomes.0.rr"], other["outcomes.0.rr"]) == ("t1", "1.5", "")
        assert json.loads(row["scope"]) == SCOPE

    def test_can_be_those_of_a_module_and_a_time(self) -> None:
        old, new = make_decision(at=NOW - 5 * DAY), make_decision(module="dm")
        record_decisions([old, new])

        assert [each["decision_id"] for each in exported("decisions", until=NOW - 4 * DAY)] == [str(old.decision_id)]
        assert [each["decision_id"] for each in exported("decisions", module="dm")] == [str(new.decision_id)]


@pytest.mark.django_db
class TestLessons:
    def test_carry_statistics_and_targets(self) -> None:
        lesson = make_lesson({"size_mult": 1.1})

        (document,) = exported("lessons")
        (row,) = table("lessons")

        assert (document["line_id"], document["scope"], document["status"]) == (lesson.line_id, SCOPE, "active")
        assert (document["stats"], document["targets"]) == (lesson.stats, {"size_mult": 1.1})
        assert (row["stats.edge_raw"], row["stats.n"], row["targets.size_mult"]) == ("0.8", "40", "1.1")
        assert (row["targets.alloc_mult_target"], row["as_of"]) == ("", utc_text(NOW))
        assert exported("lessons", module="dm") == []
        assert exported("lessons", until=NOW) == []


@pytest.mark.django_db
class TestExport:
    """The command."""

    @pytest.mark.parametrize("what", EXPORTS)
    def test_writes_a_header_even_for_nothing(self, what: str) -> None:
        assert export(what) == ""
        assert export(what, format="csv") == ",".join(EXPORTS[what].columns) + "\n"

    def test_leaves_the_file_as_it_was_when_it_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        record(make_trade())
        path = tmp_path / "t.jsonl"
        path.write_text("before")
        monkeypatch.setattr("json.dumps", lambda *_, **__: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            export("trades", output=path)

        assert path.read_text() == "before"
        assert list(tmp_path.iterdir()) == [path]

    def test_says_what_is_wrong_with_the_file(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="No such file or directory"):
            export("trades", output=tmp_path / "missing" / "t.jsonl")

    @pytest.mark.parametrize("time", ["noon", "1066-10-14"])
    def test_says_what_is_wrong_with_a_time(self, time: str) -> None:
        with pytest.raises(CommandError, match="argument --since: "):
            call_command("export", "trades", f"--since={time}")

    def test_takes_dates_for_utc(self) -> None:
        record(make_trade(closed_at=utc_text(NOW - DAY)))

        def count(*times: str) -> int:
            stdout = io.StringIO()
            call_command("export", "trades", *times, stdout=stdout, stderr=io.StringIO())
            return len(stdout.getvalue().splitlines())

        assert count("--since=2026-03-01", "--until=2026-03-02") == 1
        assert count("--since=2026-03-01T12:00:01Z") == 0
