"""What the application role may not do to facts: change or delete them.

The one exception is which revision of a trade is current. Outcomes, marks and attributions are derived and rebuilt.
"""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.migrations._role import execute_for_role

FACTS = "telemetry_trade, telemetry_action, telemetry_decision, telemetry_auditentry"

RESTRICT = f"""
REVOKE UPDATE, DELETE ON {FACTS} FROM {{role}};
GRANT UPDATE (is_current) ON telemetry_trade TO {{role}};
GRANT EXECUTE ON FUNCTION extend_decision_partitions(timestamptz, integer) TO {{role}};
"""

RELAX = f"""
REVOKE EXECUTE ON FUNCTION extend_decision_partitions(timestamptz, integer) FROM {{role}};
GRANT UPDATE, DELETE ON {FACTS} TO {{role}};
"""


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RESTRICT)


def relax(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, RELAX)


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0004_audit_chain")]
    operations = [migrations.RunPython(restrict, relax)]
