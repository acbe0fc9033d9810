"""A world that is committed once per file, so that its audit entries cannot cover a later write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.bypass.world import furnish
from tests.stored_rows import INITIAL, put_back


@contextmanager
def committed(django_db_blocker: Any, furnish: Callable[[], None]) -> Iterator[None]:
    """Commit what a function writes, and empty the database afterwards."""
    with django_db_blocker.unblock():
        furnish()
        try:
            yield
        finally:
            put_back(INITIAL)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with committed(django_db_blocker, furnish):
        yield
