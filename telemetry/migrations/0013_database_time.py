"""Times that grant or prove something are the database's own, and a transaction is named together with its cluster.

An entry of the audit trail is hashed by format 2 from here on: everything that it says is in its hash. The first such
entry continues the hash of the last one of format 1, and so seals what came before it.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from telemetry.foundation.migration_sql import create_function, replace_function
from telemetry.migrations._role import execute_for_role

SIMULATED = """
CREATE TABLE simulated_time (
    is_allowed boolean PRIMARY KEY DEFAULT true CHECK (is_allowed),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL CHECK (reason <> '')
);
COMMENT ON TABLE simulated_time IS 'One row allows other times than the clock''s. Only the owner may write it.';
"""


def restrict(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    execute_for_role(editor, "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON simulated_time FROM {role};")


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0012_decision_format")]
    operations = [
        migrations.AddField(
            "auditentry",
            "format",
            models.SmallIntegerField(default=1, help_text="which fields the hash covers (core.hash_chain)"),
        ),
        migrations.AddField(
            "auditentry",
            "epoch",
            models.BigIntegerField(default=0, help_text="the cluster in which the transaction id means something"),
        ),
        migrations.RunSQL(SIMULATED, "DROP TABLE simulated_time"),
        migrations.RunPython(restrict, migrations.RunPython.noop),
        create_function(__file__, "current_epoch"),
        create_function(__file__, "is_this_transaction"),
        create_function(__file__, "is_time_simulated"),
        create_function(__file__, "refuse_other_time"),
        create_function(__file__, "keep_time"),
        replace_function(__file__, "link_audit_entry"),
    ]
