from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.builders import NOW
from tests.overrides.monitoring.verify_trail.world import furnish
from tests.stored_rows import INITIAL, put_back


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Committed once for the file; every test undoes what it does to it."""
    with django_db_blocker.unblock():
        furnish(NOW)
        try:
            yield
        finally:
            put_back(INITIAL)


@pytest.fixture
def chief() -> User:
    return User.objects.get(username="chief")
