"""Reading feather and parquet takes a package that is installed once it is needed; a first look takes no servers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from devkit import bars, commands, environment, services, state


@pytest.mark.parametrize(
    ("file", "needed"),
    [("BTC_USDT-5m.feather", True), ("futures/BTC_USDT_USDT-5m-futures.parquet", True), ("BTC_USDT-5m.json", False)],
)
def test_a_folder_needs_pyarrow_by_its_files(tmp_path: Path, file: str, needed: bool) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.touch()

    assert bars.need_pyarrow(["first_look", "t.csv", "--bars", str(tmp_path)]) is needed
    assert bars.need_pyarrow(["import_trades", f"--bars={tmp_path}", "t.csv"]) is needed


def test_the_lock_pins_pyarrow_as_development_does_and_nothing_else() -> None:
    pinned = re.findall(r"^(\S+==\S+)", (environment.LOCKS / "bars.txt").read_text(), re.MULTILINE)

    assert [each.partition("==")[0] for each in pinned] == ["pyarrow"]
    assert pinned[0] in (environment.LOCKS / "dev.txt").read_text()
    assert "pyarrow" not in (environment.LOCKS / "runtime.txt").read_text()


def test_a_first_look_starts_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[list[Any], dict[str, str]]] = []

    def run(command: list[Any], env: dict[str, str]) -> int:
        ran.append((command, env))
        return 0

    installed: list[str] = []
    monkeypatch.setattr(state, "HOME", tmp_path)
    monkeypatch.setattr(state, "_MEMORY", tmp_path / "state.json")
    monkeypatch.setattr(state, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(state, "STATIC", tmp_path / "static")
    monkeypatch.setattr(environment, "ensure", installed.append)
    monkeypatch.setattr(services, "start_lasting", lambda: pytest.fail("servers were started"))
    monkeypatch.setattr(commands, "run", run)
    (tmp_path / "A_B-1h.feather").touch()

    assert commands.manage(["first_look", "t.csv", "--bars", str(tmp_path)]) == 0

    [(command, env)] = ran
    assert command[1:] == ["manage.py", "first_look", "t.csv", "--bars", str(tmp_path)]
    assert env["DATABASE_URL"].endswith("@127.0.0.1:1/none")
    assert env["SECRET_KEY"]
    assert installed == ["runtime", "bars"]
