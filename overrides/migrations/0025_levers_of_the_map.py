"""The levers of the plan's map that had no input become levers: the database's copy of the registry gets their rows."""

from __future__ import annotations

from django.db import migrations

from telemetry.foundation.migration_sql import replace_function


class Migration(migrations.Migration):
    dependencies = [("overrides", "0024_defaults_of_modes")]

    operations = [replace_function(__file__, "lever_table")]
