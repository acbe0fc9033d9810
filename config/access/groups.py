"""The roles in the database: one Django group each, holding what `roles` says and nothing else.

The first migration of roles makes them. Every later `migrate` sets them again, so that models and roles which come
with it are covered without a migration of their own; for other wishes make other groups.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from config.access.roles import ROLES, SEEN, grants

MADE_BY = ("access", "0002_roles")


def set_groups(apps: Any, using: str) -> None:
    """Give each role's group exactly its permissions; these exist only after `migrate`, so they are made where missing.

    `apps` are the models as they are, or as a migration sees them.
    """
    for label in SEEN:
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects.using(using).select_related("content_type")
    known = {f"{row.content_type.app_label}.{row.codename}": row for row in permissions}
    for role in ROLES:
        group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=role)
        group.permissions.set([row for name, row in known.items() if grants(role, name)])


def delete_groups(apps: Any, using: str) -> None:
    apps.get_model("auth", "Group").objects.using(using).filter(name__in=ROLES).delete()


def after_migrate(*, using: str, apps: Any = installed, **_: object) -> None:
    """Set them again, from the migration that made them on."""
    app, name = MADE_BY
    if MigrationRecorder(connections[using]).migration_qs.filter(app=app, name=name).exists():
        set_groups(apps, using)
