"""The command `import_trades`: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.imports.management.commands import import_trades as command
from telemetry.models import Action, Trade
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, make_trade, trade_payload
from tests.telemetry.core.file_formats.builders import LOGGED, json_lines, table

GOOD, BAD = trade_payload("good"), trade_payload("bad", rr=None)

Write = Callable[..., Path]


def recorded() -> list[str]:
    return sorted(Trade.objects.values_list("external_id", flat=True))


@pytest.mark.django_db
class TestImportTrades:
    def call(self, *args: Any, **options: Any) -> str:
        stdout = io.StringIO()
        call_command("import_trades", *map(str, args), stdout=stdout, **options)
        return stdout.getvalue()

    def test_leaves_open_trades_out_without_failing(self, write: Write) -> None:
        still_open = LOGGED | {"trade_id": "2", "is_open": "true", "close_date": ""}
        file = write(table(LOGGED | {"is_open": "false"}, still_open), "trades.csv")

        assert "1 trade has not closed and is left out; import a later export" in self.call(file, strict=True)
        assert Trade.objects.count() == 1

    def test_refuses_a_closed_trade_without_the_time_of_its_close(self, write: Write) -> None:
        file = write(table(LOGGED | {"is_open": "false", "close_date": ""}), "trades.csv")

        with pytest.raises(CommandError, match="1 refused"):
            self.call(file)

    def test_prints_a_line_per_file_and_their_sum(self, write: Write) -> None:
        first, second = write(json_lines(GOOD), "a.jsonl"), write(json_lines(GOOD, trade_payload("b")), "b.jsonl")

        lines = self.call(first, second).splitlines()

        assert lines[0].split() == ["file", "read", "new", "corrected", "unchanged", "refused"]
        assert [line.split()[1:] for line in lines[1:4]] == [
            ["1", "1", "0", "0", "0"],
            ["2", "1", "0", "1", "0"],
            ["3", "2", "0", "1", "0"],
        ]

    def test_fails_when_anything_was_refused_and_says_where(self, write: Write) -> None:
        stdout = io.StringIO()

        with pytest.raises(CommandError, match=r"^1 refused$"):
            call_command("import_trades", str(write(json_lines(GOOD, BAD))), stdout=stdout)

        assert "  trades.jsonl, line 2 (bad): rr: missing; this field is required" in stdout.getvalue()
        assert recorded() == ["good"]

    def test_shows_the_first_refusals_and_writes_all_of_them(self, write: Write, tmp_path: Path) -> None:
        stdout, kept = io.StringIO(), tmp_path / "refused.jsonl"
        path = write(json_lines(*[BAD] * 25))

        with pytest.raises(CommandError):
            call_command("import_trades", str(path), refusals=kept, stdout=stdout)

        assert stdout.getvalue().count("(bad)") == command.SHOWN
        lines = [json.loads(line) for line in kept.read_text().splitlines()]
        assert len(lines) == 25
        assert lines[24] == {
            "file": str(path), "row": "line 25", "external_id": "bad",
            "errors": [{"field": "rr", "message": "missing; this field is required"}],
        }  # fmt: skip

    @pytest.mark.parametrize(("option", "message"), [("strict", "nothing was recorded"), ("dry_run", "1 refused")])
    def test_says_that_nothing_was_recorded(self, write: Write, option: str, message: str) -> None:
        with pytest.raises(CommandError, match=message):
            self.call(write(json_lines(GOOD, BAD)), **{option: True})

        assert recorded() == []

    def test_takes_book_source_and_family(self, write: Write) -> None:
        self.call(write(table(LOGGED), "t.csv"), book="sim", source="mine", family="Macd4")

        assert Trade.objects.values_list("book", "source").get() == ("sim", "mine")
        assert Action.objects.first() == Action.objects.get(pattern_key="Macd4.long.dip", index=0)

    @pytest.mark.parametrize(("option", "value"), [("book", "Paper Money"), ("source", ""), ("family", "x" * 41)])
    def test_refuses_an_option_before_reading_anything(self, write: Write, option: str, value: str) -> None:
        with pytest.raises(CommandError, match=f"^--{option}: "):
            self.call(write(json_lines(GOOD)), **{option: value})

        assert recorded() == []

    def test_reports_its_progress_on_standard_error(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(command, "LOG_SECONDS", 0.0)

        self.call(write(json_lines(GOOD)))

        assert capsys.readouterr().err == "trades.jsonl: 100%, 1 read\n"

    def test_finds_a_trade_unchanged_that_the_api_recorded(self, write: Write) -> None:
        record_trades([make_trade("good")], now=NOW)

        assert "0          0          1          0" in self.call(write(json_lines(GOOD)))

    def test_says_what_to_do_about_a_database_without_tables(self, write: Write) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE telemetry_trade CASCADE")

        with pytest.raises(CommandError, match=r"no tables yet; make them with manage\.py migrate"):
            self.call(write(json_lines(GOOD)))

    def test_draws_a_bar_on_a_terminal_only(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "TTY_SECONDS", 0.0)
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)

        self.call(write(json_lines(GOOD)))

        assert terminal.getvalue() == f"\r{'█' * 30} trades.jsonl: 100%, 1 read\r\x1b[K"


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True
