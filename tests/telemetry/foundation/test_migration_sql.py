"""Steps of migrations that change functions and triggers, and their ways back."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.operations import RunSQL
from django.db.migrations.state import ProjectState

from telemetry.foundation.migration_sql import (
    Trigger,
    create_function,
    create_trigger,
    replace_function,
    replace_trigger,
)

ONE = "-- The number one.\nCREATE OR REPLACE FUNCTION number() RETURNS integer LANGUAGE sql AS 'SELECT 1';\n"
TWO = ONE.replace("SELECT 1", "SELECT 2")
TABLE = "telemetry_trade"


@pytest.fixture
def migration(tmp_path: Path) -> str:
    """The `__file__` of a migration that turns one into two."""
    folder = tmp_path / "sql" / "0002_two"
    folder.mkdir(parents=True)
    (folder / "number.before.sql").write_text(ONE)
    (folder / "number.sql").write_text(TWO)
    return str(tmp_path / "0002_two.py")


def forwards(operation: RunSQL) -> None:
    with connection.schema_editor() as editor:
        operation.database_forwards("telemetry", editor, ProjectState(), ProjectState())


def backwards(operation: RunSQL) -> None:
    with connection.schema_editor() as editor:
        operation.database_backwards("telemetry", editor, ProjectState(), ProjectState())


def evaluate(sql: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def triggers() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [TABLE]
        )
        return [text for (text,) in cursor.fetchall()]


@pytest.mark.django_db
class TestFunctions:
    def test_are_created_and_dropped_again(self, migration: str) -> None:
        operation = create_function(migration, "number")

        forwards(operation)
        assert evaluate("SELECT number()") == 2
        backwards(operation)
        assert evaluate("SELECT to_regproc('number')") is None

    def test_are_replaced_and_restored(self, migration: str) -> None:
        operation = replace_function(migration, "number")

        forwards(operation)
        assert evaluate("SELECT number()") == 2
        backwards(operation)
        assert evaluate("SELECT number()") == 1

    def test_need_a_frozen_copy(self, migration: str) -> None:
        with pytest.raises(FileNotFoundError, match=r"0002_two/letter\.sql"):
            create_function(migration, "letter")

    @pytest.mark.parametrize(
        "text", ["", ONE.replace("number", "letter"), ONE.replace("OR REPLACE ", ""), ONE + ONE.replace("number", "x")]
    )
    def test_stand_alone_in_a_file_of_their_name(self, migration: str, text: str) -> None:
        (Path(migration).parent / "sql" / "0002_two" / "number.sql").write_text(text)

        with pytest.raises(ValueError, match=r"0002_two/number\.sql: must hold CREATE OR REPLACE FUNCTION number"):
            replace_function(migration, "number")


@pytest.mark.django_db
class TestTriggers:
    def test_are_created_and_dropped_again(self) -> None:
        operation = create_trigger(TABLE, Trigger("kept", "TRUNCATE", "refuse_change()"))

        forwards(operation)
        assert triggers() == [
            "CREATE TRIGGER kept BEFORE TRUNCATE ON public.telemetry_trade "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        ]
        backwards(operation)
        assert triggers() == []

    def test_are_replaced_and_restored(self) -> None:
        before = Trigger("kept", "DELETE", "refuse_change()")
        later = Trigger("kept", "UPDATE", "require_audit('trade %s', 'id')", deferred=True, when="NEW.revision > 1")
        operation = replace_trigger(TABLE, later, before=before)
        forwards(create_trigger(TABLE, before))
        standing = triggers()

        forwards(operation)
        assert triggers() == [
            "CREATE CONSTRAINT TRIGGER kept AFTER UPDATE ON public.telemetry_trade DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW WHEN ((new.revision > 1)) EXECUTE FUNCTION require_audit('trade %s', 'id')"
        ]
        backwards(operation)
        assert triggers() == standing
