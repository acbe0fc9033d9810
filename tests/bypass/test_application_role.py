"""What the role of the processes could try on the triggers, the chain and the names that functions look up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from telemetry.audit.audit_log import chain_rows, verify_audit, write_audit
from telemetry.core.hash_chain import link
from telemetry.models import AuditEntry
from tests.builders import NOW, make_spec, publish
from tests.bypass.table import MODELS

TABLES = sorted(model._meta.db_table for model in MODELS.values())
TRAIL = "telemetry_auditentry"

REFUSED = {
    **{f"disable the triggers of {each}": f"ALTER TABLE {each} DISABLE TRIGGER ALL" for each in TABLES},
    **{f"truncate {each}": f"TRUNCATE {each} CASCADE" for each in TABLES},
    **{f"drop {each}": f"DROP TABLE {each} CASCADE" for each in TABLES},
    **{f"add a trigger to {each}": f"CREATE TRIGGER mine BEFORE INSERT ON {each} "
       "FOR EACH ROW EXECUTE FUNCTION only_closes(x)" for each in TABLES},
    "skip triggers as a replica": "SET session_replication_role = replica",
    "replace a function": "CREATE OR REPLACE FUNCTION is_audited(named text) RETURNS boolean LANGUAGE sql "
    "AS 'SELECT true'",
    "drop a function": "DROP FUNCTION is_audited(text) CASCADE",
    "let a function look elsewhere": "ALTER FUNCTION is_audited(text) RESET search_path",
    "make a function": "CREATE FUNCTION lower_all() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "make a table": "CREATE TABLE mine (id integer)",
    "make a schema": "CREATE SCHEMA mine",
    "become the owner": "SET ROLE {owner}",
    "reset a setting for everybody": "ALTER DATABASE {database} SET session_replication_role = replica",
    "rewrite an entry": f"UPDATE {TRAIL} SET content = '{{}}'",
    "remove an entry": f"DELETE FROM {TRAIL}",
    "move the chain's head": f"UPDATE {TRAIL} SET hash = repeat('0', 64)",
    "write a rule": f"CREATE RULE quiet AS ON INSERT TO {TRAIL} DO INSTEAD NOTHING",
    "give itself more": f"GRANT UPDATE ON {TRAIL} TO {{role}}",
}  # fmt: skip
WHY = r"permission denied|must be owner|must be able to SET ROLE|cannot set parameter|no privileges were granted"


def attempted(statement: str) -> None:
    """Run a statement; a GRANT without effect, of which PostgreSQL only warns, counts as refused."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL client_min_messages = error")
        cursor.execute(statement)
        cursor.execute("SELECT has_table_privilege(%s, 'UPDATE')", [TRAIL])
        if not cursor.fetchone()[0]:
            raise DatabaseError("no privileges were granted")


@pytest.fixture
def names(db: None) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        owner, database = cursor.fetchone()
    return {"owner": owner, "database": database, "role": settings.APPLICATION_ROLE}


@pytest.fixture
def session(names: dict[str, str]) -> Iterator[None]:
    """The connection as a process has it: the session's user is the role, so RESET ROLE leads nowhere."""
    with connection.cursor() as cursor:
        publish(make_spec())
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        authorize = sql.SQL("SET LOCAL SESSION AUTHORIZATION {}").format(sql.Identifier(names["role"]))
        cursor.execute(authorize.as_string(cursor.connection))
        yield


def quarantine_beside_a_trail_of_its_own() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE {TRAIL} (LIKE public.{TRAIL})")
        cursor.execute("SET LOCAL search_path = pg_temp, public")
        cursor.execute(
            f"INSERT INTO {TRAIL} (seq, previous_hash, hash, content, written_at, transaction, object, format, epoch) "
            "VALUES (1, '', '', '{}', now(), pg_current_xact_id()::text::bigint, 'builder dm', 2, 0)"
        )
        cursor.execute(
            "INSERT INTO public.overrides_quarantine (module, reason, placed_at, placed_by_id) "
            "SELECT 'dm', 'x', now(), id FROM public.auth_user LIMIT 1"
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.usefixtures("session")
class TestApplicationRole:
    @pytest.mark.parametrize("attempt", REFUSED)
    def test_may_not(self, attempt: str, names: dict[str, str]) -> None:
        quoted = {name: f'"{value}"' for name, value in names.items()}
        statement = REFUSED[attempt].replace("{{}}", "{}")
        for name, value in quoted.items():
            statement = statement.replace(f"{{{name}}}", value)

        with pytest.raises(DatabaseError, match=WHY), transaction.atomic():
            attempted(statement)

    def test_cannot_choose_place_hash_or_transaction_of_an_entry(self) -> None:
        last = AuditEntry.objects.order_by("seq").last()
        assert last is not None
        content = last.content

        with connection.cursor() as cursor:
            columns = "seq, previous_hash, hash, content, written_at, transaction"
            with cursor.copy(f"COPY {TRAIL} ({columns}) FROM STDIN") as copy:
                copy.write_row((1, "f" * 64, "e" * 64, content, NOW, 7))
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            (mine,) = cursor.fetchone()

        written = AuditEntry.objects.order_by("seq").last()
        assert written is not None
        assert (written.seq, written.previous_hash, written.transaction) == (last.seq + 1, last.hash, mine)
        assert written.hash == link(list(chain_rows())[-1])
        assert verify_audit() == []

    def test_shadows_no_table_by_a_temporary_one(self) -> None:
        """An empty audit log of one's own would be found first by functions that trust the caller's search path."""
        before = AuditEntry.objects.count()

        with pytest.raises(DatabaseError, match='without an audit entry of "builder dm"'), transaction.atomic():
            quarantine_beside_a_trail_of_its_own()

        assert AuditEntry.objects.count() == before

    def test_writes_entries_by_the_verb(self) -> None:
        write_audit(actor="a", action="x", object="o", reason="r", before=None, after=None, at=NOW)

        assert verify_audit() == []


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
def test_no_governed_table_is_emptied_not_even_by_the_owner(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE '%%is_not_truncated'", [table]
        )
        ((trigger,),) = cursor.fetchall()
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")  # tests clean up by TRUNCATE

        with pytest.raises(DatabaseError, match="is append-only: TRUNCATE refused"), transaction.atomic():
            cursor.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.django_db
def test_every_function_that_looks_at_tables_says_where() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND provolatile <> 'i' "
            "AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = pg_proc.oid AND d.deptype = 'e') "
            "AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=public, pg_temp']"
        )
        loose = [name for (name,) in cursor.fetchall()]

    assert loose == []
