"""An explored position may not have had the arm that it drew: the bot reports that it took another value."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("overrides", "0028_arms")]

    operations = [
        migrations.AddField(
            model_name="armoutcome",
            name="took_other",
            field=models.BooleanField(
                db_default=False, default=False, help_text="whether the bot took another value than the one drawn"
            ),
        ),
    ]
