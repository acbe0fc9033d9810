"""Every write path of the ORM and of SQL, on every governed table, as the owner and as the processes' role."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.models import Model
from django.db.models.deletion import ProtectedError
from psycopg.types.json import Jsonb

from tests.bypass.table import LINES, MODELS, PRIVILEGE, TABLE, Open
from tests.bypass.world import CHANGES, CLOSING, another, existing_row, forge, undone

pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.django_db]

Write = Callable[[Any, str, Any], object]


def raw_insert(row: Any, column: str, value: Any) -> None:
    fields = [field for field in row._meta.concrete_fields if not getattr(field, "generated", False)]
    columns = ", ".join(field.column for field in fields)
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(values))
        cursor.execute(f"INSERT INTO {row._meta.db_table} ({columns}) VALUES ({places})", values)


def raw_update(row: Any, column: str, value: Any) -> None:
    stored: Any = Jsonb(value) if isinstance(value, (dict, list)) else value
    key = row._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET {column} = %s WHERE {key} = %s", [stored, row.pk])
        assert cursor.rowcount == 1


def raw_delete(row: Any, column: str, value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {row._meta.db_table} WHERE {row._meta.pk.column} = %s", [row.pk])
        assert cursor.rowcount == 1


def save(row: Any, column: str, value: Any) -> None:
    setattr(row, column, value)
    row.save(update_fields=[column])


def bulk_update(row: Any, column: str, value: Any) -> None:
    setattr(row, column, value)
    type(row)._default_manager.bulk_update([row], [column])


SETTING: dict[str, Write] = {
    "save": save,
    "queryset.update": lambda row, column, value: (
        type(row)._default_manager.filter(pk=row.pk).update(**{column: value})
    ),
    "bulk_update": bulk_update,
    "SQL": raw_update,
}
PATHS: dict[str, dict[str, Write]] = {
    "insert": {
        "create": lambda row, column, value: row.save(force_insert=True),
        "bulk_create": lambda row, column, value: type(row)._default_manager.bulk_create([row]),
        "SQL": raw_insert,
    },
    "update": SETTING,
    "close": SETTING,
    "delete": {
        "delete": lambda row, column, value: row.delete(),
        "queryset.delete": lambda row, column, value: type(row)._default_manager.filter(pk=row.pk).delete(),
        "SQL": raw_delete,
    },
}
CELLS = [
    (name, operation, path, role, is_forged)
    for name, row in TABLE.items()
    for operation, paths in PATHS.items()
    if row.cell(operation) is not None
    for path in paths
    for role in ("owner", "role")
    for is_forged in (False, True)
]


def expected(name: str, operation: str, role: str, *, is_forged: bool) -> str:
    if role == "role" and operation not in TABLE[name].role.split():
        return f"{PRIVILEGE}|{LINES}" if name == "ChangeRequest" and operation == "delete" else PRIVILEGE
    cell = TABLE[name].cell(operation)
    assert cell is not None
    return cell[is_forged]


def attempt(name: str, operation: str, path: str, role: str, *, is_forged: bool) -> str:
    """Attempt one write; return the message of its refusal, or an empty text if it could be committed."""
    row = another(name) if operation == "insert" else existing_row(name)
    column, value = (CLOSING if operation == "close" else CHANGES)[name]
    try:
        with undone(role):
            if is_forged:
                forge(name, row)
            PATHS[operation][path](row, column, value)
    except (DatabaseError, ProtectedError) as refused:
        return str(refused)
    return ""


class TestTable:
    def test_has_a_row_for_every_governed_model(self) -> None:
        assert set(TABLE) == set(CHANGES) == set(MODELS)

    @pytest.mark.parametrize("name", TABLE)
    def test_holds_something_to_try_on(self, name: str) -> None:
        assert isinstance(existing_row(name), Model)

    @pytest.mark.parametrize(
        ("name", "operation", "path", "role", "is_forged"),
        CELLS,
        ids=["-".join([*map(str, cell[:4]), "forged" if cell[4] else "bare"]) for cell in CELLS],
    )
    def test_is_what_happens(self, name: str, operation: str, path: str, role: str, is_forged: bool) -> None:
        expectation = expected(name, operation, role, is_forged=is_forged)

        message = attempt(name, operation, path, role, is_forged=is_forged)

        if isinstance(expectation, Open):
            assert message == ""
        elif "delete" in path and "Cannot delete some instances" in message:
            return  # Django knows the rows that refer to it and does not try
        else:
            assert re.search(expectation, message), (expectation, message)
