"""What is never done to people, rights, keys and notices, as the application role or as the owner."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import DatabaseError, connection, transaction

from tests.bypass.people.changes import (
    ADA,
    BOB,
    CHANGES,
    DESK,
    LOOK_ID,
    refusal,
    run,
    write_entries,
)
from tests.people import settled

pytestmark = pytest.mark.django_db
DENIED = "permission denied"
OTHER_KEY = "another role, secret or expiry"
NEVER = {
    "delete a person": ("DELETE FROM auth_user WHERE username = 'ada'", DENIED),
    "delete a key": ("DELETE FROM access_apikey", DENIED),
    "swap the ids of two people": (
        f"UPDATE auth_user SET id = CASE id WHEN {ADA} THEN {BOB} ELSE {ADA} END WHERE id IN ({ADA}, {BOB})",
        "votes and rights refer to people and groups by id",
    ),
    "swap the ids of two groups": (
        "UPDATE auth_group SET id = id + 1000000",
        "votes and rights refer to people and groups by id",
    ),
    "move a membership": (f"UPDATE auth_user_groups SET group_id = {DESK}", DENIED),
    "move a permission of a person": (f"UPDATE auth_user_user_permissions SET user_id = {ADA}", DENIED),
    "move a permission of a group": (f"UPDATE auth_group_permissions SET permission_id = {LOOK_ID}", DENIED),
    "let one permission pass for another": (
        "UPDATE auth_permission SET codename = 'review_changerequest' WHERE codename = 'view_line'",
        DENIED,
    ),
    "let one table pass for another": ("UPDATE django_content_type SET app_label = 'overrides'", DENIED),
    "make a permission": ("INSERT INTO auth_permission (name) VALUES ('x')", DENIED),
    "give a name in advance": (f"INSERT INTO access_personname (key, person_id) VALUES ('new', {ADA})", DENIED),
    "free a name": ("DELETE FROM access_personname", DENIED),
    "give a name to another": (f"UPDATE access_personname SET person_id = {ADA}", DENIED),
    "rewrite Django's log": ("UPDATE django_admin_log SET change_message = ''", DENIED),
    "remove from Django's log": ("DELETE FROM django_admin_log", DENIED),
    "rewrite a notice": ("UPDATE telemetry_notice SET audience = 'x'", DENIED),
    "remove a notice": ("DELETE FROM telemetry_notice", DENIED),
    "take an acknowledgement back": ("DELETE FROM telemetry_acknowledgement", DENIED),
    "give a key another secret": ("UPDATE access_apikey SET digest = 'mine'", OTHER_KEY),
    "give a key another role": ("UPDATE access_apikey SET role = 'propose'", OTHER_KEY),
    "give a key another name": ("UPDATE access_apikey SET name = 'nice'", OTHER_KEY),
    "let a key live on": ("UPDATE access_apikey SET expires_at = NULL", OTHER_KEY),
    "give a key another prefix": ("UPDATE access_apikey SET prefix = 'bbbbbbbb'", OTHER_KEY),
    "leave a key without an owner": ("UPDATE access_apikey SET owner_id = NULL", "a key has an owner"),
    "issue a key to nobody": (
        "INSERT INTO access_apikey (name, role, prefix, digest, created_at) VALUES ('b', 'read', '1', 'x', now())",
        "a key has an owner",
    ),
    "assign a revoked key": (
        f"UPDATE access_apikey SET owner_id = {ADA} WHERE revoked_at IS NOT NULL",
        "a revoked key stays revoked",
    ),
    "call back a revoked key": (
        "UPDATE access_apikey SET revoked_at = NULL WHERE revoked_at IS NOT NULL",
        "a revoked key stays revoked",
    ),
    **{
        f"truncate {table}": (f"TRUNCATE {table} CASCADE", DENIED)
        for table in (
            "auth_user", "auth_user_groups", "auth_user_user_permissions", "auth_group", "auth_group_permissions",
            "access_apikey", "access_personname", "django_admin_log", "telemetry_notice", "telemetry_acknowledgement",
        )
    },
}  # fmt: skip


class TestNever:
    @pytest.mark.parametrize("operation", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
    @pytest.mark.parametrize(
        ("table", "column"),
        [
            ("telemetry_notice", "audience"),
            ("telemetry_acknowledgement", "acknowledged_at"),
            ("access_personname", "key"),
        ],
    )
    def test_is_what_people_were_told_rewritten_not_even_by_the_owner(
        self, table: str, column: str, operation: str
    ) -> None:
        with settled():
            write_entries(CHANGES["make a superuser"])
            run(
                "INSERT INTO telemetry_acknowledgement (notice_id, person_id, acknowledged_at) "
                f"SELECT id, {BOB}, now() FROM telemetry_notice"
            )
            run(f"INSERT INTO access_personname (key, person_id) VALUES ('ada', {ADA})")

        message = refusal(partial(run, operation.format(table, column, column)), role="owner")

        assert f"{table} is append-only: {operation.split()[0]} refused" in message

    @pytest.mark.parametrize("name", NEVER)
    def test_as_the_role_of_the_processes(self, name: str) -> None:
        statement, why = NEVER[name]

        assert why in refusal(partial(run, statement))

    @pytest.mark.parametrize("table", ["auth_user", "access_apikey"])
    def test_is_a_person_or_a_key_deleted_not_even_by_the_owner(self, table: str) -> None:
        assert "never deleted" in refusal(partial(run, f"DELETE FROM {table}"), role="owner")

    @pytest.mark.parametrize("table", ["auth_user_groups", "auth_user_user_permissions", "auth_group_permissions"])
    def test_is_a_right_moved_not_even_by_the_owner(self, table: str) -> None:
        assert "given and taken, not moved" in refusal(partial(run, f"UPDATE {table} SET id = id"), role="owner")

    def test_is_a_table_of_people_emptied_not_even_by_the_owner(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%_is_not_truncated' "
                "AND tgrelid::regclass::text ~ '^(auth|access)_|notice|acknowledgement'"
            )
            tables = {name for (name,) in cursor.fetchall()}
        assert tables == {
            "auth_user", "auth_user_groups", "auth_user_user_permissions", "auth_group", "auth_group_permissions",
            "access_apikey", "access_personname", "telemetry_notice", "telemetry_acknowledgement",
        }  # fmt: skip
        for table in tables:
            run(f"ALTER TABLE {table} ENABLE TRIGGER {table}_is_not_truncated")
            with pytest.raises(DatabaseError, match=r"refused"), transaction.atomic():
                run(f"TRUNCATE {table} CASCADE")
