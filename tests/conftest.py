"""Fixtures of every test with a database: a fixed time, people, and processes without state of earlier tests.

Tests that begin with the same writes share them, as tests/shared_world.py says; tests that must see what was committed
share a world that is committed (tests/bypass/conftest.py).

Django is imported inside the fixtures, because the cores are tested without it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import NOW
from tests.people import make_person
from tests.shared_world import Shared, refuse_uninvited, world_of
from tests.stored_rows import INITIAL, keep_rows, put_back

if TYPE_CHECKING:
    from django.contrib.auth.models import User

REMEMBERING = (  # modules with per-process state
    "overrides.serving.engine", "config.access.api.authentication", "overrides.serving.clients.client_confirmations",
    "overrides.serving.arms",
)  # fmt: skip


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Set up the test database: simulate time, empty the trail, allow TRUNCATE, and keep the rows of migrations.

    After each test that commits, the database holds the kept rows again (see `stored_rows`).

    Passwords are hashed fast in it: the hasher of production takes a third of a second by design. One test of added
    people and the tests of outages use the hasher of production.
    """
    from django.db import connection
    from django.test import TransactionTestCase, override_settings

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO simulated_time (reason) VALUES ('tests work at an instant of their own')")
        cursor.execute("SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE '%_is_not_truncated'")
        for table, trigger in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        cursor.execute("TRUNCATE telemetry_auditentry")
        INITIAL.of.update(keep_rows().of)
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers), pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: put_back(INITIAL))
        yield


@pytest.fixture(scope="session")
def shared(django_db_setup: None, django_db_blocker: Any) -> Shared:
    """Return a function that lets a world stand for a file or a class (see `tests.shared_world`)."""
    return lambda furnish: world_of(furnish, django_db_blocker)


@pytest.fixture(autouse=True)
def fresh_process(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Load engines and keys anew in each test, and not in the background unless the test starts it.

    The file of the audit trail's heads is one of the tests' own, and empty when each begins.
    """
    refuse_uninvited(request)
    engine, access, _, arms = (sys.modules.get(name) for name in REMEMBERING)
    heads = tmp_path_factory.getbasetemp() / "audit-heads.jsonl"
    heads.unlink(missing_ok=True)
    if (django := sys.modules.get("django.conf")) is not None:
        monkeypatch.setattr(django.settings, "AUDIT_HEAD_FILE", heads)
    if engine is not None:
        monkeypatch.setattr(engine, "POLL_SECONDS", 3600.0)
    if access is not None:
        monkeypatch.setattr(access, "REFRESH_SECONDS", 3600.0)
        access.KEY_RING.forget()
    if arms is not None:
        monkeypatch.setattr(arms, "PATIENCE_SECONDS", 30.0)
        monkeypatch.setattr(arms, "FRESH_SECONDS", 3600.0)
    yield
    engine, _, clients, arms = (sys.modules.get(name) for name in REMEMBERING)
    if engine is not None:
        engine.ENGINE_ROOM.close()
    if arms is not None:
        arms.POSITIONS.forget()
    if clients is not None:
        clients.CLIENTS.close()  # its thread keeps a connection for a minute: no database could be dropped


@pytest.fixture
def now() -> datetime:
    """Return a Monday, noon UTC."""
    return NOW


@pytest.fixture
def in_one_minute() -> None:
    """Keep the wall clock within one minute during a test of limits, which count by minutes."""
    while time.time() % 60 > 50:
        time.sleep(0.1)


@pytest.fixture
def author(db: None) -> User:
    return make_user("author", "overrides.propose_parameters")


@pytest.fixture
def reviewer(db: None) -> User:
    return make_user("reviewer", "overrides.review_changerequest", "overrides.apply_changerequest")


@pytest.fixture
def operator(db: None) -> User:
    return make_user("operator", "overrides.lower_modulemode")


@pytest.fixture
def admin_user(db: None) -> User:
    """Return the administrator of pytest-django, created like all people of tests."""
    return make_person("admin", password="password", is_staff=True, is_superuser=True)


def make_user(name: str, *permissions: str) -> User:
    """Make a person who may log in to the admin and has the named permissions (`app.codename`) directly."""
    return make_person(name, *permissions, is_staff=True)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file of trades with the given content, and returns its path."""

    def write(content: bytes, name: str = "trades.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write
