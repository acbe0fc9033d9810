"""The life of a key from issue to expiry, in processes that do not query the database during a request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from config.access.api import authentication
from config.access.api.authentication import KEY_RING, REFRESH_SECONDS
from config.access.keys import digest_of, revoke_key
from config.access.models import ApiKey
from tests.api_clients import RecordingQueue, bearer, new_key
from tests.builders import KEY, SCOPE, database_away, wait_until
from tests.people import keeper, make_person

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
LATENESS = 2.0  # seconds that a loaded machine may add to a guaranteed time


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingQueue]:
    kept = RecordingQueue()
    monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", kept)
    yield kept
    KEY_RING.close()


@pytest.fixture
def as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refresh the keys as often as in production."""
    monkeypatch.setattr(authentication, "REFRESH_SECONDS", REFRESH_SECONDS)


def ask(key: str) -> int:
    """Return the status of a lever query, the only request that needs no database."""
    status: int = bearer(key).post("/api/v1/levers/resolve/", QUESTION, format="json").status_code
    return status


def prefix_of(key: str) -> str:
    return key.split("_")[1]


class TestDatabaseAway:
    def test_leaves_known_keys_what_they_may_do(self) -> None:
        live, reading, ended = new_key("evaluate"), new_key("read"), new_key("evaluate", is_revoked=True)
        assert ask(live) == 200

        with database_away():
            answered = [ask(key) for key in (live, reading, ended, live + "x", "cw_00000000_x")]

        assert answered == [200, 403, 401, 401, 401]

    def test_ends_a_key_that_expires_meanwhile(self) -> None:
        key = new_key("evaluate", expires_in=timedelta(seconds=1))
        KEY_RING.find(prefix_of(key))

        with database_away():
            wait_until(lambda: ask(key) == 401, "the key to expire")

    def test_knows_nobody_in_a_process_that_never_read_the_keys(self) -> None:
        key = new_key("evaluate")
        KEY_RING._keys = None  # as in a newly started process

        with database_away():
            response = bearer(key).post("/api/v1/levers/resolve/", QUESTION, format="json")

        assert (response.status_code, response["Retry-After"]) == (503, "5")
        assert "the database is away" in response.json()["detail"]


class TestEnd:
    def test_by_expiry_comes_at_that_moment_without_a_reading(self) -> None:
        key = new_key("evaluate", expires_in=timedelta(seconds=1))
        KEY_RING.find(prefix_of(key))
        expires_at = ApiKey.objects.get().expires_at
        assert expires_at is not None

        wait_until(lambda: ask(key) == 401, "the key to expire")

        assert timedelta(0) <= datetime.now(UTC) - expires_at <= timedelta(seconds=LATENESS)

    def test_by_revocation_elsewhere_comes_within_a_second(self, as_shipped: None) -> None:
        key = new_key("evaluate")
        assert ask(key) == 200
        revoke_key(prefix=prefix_of(key), by=None, at=datetime.now(UTC))
        revoked_at = time.monotonic()

        wait_until(lambda: ask(key) == 401, "the key to be refused")

        assert REFRESH_SECONDS == 1.0  # as stated by the admin's message on revocation
        assert time.monotonic() - revoked_at <= REFRESH_SECONDS + LATENESS


class TestLastUse:
    def test_is_written_beside_the_request(
        self, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        other, key, began = new_key("evaluate"), new_key("evaluate"), datetime.now(UTC)
        monkeypatch.setattr(authentication, "REFRESH_SECONDS", 0.2)
        assert ask(other) == 200  # reads the keys and loads a version

        with django_assert_num_queries(0):
            status = ask(key)

        assert status == 200
        wait_until(
            lambda: ApiKey.objects.filter(prefix=prefix_of(key), last_used_at__gte=began).exists(),
            "the use to be written",
        )


class TestSecret:
    def test_stands_nowhere_in_the_database(self, client: Client, admin_user: User) -> None:
        client.force_login(admin_user)
        form = {"name": "bot", "role": "evaluate", "owner": keeper().pk}
        page = client.post("/admin/access/apikey/add/", form).content.decode()
        key = page.partition('id="issued-key">')[2].partition("<")[0]
        assert ask(key) == 200

        assert holding(prefix_of(key)) >= {"access_apikey", "telemetry_auditentry"}
        assert holding(key.split("_", 2)[2]) == set()

    def test_is_printed_once_by_the_command(self) -> None:
        errors, printed = StringIO(), StringIO()

        call_command("issue_key", "bot", role="read", owner=str(keeper()), days=1, stdout=printed, stderr=errors)

        key, row = printed.getvalue().strip(), ApiKey.objects.get()
        assert digest_of(key) == row.digest
        assert key not in errors.getvalue()
        assert row.owner == keeper()
        assert row.expires_at is not None
        assert row.expires_at - row.created_at == timedelta(days=1)

    @pytest.mark.parametrize(
        ("name", "days", "owner", "words"),
        [
            ("", 1, "keeper", "name: "),
            ("bot", 0, "keeper", "--days: "),
            ("bot", 3651, "keeper", "--days: "),
            ("bot", 1, "nobody", "--owner: nobody is no active person"),
            ("bot", 1, "gone", "--owner: gone is no active person"),
        ],
    )
    def test_is_not_made_where_the_command_refuses(self, name: str, days: int, owner: str, words: str) -> None:
        keeper()
        make_person("gone", is_active=False)

        with pytest.raises(CommandError, match=words):
            call_command("issue_key", name, role="read", owner=owner, days=days)

        assert not ApiKey.objects.exists()


def holding(text: str) -> set[str]:
    """Return the tables with a row that contains the text."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}" AS row WHERE row::text LIKE %s)', [f"%{text}%"])
            if cursor.fetchone()[0]:
                found.add(table)
    return found
