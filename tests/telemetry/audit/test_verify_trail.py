"""The nightly check of the trail: heads noted outside the database reveal what the chain alone cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from telemetry.audit.alarms import VERIFY_AUDIT, acknowledge_alarm, alarm_of
from telemetry.audit.audit_log import chain_rows, verify_audit, write_audit
from telemetry.audit.verify_trail import ChainBroken, verify_nightly, verify_trail
from telemetry.core.hash_chain import GENESIS, Row, linked
from telemetry.foundation.models import JobRun
from telemetry.models import AuditEntry
from tests.builders import DAY, NOW
from tests.bypass.world import undone
from tests.trail import execute, hashed_anew, rewrite, store

pytestmark = pytest.mark.django_db


def write(name: str) -> None:
    write_audit(actor="a", action="x", object=name, reason="", before=None, after=None, at=NOW)


def night(number: int) -> None:
    verify_nightly(now=NOW + number * DAY)


def found_at_night(number: int) -> str:
    """What the check of a night finds, in words; it finds something."""
    with pytest.raises(ChainBroken) as caught:
        night(number)
    return str(caught.value)


def heads() -> list[dict[str, Any]]:
    return [json.loads(line) for line in head_file().read_text().splitlines()]


def head_file() -> Path:
    return Path(settings.AUDIT_HEAD_FILE)


def acknowledge(reason: str = "restored on purpose") -> None:
    alarm = alarm_of(VERIFY_AUDIT)
    assert alarm is not None
    acknowledge_alarm(VERIFY_AUDIT, digest=alarm.digest, by="chief", reason=reason, at=NOW)


@pytest.fixture
def noted() -> None:
    """Ten entries, of which two nights have noted the fifth and the tenth, and what the first night remembers."""
    for name in "abcde":
        write(name)
    night(0)
    for name in "fghi":
        write(name)
    night(1)


class TestTheFirstNight:
    def test_notes_a_head_and_says_so_in_the_trail(self) -> None:
        write("a")

        night(0)

        row = AuditEntry.objects.get(seq=1)
        assert heads() == [{"seq": 1, "hash": row.hash, "at": "2026-03-02T12:00:00Z", "verified": True}]
        began = AuditEntry.objects.get(seq=2)
        assert (began.action, began.object) == ("begin to note", "heads of the trail")
        assert JobRun.objects.get(job="verify audit").rows == 1
        assert head_file().stat().st_mode & 0o077 == 0

    def test_says_where_no_head_can_be_noted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write("a")
        monkeypatch.setattr(settings, "AUDIT_HEAD_FILE", Path("/proc/nowhere/heads"))

        assert "no head can be noted in it (" in found_at_night(0)

    def test_of_an_empty_trail_notes_nothing(self) -> None:
        night(0)

        assert (head_file().exists(), AuditEntry.objects.count()) == (False, 0)


@pytest.mark.usefixtures("noted")
class TestLaterNights:
    def test_append_a_line_each(self) -> None:
        night(2)

        assert [each["seq"] for each in heads()] == [5, 10, 10]
        assert AuditEntry.objects.count() == 10

    def test_find_a_tail_that_was_cut_off(self) -> None:
        execute("DELETE FROM telemetry_auditentry WHERE seq > 8")

        assert verify_audit() == []
        assert "audit entry 10: was the last one on 2026-03-03T12:00:00Z, with the hash" in found_at_night(2)

    def test_find_an_older_backup_that_was_restored(self) -> None:
        with transaction.atomic():
            write("later")
            night(2)
            transaction.set_rollback(True)  # the database is what it was, the file is not

        assert verify_audit() == []
        assert "and is gone; the trail ends at 10: its end was cut off, or an older backup was restored" in (
            found_at_night(2)
        )

    def test_find_an_older_backup_that_was_written_on(self) -> None:
        with transaction.atomic():
            write("later")
            night(2)
            transaction.set_rollback(True)
        write("another")

        assert "audit entry 11: was the last one on 2026-03-04T12:00:00Z" in found_at_night(2)

    def test_find_a_trail_written_anew_with_right_hashes(self) -> None:
        rewrite(lambda content: content.update(reason="another"), seq=3)

        assert verify_audit() == []
        assert "the trail was written anew from there or from an earlier entry on" in found_at_night(2)

    def test_find_it_by_a_head_that_is_not_the_last_one(self) -> None:
        """Who waited a night between the two would pass a check of the last head alone."""
        rewrite(lambda content: content.update(reason="another"), seq=3)
        found_at_night(2)
        night_later = found_at_night(3)

        assert [each["verified"] for each in heads()] == [True, True, False, False]
        assert "audit entry 5: was the last one on 2026-03-02" in night_later
        assert "so are 1 other noted heads" in night_later

    def test_do_not_find_what_came_after_the_last_head(self) -> None:
        """What no head was noted of may be cut off unnoticed: a day at most."""
        write("today")
        execute("DELETE FROM telemetry_auditentry WHERE seq = 11")

        night(2)

    def test_miss_a_file_that_disappears(self) -> None:
        head_file().unlink()

        assert "is not there any more, though heads are noted since entry 6" in found_at_night(2)
        assert not head_file().exists()

    def test_miss_what_a_file_held(self) -> None:
        head_file().write_text("")

        assert "holds no head any more, though heads are noted since entry 6" in found_at_night(2)

    def test_begin_another_file_once_somebody_has_explained_it(self) -> None:
        head_file().unlink()
        found_at_night(2)
        acknowledge("the disk broke")

        night(3)
        night(4)

        assert [each["verified"] for each in heads()] == [True, True]
        assert alarm_of(VERIFY_AUDIT) is None

    @pytest.mark.parametrize("line", ["{", "[]", '{"seq": "5", "hash": "", "at": "", "verified": true}', "{}"])
    def test_find_a_line_that_was_changed(self, line: str) -> None:
        head_file().write_text(f"{head_file().read_text()}{line}")

        assert "line 3 holds no head: it was changed, or torn" in found_at_night(2)
        assert head_file().read_text().splitlines()[2] == line
        assert heads_after_the_torn_line() == [10]

    def test_find_a_head_that_was_changed(self) -> None:
        head_file().write_text(head_file().read_text().replace('"seq": 5', '"seq": 4'))

        assert "audit entry 4: was the last one on 2026-03-02T12:00:00Z" in found_at_night(2)

    def test_find_a_file_that_cannot_be_read(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setattr(settings, "AUDIT_HEAD_FILE", tmp_path / "file" / "heads")

        assert "cannot be read (" in found_at_night(2)


def heads_after_the_torn_line() -> list[int]:
    return [json.loads(line)["seq"] for line in head_file().read_text().splitlines()[3:]]


def redated(at: str, seq: int) -> Callable[[], None]:
    return lambda: execute("UPDATE telemetry_auditentry SET written_at = %s WHERE seq = %s", at, seq)


class TestRedating:
    """Finding: an entry that was given another time passed both with and without a head."""

    @pytest.mark.parametrize("is_headed", [False, True])
    def test_by_the_owner_is_found_with_and_without_a_head(self, is_headed: bool) -> None:
        for name in "abc":
            write(name)
        head = AuditEntry.objects.get(seq=3).hash if is_headed else None
        execute("UPDATE telemetry_auditentry SET written_at = '1970-01-01' WHERE seq = 2")

        assert [(each.seq, each.message) for each in verify_audit(expected_head=head)] == [
            (2, "changed: its content does not belong to its hash")
        ]

    @pytest.mark.parametrize("column", ["written_at = '1970-01-01'", "transaction = 7", "epoch = 7", "format = 1"])
    def test_as_of_all_that_an_entry_says_is_found(self, column: str) -> None:
        for name in "abc":
            write(name)
        execute(f"UPDATE telemetry_auditentry SET {column} WHERE seq = 2")

        assert [each.seq for each in verify_audit()][:1] == [2]

    def test_of_an_entry_of_format_1_is_found_by_what_its_content_says(self) -> None:
        write("a")
        write("b")
        store(hashed_anew(replace(row, format=1) for row in chain_rows()))
        execute("UPDATE telemetry_auditentry SET written_at = '1970-01-01' WHERE seq = 2")

        assert verify_audit() == []
        assert [str(each) for each in verify_trail().findings] == [
            "audit entry 2: is stored as written at 1970-01-01T00:00:00.000000Z, and says 2026-03-02T12:00:00Z"
        ]

    def test_is_refused_to_the_role_of_the_processes(self) -> None:
        write("a")
        execute("DELETE FROM simulated_time")

        with pytest.raises(IntegrityError, match="which is not the time of the database"), undone("role"):
            write("1970")

    def test_of_a_row_back_to_format_1_is_found_though_its_hash_is_right(self) -> None:
        """A format that covers less must not come after one that covers more."""
        for name in "abc":
            write(name)
        rows = list(chain_rows())
        store([rows[0], *forged_in_format_1(rows[1:], rows[0].hash)])

        assert [each.seq for each in verify_audit() if "it is of format 1, after rows of format 2" in each.message] == [
            2, 3,
        ]  # fmt: skip


def forged_in_format_1(rows: list[Row], previous: str = GENESIS) -> list[Row]:
    forged = []
    for row in rows:
        forged.append(linked(replace(row, format=1, previous_hash=previous)))
        previous = forged[-1].hash
    return forged


@pytest.mark.usefixtures("noted")
class TestAlarms:
    def cut(self) -> None:
        execute("DELETE FROM telemetry_auditentry WHERE seq > 8")

    def alarms(self) -> int:
        return AuditEntry.objects.filter(object="check verify audit", action="alarm").count()

    def test_stand_once_for_what_stays_the_same(self) -> None:
        self.cut()
        found_at_night(2)
        found_at_night(3)

        alarm = alarm_of(VERIFY_AUDIT)
        assert (self.alarms(), alarm and alarm.count, alarm and alarm.is_acknowledged) == (1, 1, False)

    def test_fail_no_run_once_they_are_acknowledged(self) -> None:
        self.cut()
        found_at_night(2)
        acknowledge()

        night(3)

        alarm = alarm_of(VERIFY_AUDIT)
        assert alarm is not None
        assert (alarm.acknowledged_by, alarm.acknowledged_for) == ("chief", "restored on purpose")
        assert JobRun.objects.filter(job="verify audit").latest("period").status == "done"

    def test_are_raised_anew_by_anything_else(self) -> None:
        self.cut()
        found_at_night(2)
        acknowledge()
        execute("UPDATE telemetry_auditentry SET content = replace(content, '\"a\"', '\"b\"') WHERE seq = 2")

        found_at_night(3)

        alarm = alarm_of(VERIFY_AUDIT)
        assert (self.alarms(), alarm and alarm.is_acknowledged) == (2, False)

    def test_end_when_the_trail_verifies_again(self) -> None:
        rows = list(chain_rows())
        self.cut()
        found_at_night(2)
        store(rows)  # the right backup

        night(3)

        assert alarm_of(VERIFY_AUDIT) is None

    def test_outlast_the_records_of_runs_which_the_processes_may_delete(self) -> None:
        self.cut()
        found_at_night(2)

        with undone("role"), connection.cursor() as cursor:
            cursor.execute("DELETE FROM telemetry_jobrun")
            alarm = alarm_of(VERIFY_AUDIT)

        assert alarm is not None
