"""Trades that were attributed without a decision are found when the decision is stored at last."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0023_trades_of_keys")]
    operations = [
        migrations.AddIndex(
            "decisionoutcome",
            models.Index(
                condition=models.Q(("misfit", "unknown")), fields=["decision_id"], name="decision_still_unknown"
            ),
        ),
    ]
