"""Decisions that came before their month had a table get one; those of positions that may be open are not retired."""

from __future__ import annotations

from django.db import migrations

from telemetry.foundation.migration_sql import replace_function


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0025_episodes")]
    operations = [
        replace_function(__file__, "extend_decision_partitions"),
        replace_function(__file__, "retire_decisions"),
    ]
