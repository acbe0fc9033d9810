"""What the application role may not do to policy: rewrite what was published, signed or hashed.

A version may be activated and replaced, a membership closed, a hold lifted, a mandate revoked; their content stays.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.migrations._role import execute_for_role

IMMUTABLE = "overrides_line, overrides_override, overrides_parameterset"
CLOSABLE = {
    "learning_configs": "is_active",
    "overrides_membership": "to_version",
    "overrides_linehold": "lifted_at",
    "overrides_mandate": "revoked_at",
}

RESTRICT = f"REVOKE UPDATE, DELETE ON {IMMUTABLE}, {', '.join(CLOSABLE)} FROM {{role}};" + "".join(
    f"GRANT UPDATE ({column}) ON {table} TO {{role}};" for table, column in CLOSABLE.items()
)
RELAX = f"GRANT UPDATE, DELETE ON {IMMUTABLE}, {', '.join(CLOSABLE)} TO {{role}};"


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RESTRICT)


def relax(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RELAX)


class Migration(migrations.Migration):
    dependencies = [("overrides", "0001_policy")]
    operations = [migrations.RunPython(restrict, relax)]
