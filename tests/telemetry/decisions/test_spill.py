"""Files of decisions that something else than the queue has written, cut off or replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from telemetry.decisions.spill import Spill, UnsafeFolder, to_line
from tests.builders import make_decision


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "spill"
    folder.mkdir(mode=0o700)
    return folder


def leave(folder: Path, *lines: str) -> Path:
    """Leave a file as a process that has ended does."""
    file = folder / "1-00000000.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


class TestSpill:
    def test_passes_over_lines_that_are_no_decisions(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        decision, whole = make_decision(), to_line(make_decision())
        bad = ["", "[1]", "null", "{}", '{"decision_id": 5}', whole[:-40], "[" * 100_000, '"\\ud800"', "\x00"]
        file = leave(folder, *bad, to_line(decision), *bad)
        spill = Spill(folder)

        assert [each.decision_id for each in spill.take(2)] == [decision.decision_id]
        assert spill.take(2) == []
        assert not file.exists()
        assert spill.unreadable == 2 * len(bad)
        assert "is no decision" in caplog.text

    def test_reads_in_batches_whatever_stands_between(self, folder: Path) -> None:
        decisions = [make_decision() for _ in range(5)]
        leave(folder, *(line for each in decisions for line in ("x", "y", "z", to_line(each))))
        spill = Spill(folder)

        assert [len(spill.take(2)) for _ in range(4)] == [2, 2, 1, 0]

    def test_neither_reads_nor_writes_where_others_may_write(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = leave(folder, to_line(make_decision()))
        folder.chmod(0o777)
        spill = Spill(folder)

        assert spill.take(10) == []
        with pytest.raises(UnsafeFolder, match="others may write"):
            spill.write([make_decision()])
        assert file.exists()
        assert "chmod go-w" in caplog.text

    def test_follows_no_link(self, folder: Path, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_text(f"{to_line(make_decision())}\n")
        (folder / "1-00000000.jsonl").symlink_to(elsewhere)
        (tmp_path / "link").symlink_to(folder)

        assert Spill(folder).take(10) == []
        with pytest.raises(UnsafeFolder, match="is a link"):
            Spill(tmp_path / "link").write([make_decision()])
        assert elsewhere.read_text()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another user")
    def test_leaves_the_file_of_another_user_alone(self, folder: Path) -> None:
        file = leave(folder, to_line(make_decision()))
        os.chown(file, 65534, 65534)

        assert Spill(folder).take(10) == []
        assert file.exists()
