"""What a trade would have earned by other values of a lever, with the value that was taken among them."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0016_units_of_risk")]
    operations = [
        migrations.AddField(
            "action",
            "replays",
            models.JSONField(default=dict, help_text="lever -> arm -> rr of the trade had it been taken"),
        ),
        migrations.AddField(
            "action",
            "taken_arms",
            models.JSONField(default=dict, help_text="lever -> the arm that was taken, one of its replays"),
        ),
    ]
