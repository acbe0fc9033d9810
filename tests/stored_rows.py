"""The rows of the test database, kept in memory and put back as they were, with their ids.

A test that commits leaves rows behind. Django's `flush` removes them by TRUNCATE of all tables, which gives each table
and each index a new file, and then creates content types, permissions and groups anew, in 150 queries. Here only the
tables that hold something are emptied, and the rows that were kept return by COPY.
"""

from __future__ import annotations

from dataclasses import dataclass

LARGE = 2_000_000  # bytes in all tables; from here on TRUNCATE is faster than DELETE, and it gives back the space
UNTOUCHED = ["django_migrations", "simulated_time"]  # `flush` knows only tables of models
TABLES = """
SELECT c.oid::regclass::text, pg_relation_size(c.oid), string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema$)' AND c.relname <> ALL (%s)
GROUP BY c.oid
"""


@dataclass(frozen=True)
class Rows:
    """All rows of the database, as COPY writes them: by table and columns."""

    of: dict[str, bytes]


INITIAL = Rows({})  # what the migrations left; filled when the database is set up


def keep_rows() -> Rows:
    """Return all rows that are committed now."""
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for table, size, columns in _tables():
            if size:
                with cursor.copy(f"COPY {table} ({columns}) TO STDOUT (FORMAT binary)") as copy:
                    found[f"{table} ({columns})"] = b"".join(bytes(block) for block in copy)
    return Rows(found)


def put_back(rows: Rows) -> None:
    """Let the database hold these rows and no others; sequences go on where they are, as after `flush`."""
    from django.db import connection, transaction

    from tests.builders import without_triggers

    with without_triggers(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_emptying())
        for place, content in rows.of.items():
            with cursor.copy(f"COPY {place} FROM STDIN (FORMAT binary)") as copy:
                copy.write(content)


def _emptying() -> str:
    tables = _tables()
    if sum(size for _, size, _ in tables) > LARGE:
        return f"TRUNCATE {', '.join(table for table, _, _ in tables)}"
    return ";".join(f"DELETE FROM {table}" for table, size, _ in tables if size)


def _tables() -> list[tuple[str, int, str]]:
    """Return each table with its size in bytes, which is 0 if it never held a row, and the columns that are stored."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(TABLES, [UNTOUCHED])
        found: list[tuple[str, int, str]] = cursor.fetchall()
    return found
