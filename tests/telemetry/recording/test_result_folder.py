"""A folder of results stands for all of them, each told by its own metadata."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telemetry.core.file_formats.file_rows import Defaults
from telemetry.models import Trade
from telemetry.recording.import_files import RefusedRow, import_files
from telemetry.recording.result_folder import found_files, metadata_beside
from tests.builders import NOW
from tests.telemetry.core.file_formats.builders import freqtrade_trade, result, zipped

PLAIN = {"strategy": {"Macd": {"trades": [freqtrade_trade()], "timeframe": "5m"}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("bt-1", "bt-2"):
        (tmp_path / f"{name}.zip").write_bytes(zipped(bt=PLAIN))
        (tmp_path / f"{name}.meta.json").write_text(json.dumps({"Macd": {"run_id": f"run of {name}"}}))
    (tmp_path / "bt-3.json").write_text(json.dumps(result(Rsi=[freqtrade_trade()])))
    (tmp_path / ".last_result.json").write_text('{"latest_backtest": "bt-2.zip"}')
    (tmp_path / "bt-2_config.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    return tmp_path


class TestFoundFiles:
    def test_are_the_results_of_a_folder_by_name(self, folder: Path) -> None:
        assert [file.name for file in found_files([folder])] == ["bt-1.zip", "bt-2.zip", "bt-3.json"]

    def test_are_files_as_they_are_given(self, folder: Path) -> None:
        assert list(found_files([folder / "notes.txt"])) == [folder / "notes.txt"]


class TestMetadata:
    def test_lie_beside_the_result(self, folder: Path) -> None:
        assert metadata_beside(folder / "bt-1.zip") == {"Macd": {"run_id": "run of bt-1"}}

    @pytest.mark.parametrize("content", ["{", "\\ud800", "[" * 100_000])
    def test_that_cannot_be_read_are_done_without(self, folder: Path, content: str) -> None:
        (folder / "bt-1.meta.json").write_text(content)

        assert metadata_beside(folder / "bt-1.zip") is None

    def test_may_be_missing(self, folder: Path) -> None:
        assert metadata_beside(folder / "bt-3.json") is None


@pytest.mark.django_db
class TestImport:
    def test_tells_runs_apart_and_their_trades_once(self, folder: Path) -> None:
        reports = import_files([folder], now=NOW, defaults=Defaults())

        counts = [{status.value: count for status, count in each.counts.items() if count} for each in reports]
        assert counts == [{"new": 1}, {"unchanged": 1}, {"new": 1}]
        assert [each.runs for each in reports] == [{"run of bt-1"}, {"run of bt-2"}, {"run of Rsi"}]
        assert Trade.objects.count() == 2

    def test_refuses_a_folder_without_results(self, tmp_path: Path) -> None:
        refused: list[RefusedRow] = []

        import_files([tmp_path], now=NOW, defaults=Defaults(), on_refused=refused.append)

        assert "holds no backtest result" in refused[0].refusals[0].message
