"""Notices are written with their entry, and acknowledged by the person who read them."""

from __future__ import annotations

from functools import partial

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from config.access.people_audit import people_audited
from telemetry.audit.audit_log import write_audit
from telemetry.audit.notices import acknowledge, write_notice
from telemetry.models import Notice
from tests.builders import NOW
from tests.bypass.people.changes import (
    BOB,
    CHANGES,
    refusal,
    run,
    write_entries,
)
from tests.people import as_committed, settled

pytestmark = pytest.mark.django_db


class TestNotices:
    @pytest.fixture
    def notice(self) -> Notice:
        with people_audited(actor="root", at=NOW):
            User.objects.get(username="ada").groups.add(Group.objects.get(name="reviewer"))
        as_committed()
        return Notice.objects.get()

    def test_are_not_written_later(self, notice: Notice) -> None:
        with settled(), connection.cursor() as cursor:
            cursor.execute("UPDATE telemetry_auditentry SET transaction = 0")

        late = partial(write_notice, notice.entry_id, audience="nobody.reads", using="default")
        another = partial(write_entries, CHANGES["add a group"], is_noticed=False)
        for acts in ([late], [another, late]):
            assert "is written in the transaction of its audit entry" in refusal(*acts)

    @pytest.mark.parametrize("actor", [None, "ada"])
    def test_are_not_acknowledged_for_another(self, notice: Notice, actor: str | None) -> None:
        def forge() -> None:
            if actor is not None:
                write_audit(
                    actor=actor, action="acknowledge", object=f"notice {notice.pk}", reason="", before=None,
                    after=None, at=NOW,
                )  # fmt: skip
            run(
                "INSERT INTO telemetry_acknowledgement (notice_id, person_id, acknowledged_at) "
                f"VALUES ({notice.pk}, {BOB}, now())"
            )

        assert "acknowledged for bob without an audit entry by bob" in refusal(forge)

    @pytest.mark.parametrize(
        ("changed", "transaction"),
        [({"object": "notice 0"}, "transaction"), ({"action": "look"}, "transaction"), ({}, "0")],
    )
    def test_are_not_acknowledged_by_an_entry_about_something_else_or_of_old(
        self, notice: Notice, changed: dict[str, str], transaction: str
    ) -> None:
        def forge() -> None:
            fields = {"actor": "bob", "action": "acknowledge", "object": f"notice {notice.pk}"} | changed
            write_audit(**fields, reason="", before=None, after=None, at=NOW)
            with settled():
                run(f"UPDATE telemetry_auditentry SET transaction = {transaction}")
            run(
                "INSERT INTO telemetry_acknowledgement (notice_id, person_id, acknowledged_at) "
                f"VALUES ({notice.pk}, {BOB}, now())"
            )

        assert "acknowledged for bob without an audit entry by bob" in refusal(forge, role="owner")

    def test_are_acknowledged_by_the_verb(self, notice: Notice) -> None:
        bob = User.objects.get(username="bob")

        assert refusal(partial(acknowledge, [notice.pk], by=bob, at=NOW)) == ""
