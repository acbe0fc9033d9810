"""The audit log: the database links its entries, the core verifies them, and nobody can change them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from django.db import IntegrityError, connection, transaction

from telemetry.audit.audit_log import chain_rows, verify_audit, write_audit
from telemetry.core.hash_chain import GENESIS, Row, link, verify
from telemetry.models import AuditEntry
from tests.builders import NOW, run_concurrently


def write(object: str = "version pm/1", at: datetime = NOW) -> int:
    return write_audit(
        actor="Zoë", action="publish", object=object, reason="“because” | \\", before=None, after={"n": 1.0}, at=at
    )


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
class TestWriteAudit:
    def test_links_each_entry_to_the_one_before_as_the_core_does(self) -> None:
        numbers = [write("a"), write("b"), write("c")]

        rows = list(chain_rows())
        assert [row.seq for row in rows] == numbers == [1, 2, 3]
        assert [row.previous_hash for row in rows] == [GENESIS, rows[0].hash, rows[1].hash]
        assert [row.hash for row in rows] == [link(row) for row in rows]
        assert verify_audit(expected_head=rows[-1].hash) == []

    def test_hashes_an_entry_as_in_earlier_releases(self) -> None:
        write_audit(
            actor="Zoë",
            action="publish",
            object="version pm/1",
            reason="größer 𝄞 €",
            before=None,
            after={"size_mult": 1e-7, "n": 1e16, "least": 5e-324, "zero": -0.0, "nested": {"b": 1, "a": [True, "é"]}},
            at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        )

        (row,) = chain_rows()
        assert row.content == (
            '{"action":"publish","actor":"Zoë","after":{"least":5e-324,"n":1e+16,"nested":{"a":[true,"é"],"b":1},'
            '"size_mult":1e-07,"zero":-0.0},"at":"2026-03-01T12:00:00Z","before":null,"object":"version pm/1",'
            '"reason":"größer 𝄞 €","request_id":""}'
        )
        assert link(replace(row, format=1)) == "08ce807b8b084c6c17ec85a1403872ac9e6e2077132142305157123b7e6ca10c"
        signed = f"2|1|{GENESIS}|2026-03-01T12:00:00.000000Z|{row.transaction}|{row.epoch}|{row.content}"
        assert row.hash == sha256(signed.encode()).hexdigest()

    def test_records_who_did_what_to_what_in_which_transaction(self, now: datetime) -> None:
        write("mode pm")

        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action, entry.object, entry.written_at) == ("Zoë", "publish", "mode pm", now)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            assert entry.transaction == cursor.fetchone()[0]

    def test_numbers_and_hashes_whatever_the_writer_says(self) -> None:
        execute(
            "INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction) "
            "VALUES (99, 'forged', 'forged', '{}', now(), 7)"
        )

        assert AuditEntry.objects.get().seq == 1
        assert verify_audit() == []

    def test_leaves_no_gap_where_a_transaction_was_rolled_back(self) -> None:
        write("a")
        with transaction.atomic():
            write("never")
            transaction.set_rollback(True)

        assert write("b") == 2
        assert verify_audit() == []


@pytest.mark.django_db
class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE telemetry_auditentry SET content = '{}'",
            "UPDATE telemetry_auditentry SET written_at = now() WHERE seq = 1",
            "DELETE FROM telemetry_auditentry",
        ],
    )
    def test_refuses_to_change_an_entry_even_to_the_owner(self, statement: str) -> None:
        write()

        with pytest.raises(IntegrityError, match="telemetry_auditentry is append-only"), transaction.atomic():
            execute(statement)

        assert verify_audit() == []

    def test_refuses_to_be_emptied(self) -> None:
        """The set-up disables this trigger so that transactional tests can clean up; here it is as deployed."""
        write()
        execute("ALTER TABLE telemetry_auditentry ENABLE TRIGGER audit_is_not_truncated")

        with pytest.raises(IntegrityError, match="append-only: TRUNCATE refused"), transaction.atomic():
            execute("TRUNCATE telemetry_auditentry")

        assert AuditEntry.objects.count() == 1


@pytest.mark.django_db
class TestTampering:
    """An owner can disable triggers; the chain then shows what was changed."""

    @pytest.fixture(autouse=True)
    def unguarded(self) -> None:
        for name in "abcd":
            write(name)
        execute("ALTER TABLE telemetry_auditentry DISABLE TRIGGER audit_is_append_only")

    def test_with_a_reason_is_named(self) -> None:
        execute("UPDATE telemetry_auditentry SET content = replace(content, 'because', 'no') WHERE seq = 2")

        assert [(each.seq, each.message.split(":")[0]) for each in verify_audit()] == [(2, "changed")]

    def test_by_removing_a_row_is_named(self) -> None:
        execute("DELETE FROM telemetry_auditentry WHERE seq = 3")

        assert [(each.seq, each.message.split(":")[0]) for each in verify_audit()] == [(3, "removed")]

    def test_by_cutting_the_tail_shows_against_a_head_kept_elsewhere(self) -> None:
        head = AuditEntry.objects.get(seq=4).hash
        execute("DELETE FROM telemetry_auditentry WHERE seq = 4")

        assert verify_audit() == []
        assert [each.seq for each in verify_audit(expected_head=head)] == [4]

    def test_with_an_exported_copy_is_named(self) -> None:
        rows = list(chain_rows())
        copy = [replace(row, content=row.content.replace("Zoë", "Eve")) if row.seq == 3 else row for row in rows]

        assert [(each.seq, each.message.split(":")[0]) for each in verify(copy)] == [(3, "changed")]


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_do_not_fork_the_chain() -> None:
    run_concurrently(*[lambda name=name: [write(f"{name}{i}") for i in range(10)] for name in "abcd"])

    rows: list[Row] = list(chain_rows())
    assert [row.seq for row in rows] == list(range(1, 41))
    assert len({row.previous_hash for row in rows}) == 40
    assert verify_audit() == []
