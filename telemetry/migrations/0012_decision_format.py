"""The format of the engine that answered each decision; those stored before are of the first and hold none.

The column is nullable and unchecked, so that PostgreSQL adds it to every partition without reading a row.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0011_coefficients")]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="format",
            field=models.SmallIntegerField(help_text="of the engine that answered; null: the first", null=True),
        )
    ]
