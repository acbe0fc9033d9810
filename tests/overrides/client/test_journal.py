from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from overrides.client import Journal, Position, bar_start
from overrides.client.answers import Answer, neutral

QUESTION = {"module": "pm", "pattern_key": "rsi.long.dip", "action_category": "entry", "book": "backtest"}
BAR = datetime(2026, 11, 1, 12, tzinfo=timezone(timedelta(hours=2)))
POSITION = Position("BTC/USDT:USDT", "short", "Dip", "1h", BAR)
ANSWER = Answer({"size_mult": 1.02}, "SINGLE", "019ab")
NOW = datetime(2026, 11, 1, 11, 30, tzinfo=UTC)


class TestLine:
    def test_says_what_the_decision_was_made_for(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")

        journal.write(QUESTION, ANSWER, POSITION, NOW)

        assert json.loads(journal.path.read_text()) == {
            "format": 1,
            "decision_id": "019ab",
            "pair": "BTC/USDT:USDT",
            "side": "short",
            "strategy": "Dip",
            "timeframe": "1h",
            "entry_bar": "2026-11-01T10:00:00+00:00",
            "module": "pm",
            "pattern_key": "rsi.long.dip",
            "action_category": "entry",
            "book": "backtest",
            "at": "2026-11-01T11:30:00+00:00",
            "levers": {"size_mult": 1.02},
        }

    def test_takes_the_time_of_the_question(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")

        journal.write(QUESTION | {"at": BAR}, ANSWER, POSITION, NOW)

        assert json.loads(journal.path.read_text())["at"] == "2026-11-01T10:00:00+00:00"

    def test_is_not_written_without_a_decision(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")

        journal.write(QUESTION, neutral(QUESTION, "timed out"), POSITION)

        assert not journal.path.exists()


class TestFile:
    def test_is_appended_to_also_after_it_was_closed(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl", sync=True)

        for _ in range(2):
            journal.write(QUESTION, ANSWER, POSITION, NOW)
            journal.close()
            journal.close()
        Journal(journal.path).write(QUESTION, ANSWER, POSITION, NOW)

        assert len(journal.path.read_text().splitlines()) == 3
        assert journal.path.stat().st_mode & 0o777 == 0o600

    def test_holds_whole_lines_of_all_threads(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")

        def write_fifty() -> None:
            for _ in range(50):
                journal.write(QUESTION, ANSWER, POSITION, NOW)

        threads = [threading.Thread(target=write_fifty) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [json.loads(line)["decision_id"] for line in journal.path.read_text().splitlines()] == ["019ab"] * 400

    def test_keeps_the_next_line_whole_after_a_disk_that_was_full(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        whole = os.write
        with monkeypatch.context() as full:
            full.setattr(os, "write", lambda file, content: whole(file, content[:7]))
            with pytest.raises(OSError, match="only 7 of"):
                journal.write(QUESTION, ANSWER, POSITION, NOW)

        journal.write(QUESTION, ANSWER, POSITION, NOW)

        assert json.loads(journal.path.read_text().splitlines()[-1])["decision_id"] == "019ab"

    def test_keeps_the_next_line_whole_after_a_process_that_ended_while_it_wrote(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        journal.path.write_text('{"format": 1, "decis')

        journal.write(QUESTION, ANSWER, POSITION, NOW)

        assert json.loads(journal.path.read_text().splitlines()[1])["decision_id"] == "019ab"


class TestUnused:
    def test_are_the_newest_decisions_that_no_order_has_used(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        for number, (category, hour) in enumerate([("entry", 9), ("add", 10), ("entry", 11), ("exit", 12)]):
            answer = Answer({"size_mult": 1.0 + number / 100}, "SINGLE", f"decision {number}")
            journal.write(QUESTION | {"action_category": category}, answer, POSITION, NOW.replace(hour=hour))
        journal.applied("decision 1", {})
        with journal.path.open("a") as stream:
            stream.write('{"format": 1, "torn')

        found = journal.unused("backtest", NOW.replace(hour=10))

        assert [(each.answer.decision_id, each.action_category) for each in found] == [
            ("decision 2", "entry"),
            ("decision 3", "exit"),
        ]
        assert (found[0].answer.levers, found[0].pair, found[0].side) == ({"size_mult": 1.02}, POSITION.pair, "short")
        assert journal.unused("live", NOW.replace(hour=10)) == []
        assert [each.answer.decision_id for each in journal.unused("backtest", NOW.replace(hour=12))] == ["decision 3"]

    def test_are_none_where_the_newest_was_used(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        for number in range(2):
            journal.write(QUESTION, Answer({}, "SINGLE", f"decision {number}"), POSITION, NOW)
        journal.applied("decision 1", {"size_mult": 1.0})

        assert journal.unused("backtest", NOW) == []

    def test_are_none_without_a_journal(self, tmp_path: Path) -> None:
        assert Journal(tmp_path / "journal.jsonl").unused("live", NOW) == []

    @pytest.mark.parametrize("changed", [{"at": "noon"}, {"at": "2026-11-01"}, {"levers": 1}, {"levers": {"a": "b"}}])
    def test_are_not_lines_that_cannot_be_used(self, tmp_path: Path, changed: dict[str, object]) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        journal.write(QUESTION, ANSWER, POSITION, NOW)
        line = json.loads(journal.path.read_text())
        journal.path.write_text(json.dumps(line | changed) + "\n")

        assert journal.unused("backtest", NOW - timedelta(days=1)) == []


class TestBarStart:
    @pytest.mark.parametrize("word", ["", "5", "m", "0m", "5M", "-5m", "5m\n", "\u0665m"])
    def test_refuses_what_is_no_timeframe(self, word: str) -> None:
        with pytest.raises(ValueError, match="is no timeframe"):
            bar_start(NOW, word)

    def test_refuses_a_time_without_its_zone(self) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            bar_start(NOW.replace(tzinfo=None), "5m")

    @pytest.mark.parametrize(("word", "start"), [("1m", "11:30"), ("1h", "11:00"), ("4h", "08:00"), ("1d", "00:00")])
    def test_counts_bars_from_midnight(self, word: str, start: str) -> None:
        assert f"{bar_start(NOW, word):%H:%M}" == start
