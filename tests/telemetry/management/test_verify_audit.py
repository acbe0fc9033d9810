"""Tampered exports of a real chain, verified by the command and by the file alone without a database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from telemetry.audit.alarms import VERIFY_AUDIT, acknowledge_alarm, alarm_of, raise_alarm
from telemetry.audit.audit_log import export_part, part_of_period, write_audit
from telemetry.core import hash_chain
from telemetry.core.audit_facts import Finding
from telemetry.models import AuditEntry
from tests.builders import DAY, NOW
from tests.trail import execute

Lines = list[dict[str, Any]]


@pytest.fixture
def exported(db: None) -> Lines:
    for day in range(6):
        write_audit(actor="é", action="x", object=f"o{day}", reason="r", before=None, after=None, at=NOW + day * DAY)
    return [json.loads(line) for line in export_part(part_of_period(None, None))]


def written(lines: Lines, directory: Path) -> Path:
    file = directory / "audit.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def alone(file: Path, *head: str) -> tuple[int, str]:
    """Run a copy of the file in an interpreter that has none of our packages, and return its output."""
    copy = file.with_name("chain.py")
    copy.write_text(Path(hash_chain.__file__).read_text())
    done = subprocess.run(
        [sys.executable, "-I", str(copy), str(file), *head],
        capture_output=True, text=True, timeout=30, check=False, cwd=file.parent,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def changed(lines: Lines) -> None:
    lines[3]["content"] = lines[3]["content"].replace("o2", "o9")


def changed_and_hashed_anew(lines: Lines) -> None:
    changed(lines)
    lines[3]["hash"] = hash_chain.link(hash_chain.Row(**lines[3]))


def removed(lines: Lines) -> None:
    del lines[3]


def inserted(lines: Lines) -> None:
    lines.insert(4, dict(lines[3]))


def reordered(lines: Lines) -> None:
    lines[3], lines[4] = lines[4], lines[3]


def truncated(lines: Lines) -> None:
    del lines[5:]


def cut_behind_the_last(lines: Lines) -> None:
    del lines[6]


TAMPERED: list[tuple[Callable[[Lines], None], str]] = [
    (changed, "row 3: changed"),
    (changed_and_hashed_anew, "row 3: changed"),
    (removed, "row 3: removed"),
    (inserted, "row 3: inserted"),
    (reordered, "row 3: reordered"),
    (truncated, "row 5: removed"),
    (cut_behind_the_last, "row 6: removed"),
]


class TestExport:
    def test_holds_as_it_was_written(self, exported: Lines, tmp_path: Path) -> None:
        file = written(exported, tmp_path)

        call_command("verify_audit", file=file, head=exported[-1]["head"])

        assert alone(file, exported[-1]["head"]) == (0, f"{file}: the chain holds\n")

    @pytest.mark.parametrize(("tamper", "message"), TAMPERED, ids=lambda each: getattr(each, "__name__", ""))
    def test_names_the_row_that_was(
        self, exported: Lines, tmp_path: Path, tamper: Callable[[Lines], None], message: str
    ) -> None:
        tamper(exported)
        file = written(exported, tmp_path)

        status, output = alone(file)

        assert (status, message in output) == (1, True), output
        with pytest.raises(CommandError, match=message):
            call_command("verify_audit", file=file)

    def test_of_a_part_is_verified_by_itself(self, exported: Lines, tmp_path: Path) -> None:
        part = [json.loads(line) for line in export_part(part_of_period(NOW + 2 * DAY, NOW + 4 * DAY))]

        assert [line.get("seq") for line in part] == [None, 3, 4, None]
        assert part[0] == {"follows": 2, "hash": exported[2]["hash"]}
        assert alone(written(part, tmp_path))[0] == 0

    def test_of_a_part_does_not_begin_later(self, exported: Lines, tmp_path: Path) -> None:
        part = [json.loads(line) for line in export_part(part_of_period(NOW + 2 * DAY, NOW + 5 * DAY))]
        del part[1]

        assert "row 3: removed" in alone(written(part, tmp_path))[1]

    def test_cut_off_with_its_head_rewritten_needs_a_head_noted_elsewhere(
        self, exported: Lines, tmp_path: Path
    ) -> None:
        head = exported[-1]["head"]
        shorter = [*exported[:-2], {"entries": 5, "head": exported[-3]["hash"]}]
        file = written(shorter, tmp_path)

        assert alone(file)[0] == 0
        assert alone(file, head)[0] == 1

    @pytest.mark.parametrize(
        ("text", "message"),
        [("", "line 1: an export begins"), ("{}\n", "line 1: an export begins"), ("[]\n", "line 1: is no object"),
         ('{"follows": 0, "hash": "x"}\n{"seq": "1"}\n', "row '1': has seq")],
    )  # fmt: skip
    def test_is_distinguished_from_other_files(self, text: str, message: str, tmp_path: Path) -> None:
        file = tmp_path / "other"
        file.write_text(text)

        status, output = alone(file)

        assert (status, message in output) == (2, True), output


@pytest.mark.django_db
class TestVerifyAudit:
    def test_reads_the_chain_of_the_database(self, exported: Lines, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("verify_audit", head=AuditEntry.objects.order_by("seq")[5].hash)

        told = "the chain holds: 6 entries, 0 noted heads, and the rows it tells of\n"
        assert capsys.readouterr().out == told

    def test_misses_a_head_that_is_gone(self, exported: Lines) -> None:
        with pytest.raises(CommandError, match="audit entry 7: removed: the expected head"):
            call_command("verify_audit", head="f" * 64)

    @pytest.mark.parametrize("head", [{}, {"head": "the last"}])
    def test_finds_an_entry_that_was_given_another_time(self, exported: Lines, head: dict[str, str]) -> None:
        noted = {name: AuditEntry.objects.latest("seq").hash for name in head}
        execute("UPDATE telemetry_auditentry SET written_at = '1970-01-01' WHERE seq = 3")

        with pytest.raises(CommandError, match="audit entry 3: changed: its content does not belong to its hash"):
            call_command("verify_audit", **noted)

    def test_raises_an_alarm_and_ends_it(self, exported: Lines) -> None:
        said = {"actor": "a", "action": "mode", "object": "mode pm"}
        write_audit(**said, reason="r", before=None, after={"mode": "on"}, at=NOW)
        with pytest.raises(CommandError, match="mode pm: is not there, and audit entry 7 says that it was set"):
            call_command("verify_audit")
        alarm = alarm_of(VERIFY_AUDIT)

        execute("DELETE FROM telemetry_auditentry WHERE seq >= 7")
        raise_alarm(VERIFY_AUDIT, [Finding("mode pm", "is not there")], at=NOW)
        call_command("verify_audit", full=True)

        assert alarm is not None
        assert alarm_of(VERIFY_AUDIT) is None

    def test_raises_no_alarm_for_a_head_that_somebody_mistyped(self, exported: Lines) -> None:
        with pytest.raises(CommandError):
            call_command("verify_audit", head="f" * 64)

        assert alarm_of(VERIFY_AUDIT) is None

    def test_says_that_somebody_explained_what_it_finds(
        self, exported: Lines, capsys: pytest.CaptureFixture[str]
    ) -> None:
        execute("UPDATE telemetry_auditentry SET written_at = '1970-01-01' WHERE seq = 3")
        with pytest.raises(CommandError):
            call_command("verify_audit")
        alarm = alarm_of(VERIFY_AUDIT)
        assert alarm is not None
        acknowledge_alarm(VERIFY_AUDIT, digest=alarm.digest, by="chief", reason="a drill", at=NOW)

        with pytest.raises(CommandError, match="audit entry 3: changed"):
            call_command("verify_audit")

        assert "this was acknowledged by a person" in capsys.readouterr().err
