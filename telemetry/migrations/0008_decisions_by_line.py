"""Decisions by the lines that moved them: what an auditor asks for first, and no other index answers.

Only the lines are indexed, as hashes, so that a decision costs a few bytes more. The expression must be spelt in
queries as it is here: `overrides.admin.decision_search.MOVED_LINES`.
"""

from __future__ import annotations

from django.db import migrations

INDEX = """
CREATE INDEX decision_by_line ON telemetry_decision
    USING gin (jsonb_path_query_array(contributions, '$[*].line') jsonb_path_ops)
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0007_stored_answers")]
    operations = [migrations.RunSQL(INDEX, "DROP INDEX decision_by_line")]
