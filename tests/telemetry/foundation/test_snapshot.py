"""What is read of one moment does not see what others commit meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection

from telemetry.audit.audit_log import write_audit
from telemetry.foundation.job_runs import run_once
from telemetry.foundation.snapshot import one_snapshot
from telemetry.models import AuditEntry
from tests.builders import NOW, attempt


def write_elsewhere() -> None:
    """An entry, committed on a connection of its own."""
    thread = threading.Thread(target=lambda: attempt(write))
    thread.start()
    thread.join()


def write() -> None:
    write_audit(actor="a", action="x", object="o", reason="", before=None, after=None, at=NOW)


@pytest.mark.django_db(transaction=True)
class TestOneSnapshot:
    def test_sees_the_moment_of_its_first_query(self) -> None:
        with one_snapshot():
            before = AuditEntry.objects.count()
            write_elsewhere()
            assert AuditEntry.objects.count() == before == 0

        assert AuditEntry.objects.count() == 1

    def test_is_over_with_its_transaction(self) -> None:
        with one_snapshot():
            write_elsewhere()

        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            assert cursor.fetchone() == ("read committed",)

    def test_inside_another_transaction_is_a_part_of_it(self) -> None:
        with one_snapshot():
            assert AuditEntry.objects.count() == 0
            with one_snapshot():
                write_elsewhere()
                assert AuditEntry.objects.count() == 0

    def test_is_what_a_job_of_one_moment_reads(self) -> None:
        seen: list[int] = []

        def work() -> int:
            for _ in range(2):
                seen.append(AuditEntry.objects.count())
                write_elsewhere()
            return 2

        run = run_once("check", now=NOW, every=timedelta(days=1), work=work, of_one_moment=True)

        assert (seen, run and run.status) == ([0, 0], "done")
