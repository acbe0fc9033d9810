"""Every column of every governed table with nasty values: changed in place, and in a copy of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import connection

TABLES = (
    "overrides_line", "overrides_override", "overrides_parameterset", "overrides_changerequest", "overrides_changeline",
    "overrides_vote", "overrides_comment", "learning_configs", "overrides_membership", "overrides_modulemode",
    "overrides_modulepolicy", "overrides_mandate", "overrides_linehold", "overrides_quarantine", "access_apikey",
    "auth_user", "auth_user_groups", "auth_user_user_permissions", "auth_group", "auth_group_permissions",
    "access_personname", "telemetry_notice", "telemetry_acknowledgement", "simulated_time",
)  # fmt: skip
NASTY = {
    "integer": ("NULL", "0", "-1", "1", "2", "3", "4", "5", "6", "900001", "2147483647", "{old} + 1", "{old} - 1"),
    "double precision": ("NULL", "0", "-1", "'NaN'", "'Infinity'", "1e308", "{old} * 2", "100", "1e-300"),
    "boolean": ("NULL", "true", "false", "NOT {old}"),
    "jsonb": (
        "'null'", "'[]'", "'{{}}'", "'5'", "'\"x\"'", "'{{\"size_mult\": 1.29}}'", "'{{\"approvals\": 0}}'",
        "'{{\"mode\": \"on\"}}'", "'{{\"macro_phase\": []}}'", "'{{\"size_mult\": [1.0]}}'", "'{{\"to\": 2}}'", "NULL",
        "'{{\"approvals\": \"x\"}}'", "'{{\"a\": {{\"b\": [null, 1e400]}}}}'",
    ),
    "timestamp with time zone": (
        "NULL", "now()", "now() - interval '1 year'", "now() + interval '1 year'", "'infinity'", "'-infinity'",
        "'20000-01-01'", "'0044-03-15 BC'", "now() + interval '4 seconds'", "now() - interval '2 hours'",
    ),
    "text": (
        "NULL", "''", "'x'", "'on'", "'off'", "'shadow'", "'dm'", "'pm'", "'zz'", "'review'", "'at_once'", "'mandate'",
        "'foo'", "'applied'", "'approved'", "'scheduled'", "'draft'", "'in_review'", "'lines'", "'mode'", "'policy'",
        "'parameters'", "'rollback'", "'trial'", "'restored'", "'evidence'", "'approve'", "'veto'", "'pin'", "{other}",
        "repeat('a', 64)", "U&'\\202Eevil'", "'add'", "'withdraw'",
    ),
}  # fmt: skip


def columns(table: str) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s "
            "AND is_generated = 'NEVER' ORDER BY ordinal_position",
            [table],
        )
        return list(cursor.fetchall())


def nasty(kind: str) -> tuple[str, ...]:
    kind = {"bigint": "integer", "smallint": "integer", "character varying": "text", "uuid": "text"}.get(kind, kind)
    return NASTY.get(kind, NASTY["text"])


def rows(table: str, key: str, every: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{key}" FROM {table} ORDER BY 1 DESC LIMIT {every}')
        return [row[0] for row in cursor.fetchall()]


def statements(thin: int = 1) -> Iterator[tuple[str, Callable[[Any], object]]]:
    """Yield a name and the work of each attempt; `thin` keeps every so many of them."""
    for number, (name, statement, values) in enumerate(_all()):
        if number % thin == 0:
            yield name, partial(_execute, statement, values)


def _execute(statement: str, values: list[Any], cursor: Any) -> None:
    cursor.execute(statement, values)


def _all() -> Iterator[tuple[str, str, list[Any]]]:
    for table in TABLES:
        named = columns(table)
        key = named[0][0]
        found = rows(table, key, 8)
        for row in found[:: max(1, len(found) // 3)]:
            for column, kind in named:
                for value in nasty(kind):
                    other = f'(SELECT "{column}" FROM {table} WHERE "{key}" <> %s ORDER BY "{key}" LIMIT 1)'
                    expression = value.format(old=f'"{column}"', other=other)
                    spare = [row] if "{other}" in value else []
                    yield (
                        f"set {table}.{column} = {value} where {row}",
                        f'UPDATE {table} SET "{column}" = {expression} WHERE "{key}" = %s',
                        [*spare, row],
                    )
            yield f"delete {table} {row}", f'DELETE FROM {table} WHERE "{key}" = %s', [row]
        for row in found[:2]:
            for column, kind in named:
                for value in nasty(kind):
                    other = f'(SELECT "{column}" FROM {table} WHERE "{key}" <> %s ORDER BY "{key}" LIMIT 1)'
                    spare = [row] if "{other}" in value else []
                    yield (
                        f"copy {table} {row} with {column} = {value}",
                        *_copy(table, named, row, column, value, other, spare),
                    )


def _copy(
    table: str, named: list[tuple[str, str]], row: Any, column: str, value: str, other: str, spare: list[Any]
) -> tuple[str, list[Any]]:
    """Copy a row as a new one: another key and the present time, and one nasty value."""
    key, kind = named[0]
    chosen = []
    for name, _ in named:
        if name == column:
            chosen.append(value.format(old=f'"{name}"', other=other))
        elif name == key:
            chosen.append("900001" if kind in ("bigint", "integer") else "repeat('b', 64)")
        elif name in ("created_at", "voted_at", "placed_at", "granted_at", "published_at", "written_at", "changed_at"):
            chosen.append("now()")
        elif name in ("lifted_at", "revoked_at", "closed_at", "to_version", "submitted_at", "acknowledged_at"):
            chosen.append("NULL")
        elif name == "number":
            chosen.append(f"(SELECT max(number) + 1 FROM {table} AS t WHERE t.module = {table}.module)")
        elif name == "state":
            chosen.append("'draft'")
        elif name in ("prefix", "username", "name") and table in ("access_apikey", "auth_user", "auth_group"):
            chosen.append("'nobody'")
        elif name == "is_active" and table == "learning_configs":
            chosen.append("false")
        elif name in ("edition",):
            chosen.append("0")
        else:
            chosen.append(f'"{name}"')
    listed = ", ".join(f'"{name}"' for name, _ in named)
    return (
        f'INSERT INTO {table} ({listed}) SELECT {", ".join(chosen)} FROM {table} WHERE "{key}" = %s',
        [*spare, row],
    )
