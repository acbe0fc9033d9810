"""The functions and triggers of a migrated database are exactly those of the files in `models/sql/`.

The comparison drops what the migrations created, creates everything again from the files alone, and lists differences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL

from config.access.models.sql.triggers import TRIGGERS as ACCESS
from overrides.models.sql.triggers import TRIGGERS as OVERRIDES
from telemetry.models.sql.triggers import TRIGGERS as TELEMETRY

ROOT = Path(__file__).parents[1]
APPS = [ROOT / name for name in ("telemetry", "overrides", "config/access")]
FUNCTION_FILES = sorted(path for app in APPS for path in app.glob("models/sql/functions/*.sql"))
FROZEN_COPIES = sorted(path for app in APPS for path in app.glob("migrations/sql/*/*.sql"))
TRIGGERS = {**TELEMETRY, **OVERRIDES, **ACCESS}

FUNCTIONS_NOW = """
SELECT p.oid::regprocedure::text,
    pg_get_functiondef(p.oid)
    || CASE WHEN has_function_privilege('public', p.oid, 'EXECUTE') THEN '' ELSE ' -- not for PUBLIC' END
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^(pg_|information_schema$)'
AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')  -- of an extension
"""
TRIGGERS_NOW = """
SELECT format('%s on %s', tgname, tgrelid::regclass), pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
"""
TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\s+|\w+|[-+*/<>=~!@#%^&|?]+|.")


def words(sql: str) -> list[str]:
    """Return the tokens of a statement, comments included; the space between tokens does not count.

    >>> words("ARRAY['a',  'b']  -- two") == words("ARRAY[\\n 'a', 'b'\\n] -- two\\n")
    True
    >>> words("'a  b'") == words("'a b'")
    False
    """
    return [token.rstrip() for token in TOKEN.findall(sql) if not token.isspace()]


def defined_now() -> dict[str, list[str]]:
    """Return every function and trigger of our schemas by name."""
    with connection.cursor() as cursor:
        cursor.execute(FUNCTIONS_NOW)
        functions = dict(cursor.fetchall())
        cursor.execute(TRIGGERS_NOW)
        return {name: words(text) for name, text in (functions | dict(cursor.fetchall())).items()}


@contextmanager
def undone_afterwards() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def defined_by_files() -> dict[str, list[str]]:
    """Return the functions and triggers of a database that was built from the files alone."""
    with undone_afterwards(), connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal")
        for trigger, table in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {trigger} ON {table}")
        cursor.execute(FUNCTIONS_NOW)
        for signature, _ in cursor.fetchall():
            cursor.execute(f"DROP FUNCTION {signature}")
        cursor.execute("SET LOCAL check_function_bodies = off")  # they call each other
        for path in FUNCTION_FILES:
            cursor.execute(path.read_text())
        for table, triggers in TRIGGERS.items():
            for each in triggers:
                cursor.execute(each.create_on(table))
        return defined_now()


def differences() -> list[str]:
    """Return the names of functions and triggers whose definitions in the database and in the files differ."""
    migrated, filed = defined_now(), defined_by_files()
    return sorted(name for name in migrated | filed if migrated.get(name) != filed.get(name))


@pytest.mark.django_db
class TestFiles:
    def test_define_what_a_migrated_database_holds(self) -> None:
        assert differences() == []

    def test_hold_one_function_each_under_its_name(self) -> None:
        defined = {path: re.findall(r"FUNCTION (\w+)\(.*RETURNS", path.read_text()) for path in FUNCTION_FILES}

        assert len(defined) >= 31
        assert defined == {path: [path.stem] for path in FUNCTION_FILES}

    def test_begin_with_what_the_function_is_for(self) -> None:
        assert [path.stem for path in FUNCTION_FILES if not re.match(r"-- [A-Z+\d]", path.read_text())] == []


def changed(function: str, old: str, new: str) -> str:
    """Return the statement that replaces a text in a function."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
        text: str = cursor.fetchone()[0]
    assert old in text
    return text.replace(old, new)


@pytest.mark.django_db
class TestComparison:
    @pytest.mark.parametrize(
        ("function", "old", "new"),
        [
            ("is_signed(bigint,text)", "content_hash = content", "true"),
            ("guard_version()", "integrity_constraint_violation", "integrity_constraint violation"),
            ("lever_table()", "0.65", "0.66"),
            ("is_audited(text)", " STABLE\n", "\n"),
            ("refuse_change()", "SET search_path TO 'public', 'pg_temp'", ""),
            ("link_audit_entry()", "NEW.seq := ", "NEW.seq := 1 + "),
            ("require_any_audit()", "    RETURN NULL;", "-- RETURN NULL;"),
        ],
    )
    def test_finds_a_function_that_was_changed(self, function: str, old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(changed(function.partition("(")[0], old, new))

        assert differences() == [function]

    @pytest.mark.parametrize(
        ("statement", "found"),
        [
            ("CREATE FUNCTION extra() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "extra()"),
            ("CREATE FUNCTION decision_partitions.extra() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
             "decision_partitions.extra()"),
            ("CREATE FUNCTION is_signed(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'", "is_signed(integer)"),
            ("DROP FUNCTION decision_id_floor", "decision_id_floor(timestamp with time zone)"),
            ("GRANT EXECUTE ON FUNCTION extend_decision_partitions TO PUBLIC",
             "extend_decision_partitions(timestamp with time zone,integer)"),
            ("REVOKE EXECUTE ON FUNCTION refuse_change FROM PUBLIC", "refuse_change()"),
            ("CREATE TRIGGER extra BEFORE UPDATE ON telemetry_trade FOR EACH ROW EXECUTE FUNCTION refuse_change()",
             "extra on telemetry_trade"),
            ("DROP TRIGGER guard_vote ON overrides_vote", "guard_vote on overrides_vote"),
            ("CREATE OR REPLACE TRIGGER guard_vote BEFORE UPDATE ON overrides_vote "
             "FOR EACH ROW EXECUTE FUNCTION guard_vote()", "guard_vote on overrides_vote"),
        ],
    )  # fmt: skip
    def test_finds_what_came_went_or_was_changed(self, statement: str, found: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

        assert differences() == [found]

    def test_finds_a_function_without_a_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tests.test_sql_files.FUNCTION_FILES", [p for p in FUNCTION_FILES if p.stem != "is_signed"])

        assert differences() == ["is_signed(bigint,text)"]

    def test_leaves_the_database_as_it_was(self) -> None:
        before = defined_now()
        differences()

        assert defined_now() == before


def statements(app: str, migration: str) -> list[object]:
    """Return the statements that a migration's RunSQL operations execute, forwards and backwards."""
    operations = MigrationLoader(None).disk_migrations[app, migration].operations
    return [text for each in operations if isinstance(each, RunSQL) for text in (each.sql, each.reverse_sql)]


class TestFrozenCopies:
    @pytest.mark.parametrize("path", FROZEN_COPIES, ids=lambda path: f"{path.parent.name}/{path.name}")
    def test_are_executed_by_the_migration_of_their_folder(self, path: Path) -> None:
        app = path.parents[3].name

        assert path.read_text() in statements(app, path.parent.name)

    def test_are_all_that_migrations_read(self) -> None:
        migrations = [*ROOT.glob("*/migrations/*.py"), *ROOT.glob("config/*/migrations/*.py")]

        assert len(migrations) > 20
        assert [path for path in migrations if "models.sql" in path.read_text()] == []
