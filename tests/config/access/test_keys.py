from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import OperationalError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from config.access.api import authentication
from config.access.api.authentication import KEY_RING, KeyRing, KeyUser
from config.access.keys import PERMISSIONS, KeyRevokedError, assign_key, digest_of, issue_key, matches, revoke_key
from config.access.models import ApiKey
from overrides.requests.authoring import may_draft
from telemetry.models import AuditEntry
from tests.builders import wait_until, waits_for_lock
from tests.people import as_committed, keeper, make_person, settled

pytestmark = pytest.mark.django_db

URL = "/api/v1/versions/"


def call(key: str) -> int:
    status: int = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}").get(URL).status_code
    return status


class TestIssue:
    def test_keeps_only_the_hash(self, now: datetime) -> None:
        row, key = issue_key(name="bot", role="evaluate", owner=keeper(), by=None, at=now)

        stored = ApiKey.objects.values().get()
        assert key.startswith(f"cw_{row.prefix}_")
        assert stored["digest"] == digest_of(key)
        assert key not in str(stored)

    def test_is_audited_without_the_key(self, author: User, now: datetime) -> None:
        row, key = issue_key(name="bot", role="record", owner=keeper(), by=author, at=now)

        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action, entry.object) == ("author", "issue", f"key {row.prefix}")
        assert json.loads(entry.content)["after"]["role"] == "record"
        assert key not in entry.content

    def test_makes_no_two_alike(self, now: datetime) -> None:
        keys = {issue_key(name="bot", role="read", owner=keeper(), by=None, at=now)[1] for _ in range(20)}

        assert len(keys) == 20


class TestMatches:
    def test_takes_the_key_until_it_expires(self, now: datetime) -> None:
        row, key = issue_key(
            name="bot", role="read", owner=keeper(), by=None, at=now, expires_at=now + timedelta(days=1)
        )

        assert matches(row, key, now=now)
        assert not matches(row, key, now=now + timedelta(days=1))
        assert not matches(row, key + "x", now=now)


class TestRevoke:
    def test_ends_a_key_once_and_for_good(self, author: User, now: datetime) -> None:
        row, key = issue_key(name="bot", role="read", owner=keeper(), by=None, at=now)

        assert revoke_key(prefix=row.prefix, by=author, at=now)
        assert not revoke_key(prefix=row.prefix, by=author, at=now + timedelta(days=1))

        row.refresh_from_db()
        assert row.revoked_at == now
        assert not matches(row, key, now=now)
        assert list(AuditEntry.objects.values_list("action", flat=True)) == ["revoke", "issue"]


class TestRoles:
    def test_never_review_or_apply(self) -> None:
        granted = frozenset[str]().union(*PERMISSIONS.values())

        assert not granted & {"overrides.review_changerequest", "overrides.apply_changerequest"}

    @pytest.mark.parametrize(("role", "rules"), [("propose", True), ("read", False), ("record", False)])
    def test_let_only_proposing_keys_draft_the_rules(self, role: str, rules: bool) -> None:
        key = KeyUser(ApiKey(role=role))

        assert [may_draft(kind, key) for kind in ("parameters", "policy", "lines")] == [rules, rules, True]

    def test_are_all_known(self) -> None:
        assert set(PERMISSIONS) == set(ApiKey.Role.values)


class TestAuthentication:
    def test_lets_a_live_key_in(self) -> None:
        _, key = issue_key(name="bot", role="read", owner=keeper(), by=None, at=datetime.now(UTC))

        assert call(key) == 200

    @pytest.mark.parametrize("key", ["", "x", "cw__", "cw_00000000_x", "cw_\xe9_x", "cw_a_b_c", "a b"])
    def test_refuses_what_is_no_key(self, key: str) -> None:
        assert call(key) == 401

    def test_refuses_another_scheme(self) -> None:
        response = APIClient(HTTP_AUTHORIZATION="Basic abc").get(URL)

        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
        assert "not a bearer key" in response.json()["detail"]

    def test_refuses_a_revoked_key(self) -> None:
        now = datetime.now(UTC)
        row, key = issue_key(name="bot", role="read", owner=keeper(), by=None, at=now)
        assert call(key) == 200

        revoke_key(prefix=row.prefix, by=None, at=now)
        KEY_RING.forget()

        assert call(key) == 401

    def test_goes_by_the_last_reading_while_the_database_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        row, _ = issue_key(name="bot", role="read", owner=keeper(), by=None, at=datetime.now(UTC))
        assert KEY_RING.find(row.prefix) == row

        def away(**_: object) -> None:
            raise OperationalError("server closed the connection")

        monkeypatch.setattr(ApiKey.objects, "filter", away)
        KEY_RING.forget()

        assert KEY_RING.find(row.prefix) == row

    def test_knows_nobody_before_the_first_reading(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(**_: object) -> None:
            raise OperationalError("server closed the connection")

        monkeypatch.setattr(ApiKey.objects, "filter", away)
        ring = KeyRing()

        with pytest.raises(OperationalError, match="have not been read yet"):
            ring.find("00000000")

        ring.forget()


@pytest.mark.django_db(transaction=True)
class TestReadingAside:
    """The key ring's background thread, at a hundred readings a second."""

    @pytest.fixture(autouse=True)
    def often(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(authentication, "REFRESH_SECONDS", 0.01)
        yield
        KEY_RING.close()

    def test_notes_that_a_key_was_used(self) -> None:
        row, key = issue_key(name="bot", role="read", owner=keeper(), by=None, at=datetime.now(UTC))
        began = datetime.now(UTC)

        assert call(key) == 200

        wait_until(lambda: ApiKey.objects.filter(pk=row.pk, last_used_at__gte=began).exists(), "the use to be noted")

    def test_learns_of_new_and_of_revoked_keys(self) -> None:
        first, first_key = issue_key(name="bot", role="read", owner=keeper(), by=None, at=datetime.now(UTC))
        assert call(first_key) == 200

        _, second_key = issue_key(name="another", role="read", owner=keeper(), by=None, at=datetime.now(UTC))
        revoke_key(prefix=first.prefix, by=None, at=datetime.now(UTC))

        wait_until(lambda: (call(first_key), call(second_key)) == (401, 200), "the ring to be read again")

    def test_holds_nobody_up_while_the_database_does_not_answer(self) -> None:
        row, key = issue_key(name="bot", role="read", owner=keeper(), by=None, at=datetime.now(UTC))
        assert call(key) == 200

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE access_apikey IN ACCESS EXCLUSIVE MODE")
            wait_until(waits_for_lock, "the ring's thread to wait for the table")

            assert KEY_RING.find(row.prefix) == row


class TestAdmin:
    @pytest.fixture
    def browser(self, client: Client, admin_user: User) -> Client:
        client.force_login(admin_user)
        return client

    def test_shows_a_new_key_this_once(self, browser: Client) -> None:
        owner = keeper()

        response = browser.post("/admin/access/apikey/add/", {"name": "bot", "role": "evaluate", "owner": owner.pk})

        row = ApiKey.objects.get()
        assert row.owner == owner
        assert response.status_code == 200
        assert "no-store" in response["Cache-Control"]
        key = response.content.decode().partition('id="issued-key">')[2].partition("<")[0]
        assert digest_of(key) == row.digest
        assert (row.created_by and row.created_by.username, row.role) == ("admin", "evaluate")
        assert key not in browser.get(f"/admin/access/apikey/{row.pk}/change/").content.decode()

    def test_refuses_an_expiry_in_the_past(self, browser: Client) -> None:
        past = {"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}

        response = browser.post("/admin/access/apikey/add/", {"name": "bot", "role": "read"} | past)

        assert "lies in the past" in response.content.decode()
        assert not ApiKey.objects.exists()

    def test_leads_to_what_came_with_the_key(self, browser: Client, now: datetime) -> None:
        row, _ = issue_key(name="bot", role="bot", owner=keeper(), by=None, at=now)

        shown = browser.get(f"/admin/access/apikey/{row.pk}/change/").content.decode()

        for model in ("decision", "trade"):
            address = f"/admin/telemetry/{model}/?key=cw_{row.prefix}"
            assert f'href="{address}"' in shown
            assert browser.get(address).status_code == 200

    def test_revokes(self, browser: Client, now: datetime) -> None:
        row, _ = issue_key(name="bot", role="read", owner=keeper(), by=None, at=now)

        browser.post("/admin/access/apikey/", {"action": "revoke", "_selected_action": [row.pk]})

        row.refresh_from_db()
        assert row.revoked_at is not None

    def test_lets_viewers_look_only(self, client: Client, author: User, now: datetime) -> None:
        row, _ = issue_key(name="bot", role="read", owner=keeper(), by=None, at=now)
        with settled():
            author.user_permissions.add(Permission.objects.get(codename="view_apikey"))
        client.force_login(author)

        assert client.get("/admin/access/apikey/").status_code == 200
        assert client.get("/admin/access/apikey/add/").status_code == 403
        client.post("/admin/access/apikey/", {"action": "revoke", "_selected_action": [row.pk]})
        row.refresh_from_db()
        assert row.revoked_at is None

    def test_assigns_another_owner_with_one_entry(self, browser: Client, author: User, now: datetime) -> None:
        row, key = issue_key(name="bot", role="propose", owner=keeper(), by=None, at=now)
        as_committed()
        where, form = f"/admin/access/apikey/{row.pk}/change/", {"owner": author.pk, "role": "read", "name": "x"}

        for _ in range(2):
            assert browser.post(where, form).status_code == 302

        row.refresh_from_db()
        assert (row.owner, row.role, row.name) == (author, "propose", "bot")
        entry = AuditEntry.objects.latest("seq")
        assert (entry.actor, entry.action, entry.object) == ("admin", "assign", f"key {row.prefix}")
        content = json.loads(entry.content)
        assert (content["before"], content["after"]) == ({"owner": "keeper"}, {"owner": "author"})
        assert AuditEntry.objects.filter(action="assign").count() == 1
        assert matches(row, key, now=now)

    def test_assigns_no_revoked_key_and_to_no_inactive_person(
        self, browser: Client, author: User, now: datetime
    ) -> None:
        ended, _ = issue_key(name="ended", role="propose", owner=keeper(), by=None, at=now)
        live, _ = issue_key(name="live", role="propose", owner=keeper(), by=None, at=now)
        revoke_key(prefix=ended.prefix, by=author, at=now)
        gone = make_person("gone", is_active=False)

        refused = browser.post(f"/admin/access/apikey/{ended.pk}/change/", {"owner": author.pk})
        answers = [
            browser.post(f"/admin/access/apikey/{live.pk}/change/", {"owner": who}).content.decode()
            for who in (gone.pk, "")
        ]

        assert refused.status_code == 403
        assert ["Select a valid choice" in answers[0], "This field is required" in answers[1]] == [True, True]
        assert set(ApiKey.objects.values_list("owner__username", flat=True)) == {"keeper"}
        with pytest.raises(KeyRevokedError, match="is revoked; issue a new key to author"):
            assign_key(prefix=ended.prefix, owner=author, by=author, at=now)

    @pytest.mark.parametrize(
        ("owner", "text"), [("keeper", "keeper</td>"), ("gone", "deactivated</span>"), (None, "no owner</span>")]
    )
    def test_shows_the_owner_of_a_key(self, browser: Client, now: datetime, owner: str | None, text: str) -> None:
        row, _ = issue_key(name="bot", role="read", owner=keeper(), by=None, at=now)
        as_committed()
        gone = make_person("gone", is_active=False)
        with settled():
            whose = {"keeper": keeper(), "gone": gone}.get(owner or "")
            ApiKey.objects.filter(pk=row.pk).update(owner=whose)

        assert text in browser.get("/admin/access/apikey/").content.decode()
