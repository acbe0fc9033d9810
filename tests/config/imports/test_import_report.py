"""The end of an import: what can teach, what was learned beside its noise twins, and the next step."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from learning.core.first_look.teaching import Obstacle
from overrides.client import Answer, Journal, Position
from telemetry.core.file_formats.exclusions import NO_BARS
from telemetry.models import Trade
from tests.builders import NOW, trade_payload
from tests.learning.core.first_look.builders import payloads_of_two_a_day
from tests.telemetry.core.file_formats.builders import LOGGED, freqtrade_trade, json_lines, result, table

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of trades with an edge in one phase."""
    path = tmp_path / "trades.jsonl"
    path.write_bytes(json_lines(*payloads_of_two_a_day(300)))
    return path


def run(command: str, *words: object, **options: Any) -> str:
    stdout = io.StringIO()
    call_command(command, *map(str, words), stdout=stdout, stderr=io.StringIO(), **options)
    return " ".join(stdout.getvalue().split())


class TestTheEndOfAnImport:
    def test_says_what_can_teach_and_that_a_build_is_next(self, file: Path) -> None:
        text = run("import_trades", file)

        assert "pm learns from paper." in text
        assert "paper yes 300 300 300" in text
        assert "Nothing was built yet. The next build runs within the hour, or now by ./dev manage build. " in text
        assert "Build lessons from these trades, and read in the admin how they compare with chance." in text
        assert text.endswith("./dev manage build /admin/learning/builderrun/pm/evidence/")

    def test_says_what_was_learned_beside_its_noise_twin(self, file: Path) -> None:
        run("import_trades", file)

        assert "pm, method evidence: " in run("build", "--module", "pm")

        text = run("import_trades", file)
        assert "before this import" in text
        assert "verified lessons were found" in text
        assert "while the same search finds none in shuffled outcomes (10 noise twins)" in text

    def test_says_why_trades_cannot_teach_and_asks_for_bars(self, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        far = LOGGED | {"trade_id": "a2", "strategy": "Far", "initial_stop_loss_ratio": "-0.99"}
        path.write_bytes(table(LOGGED, far))

        text = run("import_trades", path)

        assert Obstacle.NO_SCOPE.value in text
        assert NO_BARS in text
        assert "Macd its first stop 1 of 1 trades have a real stop" in text
        assert "2 of the trades recorded have no scope or no unit of risk." in text
        assert text.endswith("./dev manage import_trades FILE --bars DIR")

    def test_asks_first_for_what_was_refused_or_was_a_dry_run(self, file: Path, tmp_path: Path) -> None:
        assert "Record the trades: the same command without --dry-run." not in run("import_trades", file)

        again = run("import_trades", file, dry_run=True)
        assert "Counted is what stands recorded, without what this dry run read; first_look counts that." in again
        assert "What is next ------------ Record the trades: the same command without --dry-run." in again

        stdout = io.StringIO()
        with pytest.raises(CommandError, match=r"^1 refused$"):
            call_command("import_trades", str(tmp_path / "nowhere.csv"), stdout=stdout, stderr=io.StringIO())
        assert "Mend what the refusals above name, and import again." in stdout.getvalue()

    def test_names_the_command_that_moves_trades_of_a_backtest_out_of_the_book_paper(self, tmp_path: Path) -> None:
        path = tmp_path / "result.json"
        path.write_text(json.dumps(result(Macd=[freqtrade_trade()])))

        would = run("import_trades", path, dry_run=True)
        text = run("import_trades", path)

        assert "would stand in the book paper" not in run("import_trades", path, dry_run=True, book="paper")
        assert "as if they had been traded. Give the same command with --book backtest." in would
        command = f"./dev manage import_trades {path} --book backtest --correction 'They are of a backtest.'"
        assert text.endswith(command)
        run("import_trades", path, book="backtest", correction="They are of a backtest.")
        assert set(Trade.objects.filter(is_current=True).values_list("book", flat=True)) == {"backtest"}

    @pytest.mark.parametrize("command", ["first_look", "import_trades"])
    def test_names_a_stated_unit_of_risk_of_a_strategy_that_was_not_read(self, command: str, tmp_path: Path) -> None:
        path, stderr = tmp_path / "log.csv", io.StringIO()
        path.write_bytes(table(LOGGED))

        call_command(command, str(path), risk=["Nope=stop"], stdout=io.StringIO(), stderr=stderr)

        assert "--risk Nope: no trade of it was read; the strategies read are Macd" in stderr.getvalue()

    def test_says_that_another_book_is_not_learned_from(self, file: Path) -> None:
        text = run("import_trades", file, book="backtest")

        assert "pm learns from paper. 300 trades of backtest are recorded and not learned from." in text
        assert "Propose that pm learns from backtest too, if it should. /admin/books/" in text

    def test_a_dry_run_into_an_empty_database_reports_the_units_and_bars_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        path.write_bytes(table(LOGGED))

        text = run("import_trades", path, dry_run=True)

        assert "The unit of risk (R) of each strategy" in text
        assert text.endswith("dry run: nothing was recorded")

    def test_prints_the_same_as_json(self, file: Path) -> None:
        found = json.loads(run("import_trades", file, json=True))

        assert found["files"] == [
            {"file": str(file), "read": 300, "open": 0, "new": 300, "corrected": 0, "unchanged": 0, "refused": 0}
        ]
        assert [each["heading"] for each in found["report"]][-1] == "What is next"

    def test_ends_with_an_error_after_the_report_where_rows_were_refused(self, tmp_path: Path) -> None:
        path, stdout = tmp_path / "trades.jsonl", io.StringIO()
        path.write_bytes(json_lines(trade_payload("good"), trade_payload("bad", rr=None)))

        with pytest.raises(CommandError, match=r"^1 refused$"):
            call_command("import_trades", str(path), stdout=stdout)

        assert "What is next" in stdout.getvalue()

    def test_moves_trades_to_another_book_for_a_reason(self, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        path.write_bytes(table(LOGGED))
        run("import_trades", path)

        run("import_trades", path, book="backtest", correction="they are of a backtest")

        assert Trade.objects.filter(is_current=True).values_list("book", "correction_reason").get()[0] == "backtest"


class TestOptions:
    @pytest.mark.parametrize(
        ("option", "value", "message"),
        [
            ("risk", ["Macd"], "--risk: 'Macd' is not STRATEGY=stop or STRATEGY=atr"),
            ("universe", "majors", "--universe: names the pairs of --bars DIR; give the folder too"),
            ("mapping", Path("nowhere.json"), "--mapping: nowhere.json cannot be read"),
            ("journal", Path("nowhere.jsonl"), "--journal: nowhere.jsonl cannot be read"),
            ("bars", Path("nowhere"), "--bars: nowhere: is no folder"),
        ],
    )
    def test_are_refused_before_anything_is_read(self, file: Path, option: str, value: Any, message: str) -> None:
        for command in ("import_trades", "first_look"):
            with pytest.raises(CommandError, match=f"^{message}"):
                run(command, file, **{option: value})

        assert not Trade.objects.exists()

    def test_a_torn_line_of_the_journal_is_left_out_and_named(self, file: Path, tmp_path: Path) -> None:
        journal, torn = tmp_path / "journal.jsonl", tmp_path / "torn.jsonl"
        question = {"module": "pm", "pattern_key": "a.long.b", "action_category": "entry"}
        position = Position("BTC/USDT", "long", "Dip", "1h", NOW)
        Journal(journal).write(question, Answer({}, "SINGLE", str(uuid.uuid4())), position, NOW)
        torn.write_bytes(b'{"format": 1, "pair": "\xff')
        journal.write_bytes(torn.read_bytes() + b"\n" + journal.read_bytes())

        assert "1 line of the journal could not be read; the first: line 1: " in run(
            "import_trades", file, journal=journal
        )
        stderr = io.StringIO()
        call_command("first_look", str(file), journal=journal, stdout=io.StringIO(), stderr=stderr)
        assert "1 line of the journal could not be read; the first: line 1: " in stderr.getvalue()
        for refused, strict in ((journal, True), (torn, False)):
            with pytest.raises(CommandError, match=r"^--journal: .*jsonl: line 1: "):
                run("import_trades", file, journal=refused, strict=strict)

    def test_a_mapping_names_the_columns_of_another_bot(self, tmp_path: Path) -> None:
        path, mapping = tmp_path / "deals.csv", tmp_path / "mapping.json"
        path.write_text("Ticket;Item;In;Out;R\n7;EURUSD;2024.05.01 10:00;2024.05.01 12:00;1,5\n")
        columns = {"external_id": "Ticket", "symbol": "Item", "opened_at": "In", "closed_at": "Out", "rr": "R"}
        constants = {"pattern_key": "ea.long.entry", "scope.macro_phase": "Good"}
        mapping.write_text(
            json.dumps({
                "columns": columns, "constants": constants, "separator": ";", "decimal": ",",
                "time_format": "%Y.%m.%d %H:%M",
            })
        )  # fmt: skip

        assert "1 of 1 trades (1 distinct entry) can teach" in run("first_look", path, mapping=mapping)

        run("import_trades", path, mapping=mapping)
        assert Trade.objects.values_list("external_id", "rr").get() == ("7", 1.5)
