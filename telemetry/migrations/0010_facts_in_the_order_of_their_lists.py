"""Trades by outcome and symbol, attributions newest first and by total, job runs newest first: as lists show them."""

from __future__ import annotations

from django.contrib.postgres.indexes import OpClass
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0009_decisions_in_order")]
    operations = [
        migrations.AddIndex("trade", models.Index(fields=["rr"], name="trade_by_outcome")),
        migrations.AddIndex(
            "trade",
            models.Index(
                OpClass("symbol", "varchar_pattern_ops"), models.F("closed_at").desc(), name="trade_by_symbol"
            ),
        ),
        migrations.AddIndex(
            "attribution", models.Index(fields=["-attributed_at", "-trade"], name="attribution_newest_first")
        ),
        migrations.AddIndex("attribution", models.Index(fields=["total"], name="attribution_by_total")),
        migrations.AddIndex("jobrun", models.Index(fields=["-finished_at"], name="job_run_newest_first")),
    ]
