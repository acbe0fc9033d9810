"""How long a request may keep PostgreSQL busy. Each statement inside has so many seconds, then everything is undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction


@contextmanager
def bounded_reading() -> Iterator[None]:
    """PostgreSQL stops any statement inside that takes too long; the caller is told how to ask for less."""
    with _bounded(statement_timeout=settings.API_STATEMENT_SECONDS):
        yield


@contextmanager
def write_time_limit() -> Iterator[None]:
    """The same for what writes, which besides gives up waiting for rows that somebody else is writing."""
    with _bounded(statement_timeout=settings.API_WRITE_SECONDS, lock_timeout=settings.API_LOCK_SECONDS):
        yield


@contextmanager
def _bounded(**seconds: float) -> Iterator[None]:
    """A transaction under PostgreSQL's settings of these names; with it they end, so the connection is as before."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            for name, limit in seconds.items():
                cursor.execute("SELECT set_config(%s, %s, true)", [name, str(round(limit * 1000))])
        yield
