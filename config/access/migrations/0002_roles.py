"""The roles of people as groups, with the permissions that `config.access.roles` gives them."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from config.access.groups import delete_groups, set_groups


def make(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    set_groups(apps, editor.connection.alias)


def unmake(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    delete_groups(apps, editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_keys"),
        ("overrides", "0007_propose_parameters"),
        ("telemetry", "0008_decisions_by_line"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make, unmake)]
