"""A process of the release before may set a mode while this one is installed: what it does not name is neutral."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("overrides", "0023_scorecards")]

    operations = [
        migrations.AlterField(
            "modulemode",
            "rollout_salt",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="of the roll-out; empty: from before there were salts",
                max_length=32,
            ),
        ),
        migrations.AlterField(
            "modulemode",
            "holdback_percent",
            models.FloatField(db_default=0.0, default=0.0, help_text="share of positions that are answered neutral"),
        ),
    ]
