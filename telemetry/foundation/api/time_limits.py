"""PostgreSQL time limits per request: a statement that exceeds its limit undoes the whole transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction


@contextmanager
def bounded_reading() -> Iterator[None]:
    """Limit each statement inside to API_STATEMENT_SECONDS; the caller is advised to ask for less."""
    with _bounded(statement_timeout=settings.API_STATEMENT_SECONDS):
        yield


@contextmanager
def write_time_limit() -> Iterator[None]:
    """Limit each statement inside to API_WRITE_SECONDS, and each wait for a row lock to API_LOCK_SECONDS."""
    with _bounded(statement_timeout=settings.API_WRITE_SECONDS, lock_timeout=settings.API_LOCK_SECONDS):
        yield


@contextmanager
def _bounded(**seconds: float) -> Iterator[None]:
    """Open a transaction with these PostgreSQL settings, in seconds; they end with the transaction."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            for name, limit in seconds.items():
                cursor.execute("SELECT set_config(%s, %s, true)", [name, str(round(limit * 1000))])
        yield
