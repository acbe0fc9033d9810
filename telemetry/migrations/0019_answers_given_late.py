"""One more reason why an action may not name a decision: the answer was given after the action."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0018_decisions_of_their_actions")]
    operations = [
        migrations.AlterField(
            "decisionoutcome",
            "misfit",
            models.CharField(
                blank=True,
                choices=[
                    ("unknown", "unknown"),
                    ("module", "module"),
                    ("pattern", "pattern"),
                    ("category", "category"),
                    ("book", "book"),
                    ("after", "after"),
                    ("late", "late"),
                    ("old", "old"),
                    ("taken", "taken"),
                ],
                db_default="",
                help_text="why the action may not name the decision; empty: it may",
                max_length=10,
            ),
        ),
    ]
