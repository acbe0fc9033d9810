"""Marks of trades whose allocations are to be remembered, and what scales a position beside its levers."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0010_facts_in_the_order_of_their_lists")]

    operations = [
        migrations.CreateModel(
            name="FreshTrade",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("marked_at", models.DateTimeField()),
                (
                    "trade",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="telemetry.trade"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="decision",
            name="multipliers",
            field=models.JSONField(
                help_text="what scales a position beside its levers: coefficients, and what the cap cuts, unrounded",
                null=True,
            ),
        ),
    ]
