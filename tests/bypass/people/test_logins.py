"""A login costs no entry, and a stronger hash of a password needs one."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import connection

from telemetry.audit.audit_log import write_audit
from tests.builders import NOW
from tests.bypass.people.changes import (
    Change,
    refusal,
    run,
    write_entries,
)
from tests.people import settled

pytestmark = pytest.mark.django_db


class TestLogins:
    def test_cost_no_entry_and_no_trigger(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE) UPDATE auth_user SET last_login = now() WHERE username = 'ada'")
            plan = "\n".join(line for (line,) in cursor.fetchall())

        assert "Trigger" not in plan
        assert refusal(partial(run, "UPDATE auth_user SET last_login = now()")) == ""

    def test_upgrade_a_hash_with_an_entry_and_no_notice(self) -> None:
        change = Change("", {"person bob": (None, {"password": "set"})})

        def by_bob() -> None:
            write_audit(
                actor="bob", action="upgrade hash", object="person bob", reason="", before=None,
                after={"password": "set"}, at=NOW,
            )  # fmt: skip
            run("UPDATE auth_user SET password = 'stronger' WHERE username = 'bob'")

        assert refusal(by_bob) == ""
        assert "has no notice" in refusal(partial(write_entries, change, is_noticed=False), by_bob)

    @pytest.mark.parametrize(
        ("object", "after", "transaction"),
        [
            ("person ada", {"password": "set"}, "transaction"),
            ("person bob", {"email": ""}, "transaction"),
            ("person bob", {"password": "set"}, "0"),
        ],
    )
    def test_upgrade_a_hash_without_a_notice_beside_entries_of_others(
        self, object: str, after: dict[str, str], transaction: str
    ) -> None:
        def by_bob() -> None:
            write_audit(actor="mallory", action="change", object=object, reason="", before=None, after=after, at=NOW)
            with settled():
                run(f"UPDATE telemetry_auditentry SET transaction = {transaction}")
            write_audit(
                actor="bob", action="upgrade hash", object="person bob", reason="", before=None,
                after={"password": "set"}, at=NOW,
            )  # fmt: skip
            run("UPDATE auth_user SET password = 'stronger' WHERE username = 'bob'")

        assert refusal(by_bob, role="owner") == ""
