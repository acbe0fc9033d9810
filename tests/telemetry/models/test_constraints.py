"""The database refuses NaN and infinity in every number, and knowledge before its time, whoever writes the row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from psycopg import sql

from telemetry.models import Trade
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, make_trade

SECOND = timedelta(seconds=1)
OURS = ("telemetry", "overrides", "learning", "access")
FINE = 0.7  # inside every range: shares, weights, percentages, R


def float_columns() -> Iterator[tuple[str, str]]:
    for label in OURS:
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.concrete_fields:
                if isinstance(field, models.FloatField):
                    yield model._meta.db_table, field.attname


def insert_into_probe(column: str, value: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        statement = sql.SQL("INSERT INTO probe ({}) VALUES (%s::float8)").format(sql.Identifier(column))
        cursor.execute(statement.as_string(cursor.connection), [value])


@pytest.mark.django_db
@pytest.mark.parametrize(("table", "column"), list(float_columns()), ids=".".join)
def test_every_number_is_finite(table: str, column: str) -> None:
    """Uses a copy of the table that has its checks and nothing else, so that only the column can be refused."""
    with connection.cursor() as cursor:
        copy = sql.SQL("CREATE TEMPORARY TABLE probe (LIKE {} INCLUDING CONSTRAINTS) ON COMMIT DROP")
        cursor.execute(copy.format(sql.Identifier(table)).as_string(cursor.connection))
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'probe'::regclass AND attnum > 0")
        for (name,) in cursor.fetchall():
            relax = sql.SQL("ALTER TABLE probe ALTER COLUMN {} DROP NOT NULL").format(sql.Identifier(name))
            cursor.execute(relax.as_string(cursor.connection))

    insert_into_probe(column, str(FINE))

    for value in ("NaN", "Infinity", "-Infinity", "1e19"):
        with pytest.raises(IntegrityError, match="check constraint"):
            insert_into_probe(column, value)


def test_finds_the_columns_it_is_about() -> None:
    columns = set(float_columns())

    assert len(columns) > 20
    assert {("telemetry_trade", "rr"), ("pattern_scope_stats", "variance"), ("learning_lessons", "weight")} <= columns


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "early", "constraint"),
    [
        ("actions", {"at": NOW, "known_at": NOW - SECOND}, "action_is_known_after_it_was_taken"),
        ("outcomes", {"closed_at": NOW, "known_at": NOW - SECOND}, "outcome_is_known_after_the_close"),
    ],
)
def test_nothing_is_known_before_it_happened(row: str, early: dict[str, datetime], constraint: str) -> None:
    record_trades([make_trade()], now=NOW)
    rows = getattr(Trade.objects.get(), row)

    assert rows.update(**early | {"known_at": NOW}) == 1

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        rows.update(**early)
