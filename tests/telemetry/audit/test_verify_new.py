"""The nightly check of a long trail goes on from the last verified head; what it leaves out is found within a week."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from overrides.models import ModuleMode
from telemetry.audit import verify_trail
from telemetry.audit.alarms import VERIFY_AUDIT, acknowledge_alarm, alarm_of
from telemetry.audit.audit_log import write_audit
from telemetry.audit.verify_trail import ChainBroken, verify_nightly
from telemetry.foundation.models import JobRun
from telemetry.models import AuditEntry
from tests.builders import DAY, NOW, set_mode
from tests.trail import execute, rewrite

pytestmark = pytest.mark.django_db


def write(name: str) -> None:
    write_audit(actor="a", action="x", object=name, reason="", before=None, after=None, at=NOW)


def night(number: int) -> JobRun:
    verify_nightly(now=NOW + number * DAY)
    return JobRun.objects.filter(job="verify audit").order_by("period").last()  # type: ignore[return-value]  # there is


def nights_until_found(first: int) -> int:
    """Return the number of the night that finds something."""
    for number in range(first, first + 8):
        try:
            night(number)
        except ChainBroken:
            return number
    raise AssertionError("eight nights found nothing")


def heads() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(settings.AUDIT_HEAD_FILE).read_text().splitlines()]


@pytest.fixture(autouse=True)
def long_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every trail as a long one; the first night verifies all of it."""
    monkeypatch.setattr(verify_trail, "WHOLE_UP_TO", 0)
    for name in "abcdef":
        write(name)
    set_mode("on")
    night(0)
    for name in "ghi":
        write(name)


def test_goes_on_from_the_last_verified_head_and_says_what_it_left_out() -> None:
    last = heads()[-1]["seq"]
    run = night(1)

    newest = AuditEntry.objects.latest("seq").seq
    assert run.rows == newest - last + 1
    assert run.detail == {
        "entries read": f"{last} to {newest}",
        "heads compared": 1,
        "rows compared": "at 2026-03-02T12:00:00Z, with the whole chain",
    }
    assert [each.get("whole", True) for each in heads()] == [True, False]


def test_the_seventh_night_verifies_all_again() -> None:
    read = [night(number).detail["rows compared"] for number in range(1, 15)]

    assert [number for number, rows in enumerate(read, start=1) if rows == "all"] == [7, 14]


def test_a_short_trail_is_verified_whole_each_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_trail, "WHOLE_UP_TO", 100)

    assert night(1).detail["rows compared"] == "all"


class TestAttacks:
    def test_an_old_entry_changed_is_found_within_a_week(self) -> None:
        execute("UPDATE telemetry_auditentry SET content = replace(content, '\"a\"', '\"b\"') WHERE seq = 2")

        assert nights_until_found(1) == 7

    def test_an_old_entry_changed_with_all_hashes_after_it_is_found_the_same_night(self) -> None:
        rewrite(lambda content: content.update(reason="another"), seq=2)

        assert nights_until_found(1) == 1

    def test_the_tail_cut_off_is_found_the_same_night(self) -> None:
        night(1)
        execute("DELETE FROM telemetry_auditentry WHERE seq >= %s", heads()[-1]["seq"])

        assert nights_until_found(2) == 2

    def test_an_old_entry_removed_is_found_within_a_week(self) -> None:
        execute("DELETE FROM telemetry_auditentry WHERE seq = 2")

        assert nights_until_found(1) == 7

    def test_a_new_entry_changed_is_found_the_same_night(self) -> None:
        newest = AuditEntry.objects.latest("seq").seq
        execute("UPDATE telemetry_auditentry SET content = replace(content, '\"a\"', '\"b\"') WHERE seq = %s", newest)

        assert nights_until_found(1) == 1

    def test_the_verified_head_itself_changed_is_found_the_same_night(self) -> None:
        execute("UPDATE telemetry_auditentry SET content = content || ' ' WHERE seq = %s", heads()[-1]["seq"])

        assert nights_until_found(1) == 1

    def test_a_new_entry_of_format_1_after_format_2_is_found_the_same_night(self) -> None:
        newest = AuditEntry.objects.latest("seq").seq
        execute("UPDATE telemetry_auditentry SET format = 1 WHERE seq = %s", newest)

        assert nights_until_found(1) == 1

    def test_a_row_changed_beside_its_old_entry_is_found_within_a_week(self) -> None:
        execute("UPDATE overrides_modulemode SET reason = 'another'")
        assert ModuleMode.objects.filter(reason="another").exists()

        assert nights_until_found(1) == 7

    def test_a_time_of_the_last_whole_check_in_the_future_gains_nothing(self) -> None:
        file = Path(settings.AUDIT_HEAD_FILE)
        (line,) = heads()
        file.write_text(json.dumps(line | {"at": "2099-01-01T00:00:00Z"}) + "\n")

        assert night(1).detail["rows compared"] == "all"


def test_an_alarm_is_ended_by_a_whole_check_alone() -> None:
    execute("UPDATE overrides_modulemode SET reason = 'another'")
    found = nights_until_found(1)
    alarm = alarm_of(VERIFY_AUDIT)
    assert alarm is not None
    acknowledge_alarm(VERIFY_AUDIT, digest=alarm.digest, by="chief", reason="known", at=NOW)

    verify_nightly(now=NOW + (found + 1) * DAY)

    assert alarm_of(VERIFY_AUDIT) is not None
