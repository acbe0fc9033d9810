"""Which triggers guard people, their rights and their keys; the functions they call stand beside this in `functions/`.

People are governed facts: each change needs an audit entry of the same transaction that states the new values, field
by field. The triggers watch named columns, so that the write of a login (`last_login`) costs nothing.

A test compares both with a migrated database. `overrides/models/sql/triggers.py` describes how to change one of them.
Privileges (GRANT, REVOKE) are set in migrations, because they name the application role of the deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from telemetry.foundation.migration_sql import Trigger

WATCHED = "INSERT OR UPDATE OF username, first_name, last_name, email, password, is_active, is_staff, is_superuser"
WHOLE = "refuse_always('rights are given and taken, not moved')"
ID = "refuse_always('votes and rights refer to people and groups by id')"
KEPT = "refuse_always('people are deactivated, never deleted, so that their actions keep a name')"

TRIGGERS: Mapping[str, tuple[Trigger, ...]] = MappingProxyType(
    {
        "auth_user": (
            Trigger("keep_person_name", "INSERT OR UPDATE OF username", "keep_person_name()"),
            Trigger("person_keeps_id", "UPDATE OF id", ID),
            Trigger("person_is_not_deleted", "DELETE", KEPT),
            Trigger("auth_user_is_not_truncated", "TRUNCATE", KEPT),
            Trigger("person_is_audited", WATCHED, "person_is_audited()", deferred=True),
        ),
        "auth_user_groups": (
            Trigger("membership_is_not_moved", "UPDATE", WHOLE),
            Trigger("auth_user_groups_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger("membership_is_audited", "INSERT OR DELETE", "membership_is_audited()", deferred=True),
        ),
        "auth_user_user_permissions": (
            Trigger("person_permission_is_not_moved", "UPDATE", WHOLE),
            Trigger("auth_user_user_permissions_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "person_permission_is_audited", "INSERT OR DELETE", "person_permission_is_audited()", deferred=True
            ),
        ),
        "auth_group": (
            Trigger("group_keeps_id", "UPDATE OF id", ID),
            Trigger("auth_group_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger("group_is_audited", "INSERT OR UPDATE OF name OR DELETE", "group_is_audited()", deferred=True),
        ),
        "auth_group_permissions": (
            Trigger("group_permission_is_not_moved", "UPDATE", WHOLE),
            Trigger("auth_group_permissions_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger("group_permission_is_audited", "INSERT OR DELETE", "group_permission_is_audited()", deferred=True),
        ),
        "access_personname": (
            Trigger("person_name_is_kept", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("access_personname_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        "access_apikey": (
            Trigger("guard_key", "INSERT OR UPDATE", "guard_key()"),
            Trigger(
                "key_is_not_deleted",
                "DELETE",
                "refuse_always('keys are revoked, never deleted, so that their actions keep a name')",
            ),
            Trigger("access_apikey_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger("key_is_audited", "INSERT OR UPDATE OF owner_id, revoked_at", "key_is_audited()", deferred=True),
        ),
    }
)
