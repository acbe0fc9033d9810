"""The command `first_look`: what it says of files, without a database and without a trace."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.builders import trade_payload
from tests.learning.core.first_look.builders import payloads_of_two_a_day
from tests.telemetry.core.file_formats.builders import LOGGED, json_lines, table

ROOT = Path(__file__).parents[3]
DEAD = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "DATABASE_OWNER_URL": "",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "of this test alone",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of trades with an edge in one phase."""
    path = tmp_path / "trades.jsonl"
    path.write_bytes(json_lines(*payloads_of_two_a_day(300)))
    return path


def look(*files: Path, **options: Any) -> str:
    stdout = io.StringIO()
    call_command("first_look", *map(str, files), stdout=stdout, stderr=io.StringIO(), **options)
    return stdout.getvalue()


class TestFirstLook:  # without the mark of the database: pytest-django fails a test that opens a connection
    def test_says_where_the_edge_is_beside_twins_and_doing_nothing(self, file: Path) -> None:
        text = look(file)

        assert text.startswith("First look at 300 distinct trades\n")
        assert "pm: 300 of 300 trades (300 distinct entries) can teach where the edge is. Edge beyond noise" in text
        assert "0, 0, 0, 0, 0" in text
        assert "doing nothing" in text
        assert "macro_phase Good" in text
        assert "Nothing was recorded, and nothing that is served has changed." in text
        assert text.endswith(f"Record the trades:\n  ./dev manage import_trades {file}\n")

    def test_calls_noise_noise(self, tmp_path: Path) -> None:
        path = tmp_path / "noise.jsonl"
        path.write_bytes(json_lines(*payloads_of_two_a_day(300, edge=0.0)))

        text = look(path)

        assert "Edge beyond noise" not in text
        assert "Nothing here can be told from noise." in " ".join(text.split())
        assert "Do not read these as edges" in text or "the first" not in text

    def test_says_why_trades_cannot_teach_and_what_to_do(self, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        path.write_bytes(table(LOGGED, LOGGED | {"trade_id": "a2", "profit_ratio": ""}))

        text = look(path)

        assert "pm: 0 of 1 trades (1 distinct entry) can teach where the edge is" in text
        assert "it has no scope" in text
        assert "1 row was refused" in text
        assert "profit_ratio" in text
        assert "with --bars DIR: they give scopes and R." in " ".join(text.split())
        assert "The files hold 1 strategy in 1 file." in text

    def test_counts_a_trade_once_however_many_files_tell_it(self, file: Path) -> None:
        again = file.with_name("again.jsonl")
        again.write_bytes(file.read_bytes())

        text = look(file, again)

        assert text.startswith("First look at 300 distinct trades\n")
        assert "300 trades stood in the files more than once and count once." in text

    def test_prints_the_same_as_json(self, file: Path) -> None:
        found = json.loads(look(file, json=True))

        assert found["title"] == "First look at 300 distinct trades"
        assert [each["heading"] for each in found["sections"]][-1] == "What is next"

    def test_writes_one_page_that_needs_nothing_else(self, file: Path, tmp_path: Path) -> None:
        page = tmp_path / "look.html"

        look(file, html=page)

        content = page.read_text()
        assert "<h1>First look at 300 distinct trades</h1>" in content
        assert '<line class="edge"' in content
        for outside in ("<script", "src=", "href=", "http", "@import", "url("):
            assert outside not in content

    def test_names_a_book_of_its_own_for_backtests(self, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        path.write_bytes(table(LOGGED | {"run": "run 1"}))

        assert look(path).endswith(f"./dev manage import_trades {path} --book backtest\n")
        assert look(path, book="sim").endswith(f"./dev manage import_trades {path} --book sim\n")

    def test_learns_from_a_further_dimension_where_it_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "trades.jsonl"
        actions = [dict(trade_payload()["actions"][0], scope={"hour": "7"})]
        path.write_bytes(json_lines(*(trade_payload(f"t{number}", actions=actions) for number in range(30))))

        assert "0 of 30 trades (30 distinct entries) can teach" in look(path)
        assert "30 of 30 trades (30 distinct entries) can teach" in look(path, learn=["hour"])

    def test_learns_from_a_number_by_the_cuts_that_are_named(self, tmp_path: Path) -> None:
        path = tmp_path / "trades.jsonl"
        payloads = payloads_of_two_a_day(300)
        for number, payload in enumerate(payloads):
            is_good = payload["actions"][0]["scope"]["macro_phase"] == "Good"
            payload["actions"][0]["scope"] = {"volume_z": f"{(0.5 if is_good else -2) + number / 1000:.3f}"}
        path.write_bytes(json_lines(*payloads))

        text = look(path, learn=["volume_z=-1,0.5"])

        assert "300 of 300 trades (300 distinct entries) can teach" in text
        assert "volume_z 0.5+" in text

    def test_takes_text_under_cuts_for_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "trades.jsonl"
        actions = [dict(trade_payload()["actions"][0], scope={"volume_z": "high"})]
        path.write_bytes(json_lines(*(trade_payload(f"t{number}", actions=actions) for number in range(30))))

        assert "30 of 30 trades (30 distinct entries) can teach" in look(path, learn=["volume_z"])
        assert "0 of 30 trades (30 distinct entries) can teach" in look(path, learn=["volume_z=1"])

    @pytest.mark.parametrize(
        ("choices", "message"),
        [
            (["volume_z=a"], "--learn: 'volume_z=a': cuts: must be numbers separated by commas"),
            (["volume_z="], "--learn: 'volume_z=': cuts: must be numbers"),
            (["volume_z=2,1"], "--learn: 'volume_z=2,1': cuts: must rise"),
            (["volume_z=nan"], "--learn: 'volume_z=nan': cuts: nan is not finite"),
            (["a b"], "--learn: 'a b': name: must be 1 to 40 letters"),
            (["volume_z=1", "volume_z"], "--learn: volume_z has two sets of cuts"),
            (["bucket=1"], "--learn: cuts: bucket is a category that pm knows"),
            (["universe"], "--learn: .*universe is"),
        ],
    )
    def test_refuses_dimensions_that_it_cannot_learn_from(self, file: Path, choices: list[str], message: str) -> None:
        with pytest.raises(CommandError, match=f"^{message}"):
            look(file, learn=choices)

    def test_fails_where_nothing_could_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="no closed trade could be read"):
            look(tmp_path / "nothing.jsonl")

    def test_runs_where_no_database_answers(self, file: Path) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", "first_look", file],
            cwd=ROOT,
            env=os.environ | DEAD,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert "Edge beyond noise" in done.stdout
