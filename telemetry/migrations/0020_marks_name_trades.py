"""A mark of a changed group names the trades that changed in it; a mark without names has the group read as a whole."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0019_answers_given_late")]
    operations = [
        migrations.AddField(
            "dirtygroup",
            "trades",
            ArrayField(
                base_field=models.UUIDField(),
                null=True,
                size=None,
                help_text="the trades that gained or lost outcomes; empty: too many to be named, or not known",
            ),
        ),
    ]
