"""Decisions newest first by what an auditor narrows them by.

Every index ends with the id, which is the order of the list: a page is read off it, however few or many decisions fit.
The leading columns hold few values and ids only grow, so that a new decision touches the same few pages every time.
"""

from __future__ import annotations

from django.contrib.postgres.indexes import OpClass
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0008_decisions_by_line")]
    operations = [
        migrations.AddIndex(
            "decision",
            models.Index(
                OpClass("pattern_key", "varchar_pattern_ops"), models.F("decision_id"), name="decision_pattern_order"
            ),
        ),
        *(
            migrations.AddIndex("decision", models.Index(fields=[*leading, "decision_id"], name=name))
            for name, leading in (
                ("decision_category_order", ["action_category"]),
                ("decision_reason_order", ["reason"]),
                ("decision_mode_order", ["mode"]),
                ("decision_version_order", ["module", "version"]),
            )
        ),
    ]
