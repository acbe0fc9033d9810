"""The key that a trade was recorded with, so that a bot may read its own; rows recorded before name none."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0022_retirement")]
    operations = [
        migrations.AlterModelOptions(
            "trade",
            {
                "ordering": ("-closed_at",),
                "permissions": [("view_own_trade", "Can view trades that its owner's keys recorded")],
            },
        ),
        migrations.AlterModelOptions(
            "decision",
            {
                "ordering": ("-decision_id",),
                "permissions": [("view_own_decision", "Can view answers that its owner's keys received")],
            },
        ),
        migrations.AddField(
            "trade",
            "recorded_by",
            models.CharField(
                blank=True,
                db_default="",
                help_text="prefix of the API key that recorded it; empty: an import, or not known",
                max_length=12,
            ),
        ),
        migrations.AddIndex(
            "trade",
            models.Index(
                condition=~models.Q(recorded_by=""), fields=["recorded_by", "closed_at"], name="trade_by_recorder"
            ),
        ),
    ]
