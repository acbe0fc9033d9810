"""The roles as Django groups: one group for each role, with exactly the permissions that `roles` lists.

The first migration of roles creates the groups. Every later `migrate` sets them again, so new models and roles need no
migration of their own; a group that differed gets an audit entry. Use other groups for other combinations of
permissions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from config.access.people_audit import note_people_change, people_audited
from config.access.roles import ROLES, SEEN, grants

GOVERNED_BY = ("access", "0004_people_are_governed")


def set_groups(apps: Any, using: str) -> None:
    """Give each role's group exactly its permissions, creating missing permissions first.

    Permissions exist only after `migrate`. `apps` are the current models, or the historical ones of a migration.
    """
    for label in filter(installed.is_installed, SEEN):  # an app that is switched off keeps what was granted
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects.using(using).select_related("content_type")
    known = {f"{row.content_type.app_label}.{row.codename}": row for row in permissions}
    for role in ROLES:
        group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=role)
        group.permissions.set([row for name, row in known.items() if grants(role, name)])


def delete_groups(apps: Any, using: str) -> None:
    """Delete the groups of all roles."""
    apps.get_model("auth", "Group").objects.using(using).filter(name__in=ROLES).delete()


def after_migrate(*, using: str, apps: Any = installed, **_: object) -> None:
    """Set the groups again, with an audit entry for each that differed, once people are governed."""
    app, name = GOVERNED_BY
    if MigrationRecorder(connections[using]).migration_qs.filter(app=app, name=name).exists():
        with people_audited(actor="command migrate", at=datetime.now(UTC), using=using):
            note_people_change()  # the models of migrations send no signals
            set_groups(apps, using)
