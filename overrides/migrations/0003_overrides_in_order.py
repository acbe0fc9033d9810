"""Overrides in the orders of their list: newest first, by edge, by sample."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("overrides", "0002_append_only")]
    operations = [
        migrations.AddIndex(
            "override", models.Index(models.F("created_at").desc(), models.F("id"), name="override_newest_first")
        ),
        migrations.AddIndex("override", models.Index(fields=["edge_raw"], name="override_by_edge")),
        migrations.AddIndex("override", models.Index(fields=["n"], name="override_by_sample")),
    ]
