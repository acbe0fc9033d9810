"""When the result of an action was known: stated by the action, and computed for each outcome.

No action recorded so far states it, so the outcomes there are were known at the close of their trades.
"""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0014_notices")]
    operations = [
        migrations.AddField(
            "action",
            "known_at",
            models.DateTimeField(help_text="when its last result was known; empty: at the close", null=True),
        ),
        migrations.AddConstraint(
            "action",
            models.CheckConstraint(
                condition=models.Q(known_at=None) | models.Q(known_at__gte=models.F("at")),
                name="action_is_known_after_it_was_taken",
            ),
        ),
        migrations.AddField(
            "outcome", "known_at", models.DateTimeField(help_text="nothing is learned from it before", null=True)
        ),
        migrations.RunSQL("UPDATE telemetry_outcome SET known_at = closed_at", migrations.RunSQL.noop),
        migrations.AlterField(
            "outcome", "known_at", models.DateTimeField(help_text="nothing is learned from it before")
        ),
        migrations.AddConstraint(
            "outcome",
            models.CheckConstraint(
                condition=models.Q(known_at__gte=models.F("closed_at")), name="outcome_is_known_after_the_close"
            ),
        ),
        migrations.AddIndex("outcome", BrinIndex(fields=["known_at"], autosummarize=True, name="outcome_by_knowledge")),
    ]
