"""Count the positions of a day of which a size counts as unmoved because its decision is not stored or does not fit."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("overrides", "0026_blame")]

    operations = [
        migrations.AddField(
            model_name="earnedday",
            name="unknown_decision",
            field=models.PositiveIntegerField(
                db_default=0, help_text="positions with a sizing action whose decision is not stored"
            ),
        ),
        migrations.AddField(
            model_name="earnedday",
            name="unfit_decision",
            field=models.PositiveIntegerField(
                db_default=0, help_text="positions with a sizing action whose decision was not made for it"
            ),
        ),
    ]
