"""The evidence pack of a period: its content, the hash of each file, and verification with the pack alone."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from overrides.models import ChangeRequest, Mandate
from overrides.requests.emergency import pin_line, quarantine_builder
from overrides.requests.mandate_terms import renew_mandate
from overrides.requests.review import comment
from telemetry.audit.audit_log import chain_rows, write_audit
from telemetry.decisions.decision_log import record_decisions
from tests.admin_pages import browser_of, page
from tests.builders import DAY, NOW, approve_and_apply, draft, make_decision, make_spec, publish, set_mode
from tests.conftest import make_user
from tests.shared_world import Shared
from tests.trail import execute, hashed_anew, store

pytestmark = pytest.mark.django_db

DIP = {"macro_phase": "Dip"}
LATER = NOW + 10 * DAY
HOUR = timedelta(hours=1)
LONG_AGO, FAR_AHEAD = datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
HELD = (
    "requests", "lines", "votes", "comments", "versions", "modes", "policies", "parameters", "mandates", "renewals",
    "holds", "quarantines", "decisions", "known",
)  # fmt: skip


def furnish() -> None:
    """Make one object of each kind at NOW, and one more version ten days later."""
    renewer = make_user("renewer", "overrides.review_changerequest")
    write_audit(actor="a", action="x", object="o", reason="before", before=None, after=None, at=NOW - DAY)
    approve_and_apply(draft(kind="policy", content={"mandate_days": 10}, title="=1+1", at=NOW), at=NOW)
    publish(make_spec(), at=NOW)
    renew_mandate(mandate_id=Mandate.objects.get().pk, by=renewer, reason="it holds", at=NOW)
    set_mode("on", at=NOW)
    boss = User.objects.get(username="somebody")
    comment(request_id=ChangeRequest.objects.earliest("pk").pk, by=renewer, text="so", at=NOW)
    pin_line(line_id=make_spec().line, by=boss, reason="until May", at=NOW)
    quarantine_builder(module="pm", by=boss, reason="looks wrong", at=NOW)
    record_decisions([make_decision(), make_decision()])
    publish(make_spec({"size_mult": 1.2}, scope=DIP), at=LATER)


@pytest.fixture(scope="class")
def two_periods(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


def packed(directory: Path, *, since: Any = NOW - 3 * DAY, until: Any = NOW + DAY, module: str | None = None) -> Path:
    output = directory / "pack"
    call_command("evidence_pack", since=since, until=until, module=module, output=output, stderr=io.StringIO())
    return output


def rows(pack: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (pack / f"{name}.jsonl").read_text().splitlines()]


def manifest(pack: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((pack / "manifest.json").read_text())
    return document


@pytest.mark.usefixtures("two_periods")
class TestPack:
    @pytest.mark.parametrize("name", HELD)
    def test_holds_as_csv_what_it_holds_as_json(self, tmp_path: Path, name: str) -> None:
        pack = packed(tmp_path)

        with (pack / f"{name}.csv").open(newline="") as stream:
            table = list(csv.DictReader(stream))
        found = rows(pack, name)
        assert len(found) == len(table) >= 1
        assert [list(row) for row in found] == [list(row) for row in table]

    def test_leaves_out_what_belongs_to_another_period(self, tmp_path: Path) -> None:
        pack = packed(tmp_path)

        assert [row["number"] for row in rows(pack, "versions")] == [1]
        assert {row["closed_at"] for row in rows(pack, "requests")} == {"2026-03-02T12:00:00Z"}
        assert [(row["version"], row["decisions"]) for row in rows(pack, "decisions")] == [(1, 2)]

    def test_keeps_what_still_stands_in_it(self, tmp_path: Path) -> None:
        pack = packed(tmp_path, since=LATER, until=LATER + DAY)

        assert (len(rows(pack, "mandates")), len(rows(pack, "holds")), len(rows(pack, "requests"))) == (2, 1, 1)

    def test_names_the_sha256_of_every_other_file(self, tmp_path: Path) -> None:
        pack = packed(tmp_path)

        files = {name: each["sha256"] for name, each in manifest(pack)["files"].items()}
        assert files == {
            path.name: sha256(path.read_bytes()).hexdigest() for path in pack.iterdir() if path.name != "manifest.json"
        }

    def test_is_verified_with_what_lies_in_it(self, tmp_path: Path) -> None:
        pack = packed(tmp_path, since=NOW, until=NOW + DAY)
        audit = manifest(pack)["audit"]

        done = subprocess.run(
            [sys.executable, "-I", "chain.py", "audit.jsonl", audit["head"]],
            cwd=pack, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

        assert (done.returncode, done.stdout) == (0, "audit.jsonl: the chain holds\n")
        assert (audit["follows"], audit["entries"]) == (1, len(rows(pack, "audit")) - 2)

    def test_runs_no_formula(self, tmp_path: Path) -> None:
        pack = packed(tmp_path)

        assert ",'=1+1," in (pack / "requests.csv").read_text()
        assert "=1+1" in [row["title"] for row in rows(pack, "requests")]

    def test_of_a_module_keeps_the_trail_whole(self, tmp_path: Path) -> None:
        whole = packed(tmp_path)
        (tmp_path / "dm").mkdir()
        pack = packed(tmp_path / "dm", module="dm")

        assert rows(pack, "requests") == rows(pack, "holds") == rows(pack, "decisions") == []
        assert (pack / "audit.jsonl").read_text() == (whole / "audit.jsonl").read_text()

    def test_of_nothing_is_a_pack_too(self, tmp_path: Path) -> None:
        pack = packed(tmp_path, since=LATER + DAY, until=LATER + 2 * DAY)

        assert (rows(pack, "requests"), manifest(pack)["audit"]["entries"]) == ([], 0)


def entry(object: str, at: datetime) -> int:
    return write_audit(actor="a", action="x", object=object, reason="", before=None, after=None, at=at)


class TestTheTrailOfAPeriod:
    """Entries belong to a period by their sequence: the time that one names leaves none out."""

    def packed(self, directory: Path) -> tuple[list[int], dict[str, Any]]:
        pack = packed(directory, since=NOW, until=NOW + DAY)
        numbers = [row["seq"] for row in rows(pack, "audit") if "seq" in row]
        with (pack / "audit.csv").open(newline="") as stream:
            assert [int(row["seq"]) for row in csv.DictReader(stream)] == numbers
        return numbers, manifest(pack)["audit"]

    @pytest.mark.parametrize("others", [(), (NOW + 2 * DAY, NOW + 3 * DAY)])
    def test_holds_an_entry_dated_long_before(self, tmp_path: Path, others: tuple[datetime, ...]) -> None:
        for at in (NOW - DAY, NOW, NOW + HOUR, LONG_AGO, *others):
            entry("o", at)

        numbers, audit = self.packed(tmp_path)

        assert numbers == [2, 3, 4]
        assert audit["dated_elsewhere"] == {"entries": 1, "first": [4]}
        assert "by sequence, the order in which the database committed" in audit["range"]

    @pytest.mark.parametrize("forged", [LONG_AGO, FAR_AHEAD])
    def test_holds_one_that_is_the_first_of_it(self, tmp_path: Path, forged: datetime) -> None:
        """Between yesterday's last entry and today's first, it may be either's: both packs have it."""
        for at in (NOW - DAY, forged, NOW + HOUR, NOW + 2 * DAY):
            entry("o", at)

        assert self.packed(tmp_path)[0] == [2, 3]

    @pytest.mark.parametrize("forged", [LONG_AGO, FAR_AHEAD])
    def test_holds_one_that_is_the_last_of_it(self, tmp_path: Path, forged: datetime) -> None:
        for at in (NOW - DAY, NOW, forged, NOW + 2 * DAY):
            entry("o", at)

        assert self.packed(tmp_path)[0] == [2, 3]

    def test_holds_one_dated_ahead_that_nothing_follows(self, tmp_path: Path) -> None:
        for at in (NOW - DAY, NOW, FAR_AHEAD):
            entry("o", at)
        execute("DELETE FROM simulated_time")  # so that a time in the future is nobody's

        assert self.packed(tmp_path)[0] == [2, 3]

    def test_is_none_between_two_entries(self, tmp_path: Path) -> None:
        for at in (NOW - DAY, NOW + 2 * DAY):
            entry("o", at)

        numbers, audit = self.packed(tmp_path)

        assert (numbers, audit["follows"], audit["entries"]) == ([], 1, 0)

    def test_is_verified_by_the_copy_in_the_pack_in_both_formats(self, tmp_path: Path) -> None:
        for at in (NOW - DAY, NOW, NOW + HOUR):
            entry("old", at)
        store(hashed_anew(replace(row, format=1) for row in chain_rows()))
        entry("new", NOW + HOUR)
        pack = packed(tmp_path, since=NOW, until=NOW + DAY)
        head = manifest(pack)["audit"]["head"]

        assert ["format" in row for row in rows(pack, "audit")[1:-1]] == [False, False, True]
        assert offline(pack, head) == (0, "audit.jsonl: the chain holds\n")

    @pytest.mark.parametrize("field", ["written_at", "transaction", "epoch", "format", "content"])
    def test_is_not_verified_with_another_value_of_anything_that_an_entry_says(
        self, tmp_path: Path, field: str
    ) -> None:
        for at in (NOW, NOW + HOUR):
            entry("o", at)
        pack = packed(tmp_path, since=NOW, until=NOW + DAY)
        lines = rows(pack, "audit")
        lines[1][field] = lines[1][field] + (1 if isinstance(lines[1][field], int) else " ")
        (pack / "audit.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

        code, told = offline(pack)

        assert (code, "row 1: changed" in told) == (1, True), told

    def test_needs_the_heads_that_were_noted_elsewhere(self, tmp_path: Path) -> None:
        entry("o", NOW)
        pack = packed(tmp_path, since=NOW, until=NOW + DAY)

        code, told = offline(pack, "f" * 64)

        assert (code, "the expected head does not follow row 1" in told) == (1, True)


def offline(pack: Path, *head: str) -> tuple[int, str]:
    """What the copy of the verifier in the pack says, with nothing but Python."""
    done = subprocess.run(
        [sys.executable, "-I", "chain.py", "audit.jsonl", *head],
        cwd=pack, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


class TestCommand:
    def test_writes_a_zip_by_its_name(self, tmp_path: Path) -> None:
        output = tmp_path / "pack.zip"

        call_command("evidence_pack", since=NOW, until=LATER, output=output, stderr=io.StringIO())

        with zipfile.ZipFile(output) as pack:
            assert pack.testzip() is None
            assert "manifest.json" in pack.namelist()
        assert list(tmp_path.iterdir()) == [output]

    def test_overwrites_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match=r"--output .*: is there already"):
            call_command("evidence_pack", since=NOW, until=LATER, output=tmp_path)

    def test_wants_a_period(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="--until: lies not after --since"):
            call_command("evidence_pack", since=NOW, until=NOW, output=tmp_path / "x")


@pytest.mark.usefixtures("two_periods")
class TestPage:
    def test_gives_a_reviewer_the_zip(self, reviewer: User) -> None:
        browser = browser_of(reviewer)
        assert "/admin/evidence/" in page(browser, "/admin/telemetry/auditentry/")
        assert "Download the pack" in page(browser, "/admin/evidence/")

        answer = browser.post("/admin/evidence/", {"first": "2026-03-02", "last": "2026-03-02", "module": ""})

        content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]  # a FileResponse
        with zipfile.ZipFile(io.BytesIO(content)) as pack:
            assert len(json.loads(pack.read("manifest.json"))["files"]) == 2 * len(HELD) + 3
        assert "evidence-2026-03-02-2026-03-02.zip" in answer["Content-Disposition"]

    def test_names_the_field_of_a_period_that_is_none(self, reviewer: User) -> None:
        answer = browser_of(reviewer).post("/admin/evidence/", {"first": "2026-03-02", "last": "2026-03-01"})

        assert "lies before the first day; swap the two" in answer.content.decode()

    def test_is_for_reviewers(self, author: User) -> None:
        browser = browser_of(author)

        assert browser.get("/admin/evidence/").status_code == 403
        assert "/admin/evidence/" not in page(browser, "/admin/telemetry/auditentry/")
