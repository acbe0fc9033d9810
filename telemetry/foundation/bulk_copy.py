"""The one bulk write path: COPY through Django's connection, measured 4 to 6 times as fast as `bulk_create`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django.db import connection, models
from psycopg import sql

from telemetry.foundation.core import binary_copy

AT_A_TIME = 500  # binary rows in a message to the server


def copy_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """COPY `rows` (tuples in the order of `columns`) into the model's table and return the number written.

    It runs inside the caller's transaction. JSON columns take canonical JSON text. Constraints apply as for INSERT and
    raise django.db errors; the caller then has to roll back its transaction or savepoint.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    written = 0
    # Django translates the errors of execute and fetch but not those of copy; callers catch django.db errors.
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement.as_string(cursor.connection)) as copy,
    ):
        for row in rows:
            copy.write_row(row)
            written += 1
    return written


def copy_binary(model: type[models.Model], columns: Sequence[str], rows: Iterable[bytes]) -> int:
    """COPY rows that are in binary form (`core.binary_copy`); otherwise as `copy_rows`.

    They are sent as they are made, some hundreds at a time: the server stores the first while the next are computed.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    written, left = 0, iter(rows)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement.as_string(cursor.connection)) as copy,
    ):
        copy.write(binary_copy.HEADER)
        while packed := list(islice(left, AT_A_TIME)):
            copy.write(b"".join(packed))
            written += len(packed)
        copy.write(binary_copy.TRAILER)
    return written
