"""Make people governed facts: the database requires an audit entry for each change of people, their rights and keys.

One entry for each existing person, group and key states how it was found, so that the trail starts from a known state.
Two existing people whose names differ only in case both keep their names.
"""

from __future__ import annotations

import json

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger
from telemetry.migrations._role import execute_for_role

CREATED = (  # in the order in which they call each other
    "audited_value", "refuse_unaudited", "require_audited_value", "require_notice", "refuse_temporary_right",
    "refuse_always", "person_name_key", "keep_person_name", "person_fields", "person_object", "groups_of",
    "permission_names", "permissions_of", "permissions_of_group", "is_rename_audited", "is_review_permission",
    "password_is_of_another", "person_is_audited", "membership_is_audited", "person_permission_is_audited",
    "group_is_audited", "group_permission_is_audited", "guard_key", "key_is_audited",
)  # fmt: skip
WATCHED = "INSERT OR UPDATE OF username, first_name, last_name, email, password, is_active, is_staff, is_superuser"
WHOLE = "refuse_always('rights are given and taken, not moved')"
ID = "refuse_always('votes and rights refer to people and groups by id')"
PERSON_KEPT = "refuse_always('people are deactivated, never deleted, so that their actions keep a name')"
KEY_KEPT = "refuse_always('keys are revoked, never deleted, so that their actions keep a name')"
TRIGGERS = (
    ("auth_user", Trigger("keep_person_name", "INSERT OR UPDATE OF username", "keep_person_name()")),
    ("auth_user", Trigger("person_keeps_id", "UPDATE OF id", ID)),
    ("auth_user", Trigger("person_is_not_deleted", "DELETE", PERSON_KEPT)),
    ("auth_user", Trigger("auth_user_is_not_truncated", "TRUNCATE", PERSON_KEPT)),
    ("auth_user", Trigger("person_is_audited", WATCHED, "person_is_audited()", deferred=True)),
    ("auth_user_groups", Trigger("membership_is_not_moved", "UPDATE", WHOLE)),
    ("auth_user_groups", Trigger("auth_user_groups_is_not_truncated", "TRUNCATE", "refuse_change()")),
    (
        "auth_user_groups",
        Trigger("membership_is_audited", "INSERT OR DELETE", "membership_is_audited()", deferred=True),
    ),
    ("auth_user_user_permissions", Trigger("person_permission_is_not_moved", "UPDATE", WHOLE)),
    (
        "auth_user_user_permissions",
        Trigger("auth_user_user_permissions_is_not_truncated", "TRUNCATE", "refuse_change()"),
    ),
    (
        "auth_user_user_permissions",
        Trigger("person_permission_is_audited", "INSERT OR DELETE", "person_permission_is_audited()", deferred=True),
    ),
    ("auth_group", Trigger("group_keeps_id", "UPDATE OF id", ID)),
    ("auth_group", Trigger("auth_group_is_not_truncated", "TRUNCATE", "refuse_change()")),
    (
        "auth_group",
        Trigger("group_is_audited", "INSERT OR UPDATE OF name OR DELETE", "group_is_audited()", deferred=True),
    ),
    ("auth_group_permissions", Trigger("group_permission_is_not_moved", "UPDATE", WHOLE)),
    ("auth_group_permissions", Trigger("auth_group_permissions_is_not_truncated", "TRUNCATE", "refuse_change()")),
    (
        "auth_group_permissions",
        Trigger("group_permission_is_audited", "INSERT OR DELETE", "group_permission_is_audited()", deferred=True),
    ),
    ("access_personname", Trigger("person_name_is_kept", "UPDATE OR DELETE", "refuse_change()")),
    ("access_personname", Trigger("access_personname_is_not_truncated", "TRUNCATE", "refuse_change()")),
    ("access_apikey", Trigger("guard_key", "INSERT OR UPDATE", "guard_key()")),
    ("access_apikey", Trigger("key_is_not_deleted", "DELETE", KEY_KEPT)),
    ("access_apikey", Trigger("access_apikey_is_not_truncated", "TRUNCATE", "refuse_change()")),
    (
        "access_apikey",
        Trigger("key_is_audited", "INSERT OR UPDATE OF owner_id, revoked_at", "key_is_audited()", deferred=True),
    ),
)
NAMES = """
INSERT INTO access_personname (key, person_id)
SELECT person_name_key(username), id FROM auth_user ORDER BY id ON CONFLICT (key) DO NOTHING;
"""
FOUND = """
SELECT 'group ' || name, jsonb_build_object('name', name, 'permissions', permissions_of_group(id))
FROM auth_group ORDER BY id;
SELECT 'person ' || username, person_fields(u) || jsonb_build_object(
    'groups', groups_of(id), 'permissions', permissions_of(id),
    'password', CASE WHEN password = '' OR starts_with(password, '!') THEN 'none' ELSE 'set' END
)
FROM auth_user AS u ORDER BY id;
SELECT 'key ' || k.prefix, jsonb_build_object(
    'name', k.name, 'role', k.role, 'owner', u.username, 'expires_at', k.expires_at, 'revoked_at', k.revoked_at
)
FROM access_apikey AS k LEFT JOIN auth_user AS u ON u.id = k.owner_id ORDER BY k.id
"""
ENTRY = """
INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction)
VALUES (0, '', '', %s, %s, 0)
"""
# Processes only add to Django's own log, and only migrations write the tables of permissions.
RESTRICT = """
REVOKE UPDATE, DELETE ON django_admin_log FROM {role};
REVOKE INSERT, UPDATE, DELETE ON auth_permission, django_content_type, access_personname FROM {role};
REVOKE DELETE ON auth_user, access_apikey FROM {role};
REVOKE UPDATE ON auth_user_groups, auth_user_user_permissions, auth_group_permissions FROM {role};
"""
RELAX = """
GRANT UPDATE, DELETE ON django_admin_log TO {role};
GRANT INSERT, UPDATE, DELETE ON auth_permission, django_content_type TO {role};
GRANT DELETE ON auth_user, access_apikey TO {role};
GRANT UPDATE ON auth_user_groups, auth_user_user_permissions, auth_group_permissions TO {role};
"""


# PostgreSQL stores years and infinities that Python cannot read: every page of such a person would fail.
READABLE = """
ALTER TABLE auth_user ADD CONSTRAINT person_times_are_readable CHECK (
    last_login BETWEEN '1900-01-01 00:00+00' AND '9000-01-01 00:00+00'
    AND date_joined BETWEEN '1900-01-01 00:00+00' AND '9000-01-01 00:00+00'
);
ALTER TABLE access_apikey ADD CONSTRAINT key_times_are_readable CHECK (
    created_at BETWEEN '1900-01-01 00:00+00' AND '9000-01-01 00:00+00'
    AND expires_at BETWEEN '1900-01-01 00:00+00' AND '9000-01-01 00:00+00'
    AND revoked_at BETWEEN '1900-01-01 00:00+00' AND '9000-01-01 00:00+00'
    AND last_used_at BETWEEN '1900-01-01 00:00+00' AND '9000-01-01 00:00+00'
);
"""
UNREADABLE = """
ALTER TABLE auth_user DROP CONSTRAINT person_times_are_readable;
ALTER TABLE access_apikey DROP CONSTRAINT key_times_are_readable;
"""


def write_entries(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Write one audit entry for each person, group and key."""
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT now(), to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        now, at = cursor.fetchone()
        for statement in FOUND.split(";"):
            cursor.execute(statement)
            for named, fields in cursor.fetchall():
                content = {
                    "actor": "migration access.0004_people_are_governed",
                    "action": "find",
                    "object": named,
                    "reason": "people are governed facts from now on",
                    "before": None,
                    "after": fields if isinstance(fields, dict) else json.loads(fields),
                    "at": at,
                    "request_id": "",
                }
                text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                cursor.execute(ENTRY, [text, now])


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Revoke the privileges of the application role that governance does not need."""
    execute_for_role(editor, RESTRICT)


def relax(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Grant the privileges again that `restrict` revokes."""
    execute_for_role(editor, RELAX)


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0003_key_owner"),
        ("telemetry", "0014_notices"),
        ("overrides", "0012_content_bound_by_keys"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.RunSQL(READABLE, UNREADABLE),
        migrations.CreateModel(
            name="PersonName",
            fields=[
                ("key", models.CharField(max_length=600, primary_key=True, serialize=False)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        *(create_function(__file__, name) for name in CREATED),
        *(create_trigger(table, trigger) for table, trigger in TRIGGERS),
        migrations.RunSQL(NAMES, migrations.RunSQL.noop),
        migrations.RunPython(write_entries, migrations.RunPython.noop),
        migrations.RunPython(restrict, relax),
    ]
