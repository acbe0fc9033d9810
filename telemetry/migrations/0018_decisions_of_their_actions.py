"""A decision counts for one trade, whose action it was made for; what an action applied in place of what was served.

Trades that were attributed keep their attribution: each of their decisions counts for the trade that named it first.
"""

from __future__ import annotations

import django.contrib.postgres.indexes
from django.db import migrations, models

CREDITS = """
INSERT INTO telemetry_decisioncredit (decision_id, external_id)
SELECT DISTINCT ON (named.decision_id) named.decision_id, trade.external_id
FROM telemetry_decisionoutcome AS named JOIN telemetry_trade AS trade ON trade.id = named.trade_id
WHERE named.unattributed <> 'no such decision was recorded'
ORDER BY named.decision_id, trade.recorded_at, named.id;

UPDATE telemetry_decisionoutcome SET misfit = 'unknown' WHERE unattributed = 'no such decision was recorded';
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0017_replays")]
    operations = [
        migrations.CreateModel(
            name="DecisionCredit",
            fields=[
                ("decision_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("external_id", models.CharField(max_length=200)),
            ],
        ),
        migrations.AddField(
            "action",
            "applied",
            models.JSONField(help_text="lever -> value used; null: as served", null=True),
        ),
        migrations.AddIndex(
            "action",
            django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("decision_ids", []), _negated=True),
                fastupdate=False,
                fields=["decision_ids"],
                name="action_by_decision",
            ),
        ),
        migrations.AddField(
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
                    ("old", "old"),
                    ("taken", "taken"),
                ],
                db_default="",
                help_text="why the action may not name the decision; empty: it may",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            "decisionoutcome",
            models.Index(
                condition=models.Q(("misfit", ""), _negated=True), fields=["trade"], name="decision_named_wrongly"
            ),
        ),
        migrations.RunSQL(CREDITS, migrations.RunSQL.noop),
    ]
