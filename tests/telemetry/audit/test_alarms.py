"""Alarms as the trail has them: raised and ended once, acknowledged by somebody who saw them, whatever is forged."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection

from telemetry.audit.alarms import (
    REPLAY,
    VERIFY_AUDIT,
    CheckFailed,
    NothingToAcknowledge,
    acknowledge_alarm,
    alarm_of,
    alarms,
    end_alarm,
    is_acknowledged,
    raise_alarm,
)
from telemetry.audit.audit_log import write_audit
from telemetry.core.audit_facts import Finding
from telemetry.models import AuditEntry
from tests.builders import NOW
from tests.bypass.world import undone

pytestmark = pytest.mark.django_db

FOUND = [Finding("vote 7", "is not there"), Finding("mode pm", "is on")]


def digest(check: str = VERIFY_AUDIT) -> str:
    alarm = alarm_of(check)
    assert alarm is not None
    return alarm.digest


class TestRaising:
    def test_names_the_findings_and_how_many_there_are(self, now: datetime) -> None:
        many = [Finding(f"vote {number}", "is not there") for number in range(25)]

        assert raise_alarm(VERIFY_AUDIT, many, at=now)

        alarm = alarm_of(VERIFY_AUDIT)
        assert alarm is not None
        assert (alarm.count, alarm.more, alarm.findings[0]) == (25, 5, "vote 0: is not there")
        assert AuditEntry.objects.get().actor == "counterweight"

    def test_is_one_alarm_in_whatever_order_the_findings_come(self, now: datetime) -> None:
        assert raise_alarm(VERIFY_AUDIT, FOUND, at=now)
        assert not raise_alarm(VERIFY_AUDIT, FOUND[::-1], at=now)
        assert raise_alarm(VERIFY_AUDIT, FOUND[:1], at=now)

    def test_says_in_an_error_what_was_found(self) -> None:
        failed = CheckFailed(FOUND * 11, introduction="of 40: ")

        assert str(failed).startswith("of 40: vote 7: is not there; mode pm: is on; vote 7")
        assert str(failed).endswith(" and 2 more")


class TestEnding:
    def test_ends_an_alarm_of_its_check_and_no_other(self, now: datetime) -> None:
        raise_alarm(VERIFY_AUDIT, FOUND, at=now)
        raise_alarm(REPLAY, FOUND, at=now)

        assert (end_alarm(REPLAY, at=now), end_alarm(REPLAY, at=now)) == (True, False)

        assert [alarm.check for alarm in alarms()] == [VERIFY_AUDIT]


class TestAcknowledging:
    def test_is_of_what_was_seen(self, now: datetime) -> None:
        raise_alarm(VERIFY_AUDIT, FOUND, at=now)
        seen = digest()
        raise_alarm(VERIFY_AUDIT, FOUND[:1], at=now)

        with pytest.raises(NothingToAcknowledge, match="something else was found since you opened the page"):
            acknowledge_alarm(VERIFY_AUDIT, digest=seen, by="chief", reason="a test", at=now)

    def test_needs_a_reason(self, now: datetime) -> None:
        raise_alarm(VERIFY_AUDIT, FOUND, at=now)

        with pytest.raises(ValueError, match="reason: say how it is explained"):
            acknowledge_alarm(VERIFY_AUDIT, digest=digest(), by="chief", reason=" ", at=now)

    def test_is_done_once(self, now: datetime) -> None:
        raise_alarm(VERIFY_AUDIT, FOUND, at=now)
        acknowledge_alarm(VERIFY_AUDIT, digest=digest(), by="chief", reason="a test", at=now)

        with pytest.raises(NothingToAcknowledge, match="no alarm waits"):
            acknowledge_alarm(VERIFY_AUDIT, digest=digest(), by="chief", reason="a test", at=now)
        assert is_acknowledged(VERIFY_AUDIT, FOUND)

    def test_is_over_when_the_same_is_found_again_after_it_ended(self, now: datetime) -> None:
        raise_alarm(VERIFY_AUDIT, FOUND, at=now)
        acknowledge_alarm(VERIFY_AUDIT, digest=digest(), by="chief", reason="a test", at=now)
        end_alarm(VERIFY_AUDIT, at=now)

        raise_alarm(VERIFY_AUDIT, FOUND, at=now)

        assert not is_acknowledged(VERIFY_AUDIT, FOUND)

    def test_puts_others_first(self, now: datetime) -> None:
        for check in (REPLAY, VERIFY_AUDIT):
            raise_alarm(check, FOUND, at=now)
        acknowledge_alarm(REPLAY, digest=digest(REPLAY), by="chief", reason="a test", at=now)

        assert [alarm.check for alarm in alarms()] == [VERIFY_AUDIT, REPLAY]


class TestForgedEntries:
    @pytest.mark.parametrize("after", [None, 1, [], {}, {"digest": 1, "count": "x", "findings": 2}])
    def test_break_no_page(self, after: object, now: datetime) -> None:
        with undone("role"):
            write_audit(actor="x", action="alarm", object="check replay", reason="r", before=None, after=after, at=NOW)
            write_audit(
                actor="x", action="acknowledge", object="check replay", reason="r", before=None, after=after, at=NOW
            )
            found = alarms()

        assert [alarm.check for alarm in found] == ["replay"]

    def test_of_no_form_break_no_page(self) -> None:
        content = '{"object": "check replay", "action": "alarm"}'
        with undone("role"), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction, format, "
                "epoch) VALUES (0, '', '', %s, now(), 0, 0, 0)",
                [content],
            )
            found = alarms()

        assert [alarm.findings for alarm in found] == [("audit entry 1 raises it, and says nothing about it",)]
